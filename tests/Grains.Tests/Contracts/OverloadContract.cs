using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What every fabric promises about callers that ask for more than there is. The limits are those of <see cref="Limits"/>.</summary>
public abstract class OverloadContract(FabricHarness harness) : FabricContract(harness)
{
    public static CallerLimits Limits { get; } = new(Running: 3, Requests: 40);

    [Fact]
    public async Task Dispatch_OneCallerFillsTheQueue_AnotherBeginsAsSoonAsOneEnds()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true, maxSequences: 1, maxQueued: 99);
        GenerationRequest[] many = [.. Enumerable.Range(0, 40).Select(_ => Samples.Request("alice"))];
        foreach (GenerationRequest request in many)
        {
            await Fabric.AdmitAsync(request);
        }

        GenerationRequest single = Samples.Request("bob");
        await Fabric.AdmitAsync(single);
        GenerationId[] begun = [(await worker.NextAsync<RunGeneration>()).Request.Id, (await worker.NextAsync<RunGeneration>()).Request.Id];
        await worker.EndAsync(begun[0], EndReason.Stop);

        Assert.Equal(many[..2].Select(request => request.Id), begun); // one runs, one is there to begin with
        Assert.Equal(single.Id, (await worker.NextAsync<RunGeneration>()).Request.Id);
    }

    [Fact]
    public async Task Dispatch_CallerAtItsRunningLimit_WaitsUntilOneEnds()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 5).Select(_ => Samples.Request("alice")), Samples.Request("bob")];
        foreach (GenerationRequest request in requests)
        {
            await Fabric.AdmitAsync(request);
        }

        GenerationState?[] before = await Task.WhenAll(requests.Select(Fabric.StateAsync));
        await worker.NextAsync<RunGeneration>();
        await worker.EndAsync(requests[0].Id, EndReason.Stop);

        Assert.Equal(
            [GenerationState.Running, GenerationState.Running, GenerationState.Running, GenerationState.Queued, GenerationState.Queued, GenerationState.Running],
            before);
        await Fabric.WaitForAsync(requests[3], GenerationState.Running);
        Assert.Equal(GenerationState.Queued, await Fabric.StateAsync(requests[4]));
    }

    [Fact]
    public async Task Admit_CallerAtItsRequestLimit_IsRefusedAndOthersAreNot()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        Admission[] outcomes = await Task.WhenAll(Enumerable.Range(0, 50)
            .Select(_ => Fabric.Generations.AdmitAsync(Samples.Request("alice"), CancellationToken.None).AsTask()));

        GenerationFault fault = outcomes.OfType<Refused>().First().Fault;

        Assert.Equal(40, outcomes.OfType<Admitted>().Count());
        Assert.Equal(GenerationFaultCode.Overloaded, fault.Code);
        Assert.NotNull(fault.RetryAfter);
        await Fabric.AdmitAsync(Samples.Request("bob"));
    }

    [Fact]
    public async Task Dispatch_NextTurn_GoesToTheWorkerOfTheLastOne()
    {
        await using ScriptedWorker first = await Fabric.JoinAsync();
        GenerationId conversation = await Fabric.AnswerAsync(Samples.Turn());
        await using ScriptedWorker second = await Fabric.JoinAsync();
        await first.PauseAsync();
        await Fabric.AdmitAsync(Samples.Request("bob"));
        await Fabric.AdmitAsync(Samples.Turn(conversation, index: 1));

        Assert.Equal(conversation, (await first.NextAsync<RunGeneration>()).Request.Id);
        await first.NextAsync<RunGeneration>();
        RunGeneration turn = await first.NextAsync<RunGeneration>();

        Assert.Equal(conversation, turn.Request.Turn?.Conversation);
    }
}
