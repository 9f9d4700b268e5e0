using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Stores;
using GlmCluster.Grains.Tests.Contracts;
using GlmCluster.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>The database's disk is full for a while: requests are refused, answers wait, nothing is lost.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private readonly ManualTimeProvider _time = new();
    private FullDiskProxy _proxy = null!;
    private PostgresFabric? _fabric;

    private PostgresFabric Fabric => _fabric!;

    public async ValueTask InitializeAsync() => _proxy = new FullDiskProxy(await SharedPostgres.CreateDatabaseAsync());

    public async ValueTask DisposeAsync()
    {
        _proxy.IsFull = false;
        await (_fabric?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _proxy.DisposeAsync();
    }

    [Fact]
    public async Task Open_OnAFullDisk_SaysSoAndLeavesNothingHalfMade()
    {
        _proxy.IsFull = true;
        StoreException refused = await Assert.ThrowsAsync<StoreException>(OpenAsync);

        _proxy.IsFull = false;
        await OpenAsync();

        Assert.Contains("is full", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Fabric.Offered);
    }

    [Fact]
    public async Task Admit_OnAFullDisk_IsRefusedAndCanBeRepeatedLater()
    {
        await OpenAsync();
        await using ScriptedWorker worker = await JoinAsync(paused: false);
        GenerationRequest request = Samples.Turn();
        _proxy.IsFull = true;

        Task<Admission> admitting = Fabric.AdmitAsync(request, CancellationToken.None).AsTask();
        _time.Advance(TimeSpan.FromSeconds(15));
        GenerationFault fault = Assert.IsType<Refused>(await admitting).Fault;
        _proxy.IsFull = false;
        Admitted admitted = Assert.IsType<Admitted>(await Fabric.AdmitAsync(request, CancellationToken.None));

        Assert.Equal(GenerationFaultCode.Unavailable, fault.Code);
        Assert.NotNull(fault.RetryAfter);
        Assert.False(admitted.Existing);
        await using var reader = new TokenReader(Fabric, request.Id);
        Assert.Equal(Samples.Answer(), (await reader.ReadToEndAsync()).Ids);
    }

    [Fact]
    public async Task Run_DiskFullMeanwhile_GoesOnWithoutALoss()
    {
        await OpenAsync();
        await using ScriptedWorker worker = await JoinAsync(paused: true);
        GenerationRequest request = Samples.Turn();
        Assert.IsType<Admitted>(await Fabric.AdmitAsync(request, CancellationToken.None));
        await using var reader = new TokenReader(Fabric, request.Id);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(2);
        await reader.ReadAsync(2);

        _proxy.IsFull = true;
        Task stepping = worker.StepAsync(3);
        _time.Advance(TimeSpan.FromSeconds(30));
        bool waits = !stepping.IsCompleted;
        _proxy.IsFull = false;
        await stepping;

        Assert.True(waits);
        (IReadOnlyList<int> ids, GenerationEnd end) = await reader.ReadToEndAsync();
        Assert.Equal(Samples.Answer(), ids);
        Assert.Equal(new GenerationEnd(EndReason.Stop, new TokenUsage(3, 5)), end);
    }

    private async Task OpenAsync() => _fabric = await PostgresFabric.OpenAsync(
        new PostgresFabricOptions { ConnectionString = _proxy.ConnectionString, ProcessName = "test", Lease = TimeSpan.MaxValue },
        new LocalLiveConnector(),
        _time,
        NullLogger.Instance,
        CancellationToken.None);

    private Task<ScriptedWorker> JoinAsync(bool paused) => ScriptedWorker.JoinAsync(
        Fabric, Fabric, FabricHarness.Model, SampleModel.TextAssets, _ => Samples.Answer(), paused);
}
