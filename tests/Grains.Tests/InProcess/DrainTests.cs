using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Tests.Contracts;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.InProcess;

/// <summary>A worker that is to leave while its process stays: it ends what it has and gets nothing new.</summary>
public sealed class DrainTests() : FabricContract(new InProcessHarness())
{
    [Fact]
    public async Task Drain_RunningGeneration_EndsThereAndNothingNewComes()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest running = Samples.Request();
        await Fabric.AdmitAsync(running);
        await worker.NextAsync<RunGeneration>();

        Task drain = worker.Session.DrainAsync(CancellationToken.None).AsTask();
        GenerationFault refused = await Fabric.RefuseAsync(Samples.Request());
        bool wasWaiting = !drain.IsCompleted;
        await worker.ResumeAsync();
        (ImmutableArray<int> ids, GenerationEnd end) = await Fabric.ReadAsync(running.Id);
        await drain;

        Assert.Equal(GenerationFaultCode.Unavailable, refused.Code);
        Assert.Empty(Fabric.Models.Offered);
        Assert.True(wasWaiting);
        Assert.Equal(Samples.Answer(), ids);
        Assert.Equal(EndReason.Stop, end.Reason);
    }

    [Fact]
    public async Task Drain_AnotherWorkerOfTheModel_GetsWhatComes()
    {
        await using ScriptedWorker leaving = await Fabric.JoinAsync(paused: true);
        await using ScriptedWorker staying = await Fabric.JoinAsync(paused: true);

        await leaving.Session.DrainAsync(CancellationToken.None);
        GenerationRequest request = Samples.Request();
        await Fabric.AdmitAsync(request);

        Assert.Equal(request.Id, (await staying.NextAsync<RunGeneration>()).Request.Id);
        Assert.Single(Fabric.Models.Offered);
    }

    [Fact]
    public async Task Drain_TimeIsOver_ReturnsAndLeavingGivesTheRestAway()
    {
        ScriptedWorker leaving = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = Samples.Request();
        await Fabric.AdmitAsync(request);
        Task<(ImmutableArray<int> Ids, GenerationEnd End)> reading = Fabric.ReadAsync(request.Id);
        await leaving.StepAsync(2);

        await leaving.Session.DrainAsync(new CancellationToken(canceled: true));
        await leaving.DisposeAsync();
        await using ScriptedWorker next = await Fabric.JoinAsync();

        Assert.Equal(Samples.Answer(), (await reading).Ids);
        Assert.Single(Fabric.Models.Offered);
    }
}
