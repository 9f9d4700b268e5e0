using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.InProcess;
using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using GlmCluster.Grains.Tests.Contracts;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.InProcess;

/// <summary>A store that refuses writes for a while.</summary>
public sealed class StoreFailureTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-store-failure-");
    private readonly EventRecorder _events = new();
    private readonly ManualTimeProvider _time = new();
    private readonly GenerationRequest _request = Samples.Request();
    private InProcessFabric _fabric = null!;
    private IWorkerSession _worker = null!;

    public async ValueTask InitializeAsync()
    {
        var options = new InProcessFabricOptions { StorePath = Path.Combine(_folder.FullName, "store.db") };
        _fabric = await InProcessFabric.OpenAsync(options, _time, _events, CancellationToken.None);
        await _fabric.PublishAsync(FabricHarness.Model, SampleModel.TextAssets, CancellationToken.None);
        _worker = await _fabric.JoinAsync(new WorkerCard("w", FabricHarness.Model.Model, 8, 8, null), CancellationToken.None);
        await _fabric.AdmitAsync(_request, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _fabric.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task End_StoreRefuses_CanBeRepeatedByTheWorker()
    {
        EndOfGeneration end = new(
            _worker.Incarnation, [new LogEntry(_request.Id, 1, 0, [5])], _request.Id, new GenerationEnd(EndReason.Stop, new TokenUsage(3, 1)), 1);
        await RefuseWritesAsync();
        await Assert.ThrowsAsync<StoreException>(async () => await _worker.EndAsync(end, CancellationToken.None));
        GenerationSnapshot? between = await _fabric.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);

        await AllowWritesAsync();
        LogWriteResult result = await _worker.EndAsync(end, CancellationToken.None);

        Assert.Equal(GenerationState.Running, between?.State);
        Assert.Equal(LogWriteResult.Written, result);
        List<GenerationEvent> events = await _fabric.ReadAsync(_request.Id, CancellationToken.None).ToListAsync();
        Assert.Equal(2, events.Count);
    }

    [Fact]
    public async Task Append_StoreRefuses_IsWrittenLater()
    {
        await RefuseWritesAsync();
        await AppendAsync(1, 5);
        await FlushAsync();
        Assert.Equal(0, await StoredTokensAsync());

        await AllowWritesAsync();
        await AppendAsync(2, 6);
        await FlushAsync();

        Assert.Equal(2, await StoredTokensAsync());
        Assert.Equal(["LogWriteFailed"], _events.Errors);
    }

    [Fact]
    public async Task Append_StoreRefuses_IsNotTriedAgainAtOnce()
    {
        await RefuseWritesAsync();
        await AppendAsync(1, 5);
        await FlushAsync();

        for (int i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(20));
            await StoredTokensAsync(); // behind any write on the store's thread
        }

        Assert.Equal(["LogWriteFailed"], _events.Errors);
    }

    [Fact]
    public async Task Admit_StoreRefuses_IsRefusedForNowAndLeavesThePlaceFree()
    {
        await RefuseWritesAsync();
        for (int i = 0; i < 20; i++)
        {
            var refused = Assert.IsType<Refused>(await _fabric.AdmitAsync(Samples.Request(), CancellationToken.None));
            Assert.Equal(GenerationFaultCode.Unavailable, refused.Fault.Code);
            Assert.NotNull(refused.Fault.RetryAfter);
        }

        await AllowWritesAsync();

        Assert.IsType<Admitted>(await _fabric.AdmitAsync(Samples.Request(), CancellationToken.None));
    }

    [Fact]
    public async Task Expire_StoreRefuses_IsTriedAgain()
    {
        await _worker.DisposeAsync();
        await RefuseWritesAsync();
        _time.Advance(FabricHarness.ResumeWindow);
        while (!_events.Errors.Contains("EndFailed"))
        {
            await Task.Yield(); // the failed end is taken back on a pool thread
        }

        await AllowWritesAsync();
        _time.Advance(TimeSpan.FromSeconds(1));

        List<GenerationEvent> events = await _fabric.ReadAsync(_request.Id, CancellationToken.None).ToListAsync();
        Assert.Equal(EndReason.Cancelled, Assert.IsType<GenerationEnded>(Assert.Single(events)).End.Reason);
    }

    [Fact]
    public async Task Read_FabricClosed_Throws()
    {
        await using IAsyncEnumerator<GenerationEvent> events = _fabric.ReadAsync(_request.Id, CancellationToken.None).GetAsyncEnumerator();
        Task reading = events.MoveNextAsync().AsTask();

        await _fabric.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _fabric.AdmitAsync(Samples.Request(), CancellationToken.None));
    }

    private async Task AppendAsync(long number, int id) => Assert.Equal(
        LogWriteResult.Written,
        await _worker.AppendAsync(
            new LogFrame(_worker.Incarnation, number, [new LogEntry(_request.Id, number, 0, [id])]), CancellationToken.None));

    /// <summary>Lets a delayed write happen and end, however it ends.</summary>
    private async Task FlushAsync()
    {
        int errors = _events.Errors.Count;
        do
        {
            _time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Yield();
        }
        while (await StoredTokensAsync() == 0 && _events.Errors.Count == errors);
    }

    private Task RefuseWritesAsync() => _fabric.Store.ReadAsync(connection => connection.Execute(
        """
        create trigger refuse_log before insert on token_log begin select raise(abort, 'refused'); end;
        create trigger refuse_admission before insert on generations begin select raise(abort, 'refused'); end;
        create trigger refuse_end before update on generations begin select raise(abort, 'refused'); end;
        """));

    private Task AllowWritesAsync() => _fabric.Store.ReadAsync(connection => connection.Execute(
        "drop trigger refuse_log; drop trigger refuse_admission; drop trigger refuse_end"));

    private Task<int> StoredTokensAsync() => _fabric.Store.ReadAsync(connection =>
        connection.Query("select length(ids) / 4 from token_log", row => row.GetInt32(0)).Sum());
}
