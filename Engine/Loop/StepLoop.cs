using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Scheduling;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Engine.Loop;

/// <summary>The engine's state and the one procedure that changes it.</summary>
/// <remarks>Used only on the engine loop thread. A turn allocates nothing once its buffers have their size.</remarks>
internal sealed class StepLoop
{
    private readonly IStepRunner _runner;
    private readonly Inbox _inbox;
    private readonly IStepListener _listener;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Scheduler _scheduler;
    private readonly Sampler _sampler;
    private readonly LogitAdjuster _adjuster;
    private readonly StepPlan _plan;
    private readonly StepBatch _batch;
    private readonly DrawnToken[] _drawn; // one per planned sequence, set where it draws
    private readonly TokenLogprob[] _topLogprobs; // of the step's drawn tokens
    private readonly List<SequenceUpdate> _updates = [];
    private long _steps;
    private long _turns;

    public StepLoop(IStepRunner runner, GenerationEngineOptions options, Inbox inbox, IStepListener listener, TimeProvider clock, ILogger logger)
    {
        _runner = runner;
        _inbox = inbox;
        _listener = listener;
        _clock = clock;
        _logger = logger;
        _scheduler = new Scheduler(runner, options, logger);
        _sampler = new Sampler(runner.VocabularySize);
        _adjuster = new LogitAdjuster(runner.VocabularySize);
        _plan = new StepPlan(options.MaxSequences, options.StepTokenBudget);
        int blocksPerSequence = StepArithmetic.BlocksFor(options.ContextTokens, runner.BlockTokens);
        _batch = new StepBatch(options.StepTokenBudget, options.MaxSequences, blocksPerSequence);
        _drawn = new DrawnToken[options.MaxSequences];
        _topLogprobs = new TokenLogprob[options.MaxSequences * SequenceRequest.MostTopLogprobs];
    }

    public Scheduler Scheduler => _scheduler;

    /// <summary>
    /// One turn:
    /// 1. drain the inbox: take in what was submitted, take out what was removed or is out of time;
    /// 2. plan: choose sequences and tokens, decode first, prefill in chunks;
    /// 3. reserve KV blocks, preempting the newest sequence where they run out;
    /// 4. run the model;
    /// 5. sample one id for every sequence whose known ids are all in the cache;
    /// 6. commit: the sequences take note of what is cached and drawn, and ended ones leave;
    /// 7. publish what every sequence got.
    /// A run that throws leaves every sequence as it was before step 4.
    /// </summary>
    /// <returns>False where there was nothing to do.</returns>
    public bool Turn()
    {
        _turns++;
        _updates.Clear();
        long start = _clock.GetTimestamp();
        bool drained = Drain(start); // 1
        _scheduler.Plan(_plan); // 2
        _scheduler.Reserve(_plan); // 3
        if (_plan.Count > 0)
        {
            BatchPacker.Pack(_plan, _batch, _runner.BlockTokens);
            ReadOnlySpan<float> logits = _runner.Run(_batch); // 4
            Sample(logits); // 5
            Commit(); // 6
            _steps++;
        }

        Publish(); // 7
        if (_plan.Count > 0)
        {
            _scheduler.NoteTime(_plan, _clock.GetElapsedTime(start));
        }

        return drained || _plan.Count > 0;
    }

    /// <exception cref="InvalidOperationException">The KV accounting is broken: blocks leaked, or are shared by mistake.</exception>
    public void CheckInvariants()
    {
        if (KvInvariants.FindViolation(_scheduler.KvSnapshot()) is { } violation)
        {
            throw new InvalidOperationException(violation);
        }
    }

    public ImmutableArray<byte> PrefixDigest() =>
        ImmutableCollectionsMarshal.AsImmutableArray(KvCache.PrefixDigest.Build(_scheduler.Cache.Index.Hashes, _runner.BlockTokens));

    public EngineSnapshot Snapshot() => new()
    {
        Running = _scheduler.Running.Count,
        Waiting = _scheduler.Waiting.Count,
        FreeBlocks = _scheduler.FreeBlocks,
        Steps = _steps,
        Turns = _turns,
        Preemptions = _scheduler.Preemptions,
        ComputedTokens = _scheduler.ComputedTokens,
        ReusedTokens = _scheduler.ReusedTokens,
    };

    private bool Drain(long now)
    {
        List<InboxMessage> messages = _inbox.Take();
        foreach ((Sequence? submitted, long removedId) in messages)
        {
            if (submitted is not null)
            {
                TakeIn(submitted);
            }
            else if (_scheduler.Find(removedId) is { } removed)
            {
                removed.Finish(SequenceEnd.Removed, removed.GeneratedTokens);
                End(removed, DrawnToken.None);
            }
        }

        bool hasMessages = messages.Count > 0;
        while (_scheduler.FindOverdue(now) is { } overdue)
        {
            overdue.Finish(SequenceEnd.Overdue, overdue.GeneratedTokens);
            End(overdue, DrawnToken.None);
        }

        return hasMessages || _updates.Count > 0;
    }

    private void TakeIn(Sequence sequence)
    {
        sequence.Replay();
        if (sequence.End == SequenceEnd.None)
        {
            _scheduler.Enqueue(sequence);
        }
        else
        {
            End(sequence, DrawnToken.None); // an earlier run got to its end and only the report was lost
        }
    }

    private void Sample(ReadOnlySpan<float> logits)
    {
        int vocabularySize = _runner.VocabularySize;
        ReadOnlySpan<PlannedSequence> entries = _plan.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Draws)
            {
                Memory<TokenLogprob> top = _topLogprobs.AsMemory(i * SequenceRequest.MostTopLogprobs, SequenceRequest.MostTopLogprobs);
                _drawn[i] = Draw(entries[i].Sequence, logits[..vocabularySize], top);
                logits = logits[vocabularySize..]; // rows are in the order of the plan
            }
        }
    }

    private DrawnToken Draw(Sequence sequence, ReadOnlySpan<float> row, Memory<TokenLogprob> top)
    {
        SequenceRequest request = sequence.Request;
        ReadOnlySpan<float> changed = request.Sampling.ChangesLogits
            ? _adjuster.Adjust(row, request.Sampling, sequence.Ids, request.PromptIds.Length, request.StopIds.Span)
            : row;
        if (!_sampler.TrySample(changed, request.Sampling, sequence.GeneratedTokens, out int tokenId))
        {
            return DrawnToken.None;
        }

        if (request.TopLogprobs is not { } topCount)
        {
            return new DrawnToken(tokenId);
        }

        top = top[..topCount];
        return new DrawnToken(tokenId, LogprobRow.Measure(row, tokenId, top.Span), top);
    }

    private void Commit()
    {
        ReadOnlySpan<PlannedSequence> entries = _plan.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            (Sequence sequence, int newTokens) = entries[i];
            bool draws = entries[i].Draws;
            _scheduler.NoteComputed(sequence, newTokens);
            if (draws)
            {
                CommitDrawn(sequence, _drawn[i]);
            }
        }
    }

    private void CommitDrawn(Sequence sequence, in DrawnToken drawn)
    {
        if (drawn.Id >= 0)
        {
            sequence.Append(drawn.Id);
        }
        else
        {
            _logger.LogitsInvalid(sequence.Id, sequence.GeneratedTokens);
            sequence.Finish(SequenceEnd.Failed, sequence.GeneratedTokens);
        }

        if (sequence.End == SequenceEnd.None)
        {
            _updates.Add(sequence.Update(drawn));
        }
        else
        {
            End(sequence, drawn);
        }
    }

    private void End(Sequence sequence, in DrawnToken drawn)
    {
        Debug.Assert(sequence.End != SequenceEnd.None, "Only an ended sequence leaves.");
        if (sequence.WatcherFault is { } fault)
        {
            _logger.WatcherFailed(sequence.Id, sequence.GeneratedTokens, fault);
        }

        _updates.Add(sequence.Update(drawn));
        _scheduler.Remove(sequence);
    }

    private void Publish()
    {
        if (_updates.Count > 0)
        {
            _listener.OnStep(CollectionsMarshal.AsSpan(_updates));
        }
    }
}
