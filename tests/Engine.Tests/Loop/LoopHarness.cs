using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Scheduling;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Tests.Scheduling;
using GlmCluster.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>The loop without its thread: turns are taken one by one, and everything that must hold is checked after each.</summary>
internal sealed class LoopHarness : IDisposable
{
    private readonly GenerationEngineOptions _options;
    private readonly Inbox _inbox;
    private readonly StepLoop _loop;

    public LoopHarness(SyntheticRunner? runner = null, GenerationEngineOptions? options = null)
    {
        Runner = runner ?? new SyntheticRunner();
        _options = options ?? new GenerationEngineOptions { ContextTokens = 128 };
        _options.Check(Runner);
        _inbox = new Inbox(Clock);
        _loop = new StepLoop(Runner, _options, _inbox, Listener, Clock, NullLogger.Instance);
    }

    public SyntheticRunner Runner { get; }

    /// <summary>Stands still unless a test moves it.</summary>
    public ManualTimeProvider Clock { get; } = new();

    public RecordingListener Listener { get; } = new();

    public Scheduler Scheduler => _loop.Scheduler;

    public EngineSnapshot Snapshot => _loop.Snapshot();

    public long Submit(SequenceRequest request)
    {
        SequenceValidation.Check(request, Runner.VocabularySize, _options.ContextTokens);
        return _inbox.Submit(request, _options.ContextTokens);
    }

    public void Remove(long sequenceId) => _inbox.Remove(sequenceId);

    public bool Turn()
    {
        bool worked = _loop.Turn();
        _loop.CheckInvariants();
        SchedulerInvariants.Check(_loop.Scheduler, _options.MaxSequences, Runner.BlockTokens);
        Assert.True(Runner.MostTokens <= _options.StepTokenBudget, "A step went over its budget.");
        return worked;
    }

    public void RunToEnd()
    {
        for (int turn = 0; Turn(); turn++)
        {
            Assert.True(turn < 100_000, "The sequences do not come to their end.");
        }

        Assert.Empty(_loop.Scheduler.Running);
        Assert.Empty(_loop.Scheduler.Waiting);
        Assert.Equal(Runner.BlockCount, _loop.Scheduler.FreeBlocks);
    }

    public void Dispose() => _inbox.Dispose();
}
