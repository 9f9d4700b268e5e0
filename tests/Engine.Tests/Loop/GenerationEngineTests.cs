using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using GlmCluster.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Engine.Tests.Loop;

public sealed class GenerationEngineTests : IDisposable
{
    private static readonly GenerationEngineOptions Options = new() { ContextTokens = 128, MaxSequences = 8, StuckAfter = TimeSpan.FromSeconds(10) };

    private readonly SyntheticRunner _runner = new();
    private readonly RecordingListener _listener = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly GenerationEngine _engine;

    public GenerationEngineTests() => _engine = new GenerationEngine(_runner, Options, _listener, NullLogger.Instance, _clock);

    public void Dispose()
    {
        _engine.Dispose();
        _runner.Dispose();
    }

    [Fact]
    public async Task Submit_FromManyThreads_EverySequenceGetsItsTokens()
    {
        _engine.Start();
        SequenceRequest[] requests = [.. Enumerable.Range(0, 60).Select(i => Requests.Create(i, promptTokens: 1 + (i % 30), maxTokens: 30))];

        Parallel.ForEach(requests, request => _engine.Submit(request));
        await Task.WhenAll(requests.Select(r => _listener[r.Tag!].Ended));

        Assert.All(requests, r => Assert.Equal(Requests.Expected(r), _listener[r.Tag!].Ids));
        Assert.True(_engine.IsHealthy);
    }

    [Fact]
    public async Task Remove_WhileItsStepRuns_EndsItAfterThatStep()
    {
        using var stepRuns = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        _runner.Running = _ =>
        {
            stepRuns.Release();
            goOn.Wait();
        };
        _engine.Start();
        long id = _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 50));
        await stepRuns.WaitAsync();

        _engine.Remove(id);
        goOn.Release();

        Assert.Equal(new SequenceUpdate(1, -1, 1, SequenceEnd.Removed, 1), await _listener[1].Ended);
        Assert.Equal(1, _runner.Runs);
    }

    [Fact]
    public async Task Dispose_DuringAStep_AbortsItAndStops()
    {
        using var aborted = new SemaphoreSlim(0);
        _runner.Aborted = () => aborted.Release();
        var stepRuns = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _runner.Running = _ =>
        {
            stepRuns.SetResult();
            aborted.Wait();
            throw new StepAbortedException("aborted");
        };
        _engine.Start();
        _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 50));
        await stepRuns.Task;

        _engine.Dispose();

        Assert.Equal(0, _listener.Faults);
        Assert.Empty(_listener[1].Updates);
    }

    [Fact]
    public void Dispose_TwiceOrBeforeStart_IsHarmless()
    {
        _engine.Dispose();
        _engine.Dispose();
        _engine.Remove(1);

        Assert.Throws<InvalidOperationException>(() => _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 50)));
    }

    [Fact]
    public async Task Run_Throws_ReportsTheFaultOnceAndRefusesMore()
    {
        _runner.Running = _ => throw new InvalidOperationException("the device is gone.");
        _engine.Start();
        _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 50));

        Exception fault = await _listener.Fault.Task;

        Assert.Equal("the device is gone.", fault.Message);
        Assert.False(_engine.IsHealthy);
        SequenceRequest next = Requests.Create(2, promptTokens: 3, maxTokens: 50);
        InvalidOperationException refusal = Assert.Throws<InvalidOperationException>(() => _engine.Submit(next));
        Assert.Equal("engine stopped: the device is gone.", refusal.Message);
        _engine.Dispose();
        Assert.Equal(1, _listener.Faults);
    }

    [Fact]
    public async Task IsHealthy_StepDoesNotReturn_IsFalseUntilItDoes()
    {
        using var goOn = new SemaphoreSlim(0);
        var stepRuns = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _runner.Running = _ =>
        {
            stepRuns.TrySetResult();
            goOn.Wait();
        };
        _engine.Start();
        _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 1));
        await stepRuns.Task;

        try
        {
            _clock.Advance(TimeSpan.FromSeconds(9));
            Assert.True(_engine.IsHealthy);
            Assert.False(_engine.Snapshot.Idle);
            _clock.Advance(TimeSpan.FromSeconds(2));
            Assert.False(_engine.IsHealthy);
            Assert.Equal(TimeSpan.FromSeconds(11), _engine.StuckFor);
        }
        finally
        {
            goOn.Release(); // a step that never returns would hold up the engine's disposal
        }

        await _listener[1].Ended;
        SpinWait.SpinUntil(() => _engine.Snapshot.Idle);
        Assert.True(_engine.IsHealthy);
    }

    [Fact]
    public async Task Snapshot_WorkWasThereBeforeTheStart_IsNotIdleInTheFirstStep()
    {
        var isIdle = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        _runner.Running = _ => isIdle.TrySetResult(_engine.Snapshot.Idle);
        _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 1));

        _engine.Start();

        Assert.False(await isIdle.Task);
    }

    [Fact]
    public async Task Snapshot_AfterTheLastSequence_IsIdleWithAllBlocksFree()
    {
        Assert.True(_engine.Snapshot.Idle);
        _engine.Submit(Requests.Create(1, promptTokens: 3, maxTokens: 5));
        Assert.Equal((1, false), (_engine.Snapshot.Waiting, _engine.Snapshot.Idle));

        _engine.Start();
        await _listener[1].Ended;
        SpinWait.SpinUntil(() => _engine.Snapshot.Idle);

        EngineSnapshot snapshot = _engine.Snapshot;
        Assert.Equal((0, 0, _runner.BlockCount), (snapshot.Running, snapshot.Waiting, snapshot.FreeBlocks));
        Assert.Equal((5L, 0L), (snapshot.Steps, snapshot.Preemptions));
        Assert.True(snapshot.Turns >= 5);
    }

    [Fact]
    public async Task PrefixDigest_AfterAPrompt_TellsItsBlocks()
    {
        _engine.Start();
        SequenceRequest request = Requests.Create(1, promptTokens: 9, maxTokens: 1);
        _engine.Submit(request);
        await _listener[1].Ended;
        UInt128 hash = PrefixHash.Extend(PrefixHash.Root("", ""), request.PromptIds.Span[..4]);

        Assert.True(SpinWait.SpinUntil(
            () => _engine.PrefixDigest is { IsEmpty: false } digest && PrefixDigest.MayContain(digest.AsSpan(), hash), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Constructor_CacheSmallerThanTheContext_NamesBoth()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => new GenerationEngine(_runner, Options with { ContextTokens = 257 }, _listener, NullLogger.Instance));

        Assert.Equal(
            "ContextTokens is 257 and needs 65 KV blocks of 4; the cache has 64. Lower ContextTokens or give the cache more memory.", error.Message);
    }

    [Theory]
    [InlineData(1, 8, 8)]
    [InlineData(128, 0, 8)]
    [InlineData(128, 8, 7)]
    public void Constructor_ImpossibleOptions_Throws(int contextTokens, int maxSequences, int stepTokenBudget)
    {
        var options = new GenerationEngineOptions { ContextTokens = contextTokens, MaxSequences = maxSequences, StepTokenBudget = stepTokenBudget };

        Assert.Throws<ArgumentException>(() => new GenerationEngine(_runner, options, _listener, NullLogger.Instance));
    }
}
