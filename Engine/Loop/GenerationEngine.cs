using System.Collections.Immutable;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Engine.Loop;

/// <summary>Generates tokens for many sequences at once on one device: the public door of the engine.</summary>
/// <remarks>
/// One loop thread owns all state; every member here is thread-safe and only posts to it or reads what it published.
/// The runner belongs to the caller, who disposes it after the engine.
/// </remarks>
public sealed class GenerationEngine : IDisposable
{
    private static readonly TimeSpan AbortInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Checking looks at every KV block, which a large cache should not pay for after every request.</summary>
    private const int TurnsPerCheck = 16;

    private readonly IStepRunner _runner;
    private readonly GenerationEngineOptions _options;
    private readonly IStepListener _listener;
    private readonly ILogger _logger;
    private readonly Inbox _inbox;
    private readonly StepLoop _loop;
    private readonly TurnWatchdog _watchdog;
    private readonly Thread _thread;
    private readonly Lock _snapshotLock = new(); // guards _snapshot and _prefixDigest
    private EngineSnapshot _snapshot;
    private ImmutableArray<byte> _prefixDigest = [];
    private volatile bool _isDigestWanted;
    private int _idleTurns;
    private volatile bool _stopping;
    private volatile bool _faulted;

    /// <exception cref="ArgumentException">An option is impossible, alone or with this runner's cache.</exception>
    public GenerationEngine(
        IStepRunner runner, GenerationEngineOptions options, IStepListener listener, ILogger logger, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(listener);
        options.Check(runner);
        _runner = runner;
        _options = options;
        _listener = listener;
        _logger = logger;
        TimeProvider clock = timeProvider ?? TimeProvider.System;
        _inbox = new Inbox(clock);
        _loop = new StepLoop(runner, options, _inbox, listener, clock, logger);
        _watchdog = new TurnWatchdog(clock, options.StuckAfter, logger);
        _thread = new Thread(Run) { Name = "glm-engine", IsBackground = true };
        _snapshot = _loop.Snapshot() with { Idle = true };
    }

    /// <summary>False once a step failed, and while one does not return.</summary>
    public bool IsHealthy => !_faulted && StuckFor == TimeSpan.Zero;

    /// <summary>How long a step has not returned, beyond <see cref="GenerationEngineOptions.StuckAfter"/>; else zero.</summary>
    public TimeSpan StuckFor => _watchdog.StuckFor;

    public EngineSnapshot Snapshot
    {
        get
        {
            int posted = _inbox.SubmittedCount; // first, so that a sequence is seen on its way into the loop or in it
            lock (_snapshotLock)
            {
                return _snapshot with { Waiting = _snapshot.Waiting + posted, Idle = _snapshot.Idle && posted == 0 };
            }
        }
    }

    /// <summary>A sketch of what the prefix cache held a moment ago, at most 8 KiB; its form is described in docs/engine.md. Reading it asks for a newer one.</summary>
    public ImmutableArray<byte> PrefixDigest
    {
        get
        {
            _isDigestWanted = true;
            _inbox.Wake();
            lock (_snapshotLock)
            {
                return _prefixDigest;
            }
        }
    }

    /// <summary>Starts the loop thread; once.</summary>
    public void Start()
    {
        _logger.EngineStarted(_options.ContextTokens, _options.MaxSequences, _options.StepTokenBudget, _runner.BlockCount, _runner.BlockTokens);
        _thread.Start();
    }

    /// <summary>Queues a sequence; the listener hears of it from the loop thread.</summary>
    /// <returns>Its id, for <see cref="Remove"/>.</returns>
    /// <exception cref="ArgumentException">The request cannot be run; the message names value and limit.</exception>
    /// <exception cref="InvalidOperationException">The engine stopped.</exception>
    public long Submit(SequenceRequest request)
    {
        SequenceValidation.Check(request, _runner.VocabularySize, _options.ContextTokens);
        _ = _runner.PrefixOf(request.PromptIds.Span); // refuses a prompt that this model cannot divide
        return _inbox.Submit(request, _options.ContextTokens);
    }

    /// <summary>Takes a sequence out before the next step; its last update says <see cref="SequenceEnd.Removed"/>.</summary>
    /// <remarks>Unknown and ended ones are left alone.</remarks>
    public void Remove(long sequenceId) => _inbox.Remove(sequenceId);

    /// <summary>Stops the running step and the loop thread. Sequences that have not ended get no further update.</summary>
    public void Dispose()
    {
        _stopping = true;
        _inbox.Close("it was shut down.");
        if (_thread.IsAlive)
        {
            // An abort that comes just before a step starts has no effect, so it is repeated until the thread is gone.
            do
            {
                _runner.Abort();
            }
            while (!_thread.Join(AbortInterval));
        }

        _watchdog.Dispose();
        _inbox.Dispose();
    }

    private void Run()
    {
        try
        {
            PublishSnapshot(idle: false); // what was submitted before the start may be in the first step
            while (!_stopping)
            {
                TurnOrWait();
            }
        }
        catch (StepAbortedException) when (_stopping)
        {
            // Dispose asked for it; nothing of the step was committed.
        }
        catch (Exception fault)
        {
            _faulted = true;
            _inbox.Close(fault.Message);
            _logger.EngineFailed(fault);
            _listener.OnFault(fault);
        }

        _watchdog.TurnEnded();
        _logger.EngineStopped(_loop.Snapshot().Steps);
    }

    private void TurnOrWait()
    {
        _watchdog.TurnStarted();
        bool worked = _loop.Turn();
        if (!worked && ++_idleTurns % TurnsPerCheck == 1)
        {
            _loop.CheckInvariants();
        }

        _watchdog.TurnEnded();
        PublishSnapshot(idle: !worked);
        if (!worked)
        {
            _inbox.Wait();
            PublishSnapshot(idle: false);
        }
    }

    private void PublishSnapshot(bool idle)
    {
        EngineSnapshot snapshot = _loop.Snapshot() with { Idle = idle };
        ImmutableArray<byte>? digest = null;
        if (_isDigestWanted)
        {
            _isDigestWanted = false;
            digest = _loop.PrefixDigest();
        }

        lock (_snapshotLock)
        {
            _snapshot = snapshot;
            _prefixDigest = digest ?? _prefixDigest;
        }
    }
}
