using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Stepping;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Engine.Scheduling;

/// <summary>Decides which sequences run in a step, and owns their KV blocks.</summary>
/// <remarks>
/// Every running sequence that decodes is in every step. What is left of a step goes to prompts, in order of priority, then of what their callers have got
/// so far, then of age; nobody overtakes one that finds no room, and only those step aside whose tokens another one is about to compute. Blocks and places
/// are taken from the lowest priority first, then from the newest: the oldest of the highest priority always gets to its end.
/// Used only on the engine loop thread; planning allocates nothing once the lists have their size.
/// </remarks>
internal sealed class Scheduler(IStepRunner runner, GenerationEngineOptions options, ILogger logger)
{
    private readonly PrefixCache _cache = new(runner);
    private readonly CallerAccounts _callers = new();
    private readonly StepPacer _pacer = new(options.MaxSequences, options.PrefillSlowdown);
    private readonly int _blockTokens = runner.BlockTokens;
    private readonly List<Sequence> _running = new(options.MaxSequences);
    private readonly List<Sequence> _waiting = [];
    private long _turn;
    private int _decoding; // sequences in this turn's plan, prompts aside
    private int _promisedBlocks; // to what this turn's plan holds
    private bool _hasPreempted; // in this turn, so that a step may lack what was planned
    private bool _isFull; // the first in rank found no room in this turn
    private long _firstDeadline = long.MaxValue;

    public IReadOnlyList<Sequence> Running => _running;

    public IReadOnlyList<Sequence> Waiting => _waiting;

    public CallerAccounts Callers => _callers;

    public PrefixCache Cache => _cache;

    public int FreeBlocks => _cache.Allocator.FreeCount;

    public long ComputedTokens { get; private set; }

    public long ReusedTokens { get; private set; }

    public long Preemptions { get; private set; }

    public void Enqueue(Sequence sequence)
    {
        sequence.Account = _callers.Join(sequence.Request.Caller);
        _firstDeadline = Math.Min(_firstDeadline, sequence.Deadline);
        _waiting.Add(sequence);
    }

    /// <summary>Finds a sequence that has not ended.</summary>
    public Sequence? Find(long sequenceId) => SequenceChoice.Find(_running, sequenceId) ?? SequenceChoice.Find(_waiting, sequenceId);

    /// <summary>Finds one whose time is over; null: there is none.</summary>
    /// <param name="now">Timestamp.</param>
    public Sequence? FindOverdue(long now)
    {
        if (now < _firstDeadline)
        {
            return null;
        }

        Sequence? next = SequenceChoice.FirstDue(_running, _waiting);
        _firstDeadline = next?.Deadline ?? long.MaxValue;
        return now < _firstDeadline ? null : next;
    }

    /// <summary>Fills the plan: first what decodes, then running and waiting prompts by rank, in chunks. Takes no blocks but those with cached tokens.</summary>
    public void Plan(StepPlan plan)
    {
        _turn++;
        _isFull = false;
        _hasPreempted = false;
        _promisedBlocks = 0;
        plan.Clear();
        foreach (Sequence sequence in _running)
        {
            if (sequence.PendingTokens == 1)
            {
                Add(plan, sequence, 1);
                _promisedBlocks += MissingBlocks(sequence);
            }
        }

        _decoding = plan.Count;
        int prefilling = _running.Count - plan.Count + Math.Min(_waiting.Count, options.MaxSequences - _running.Count);
        int tokens = _pacer.PrefillTokens(plan.Count, prefilling, plan.BudgetLeft);
        while (tokens > 0 && FindNext(plan) is { } next)
        {
            int chunk = next.NextChunk(tokens);
            if (chunk > plan.BudgetLeft)
            {
                break; // a prefix is not divided: it waits for a step that has room
            }

            Add(plan, next, chunk);
            tokens -= chunk;
        }
    }

    /// <summary>Gives every planned sequence the blocks for its known tokens; where they run out, the last in rank leaves the batch.</summary>
    public void Reserve(StepPlan plan)
    {
        int reserved = 0;
        while (reserved < plan.Count)
        {
            Sequence sequence = plan.Entries[reserved].Sequence;
            if (sequence.Blocks!.TryGrow(StepArithmetic.BlocksFor(sequence.Length, _blockTokens)))
            {
                reserved++;
                continue;
            }

            Sequence last = SequenceChoice.Last(_running)!; // at times the sequence itself
            logger.Preempted(last.Id, MissingBlocks(sequence), FreeBlocks);
            Preempt(last, plan);
            reserved = 0; // the plan has moved up, and those that have their blocks need no more
        }
    }

    /// <summary>A step has computed a sequence's next tokens: from now on others find them.</summary>
    public void NoteComputed(Sequence sequence, int newTokens)
    {
        int from = sequence.CachedTokens;
        _cache.NoteComputed(sequence.Blocks!, sequence.PrefixRoot, sequence.Ids, from, from + newTokens);
        sequence.Advance(newTokens);
        sequence.Account!.ComputedTokens += newTokens;
        ComputedTokens += newTokens;
    }

    /// <summary>Takes note of how long a step took, from its plan to the last listener; not where a preemption changed the plan.</summary>
    public void NoteTime(StepPlan plan, TimeSpan time)
    {
        if (!_hasPreempted)
        {
            _pacer.Note(_decoding, plan.Tokens - _decoding, time);
        }
    }

    /// <summary>Takes a sequence out for good and lets go what it holds. It may never have been queued.</summary>
    public void Remove(Sequence sequence)
    {
        if (!TryLeaveBatch(sequence))
        {
            _waiting.Remove(sequence);
        }

        if (sequence.Account is { } account)
        {
            _callers.Leave(account);
        }

        sequence.Dispose();
    }

    /// <summary>Copies the KV accounting for <see cref="KvInvariants"/>.</summary>
    public KvSnapshot KvSnapshot() =>
        _cache.Allocator.Snapshot([.. _running.Concat(_waiting).Select(s => s.Blocks is { } lease ? lease.Blocks.ToArray() : [])]);

    private void Add(StepPlan plan, Sequence sequence, int newTokens)
    {
        sequence.SeenInTurn = _turn;
        plan.Add(sequence, newTokens);
    }

    /// <summary>The sequence whose prompt goes on, or begins, next in this step; a waiting one has come into the batch then.</summary>
    private Sequence? FindNext(StepPlan plan)
    {
        Sequence? running = SequenceChoice.First(_running, _turn);
        if (_isFull || FindWaiting() is not { } waiting || (running is not null && !waiting.Precedes(running)))
        {
            return running;
        }

        if (TryAdmit(waiting, plan))
        {
            return waiting;
        }

        _isFull = true;
        return SequenceChoice.First(_running, _turn);
    }

    /// <summary>The first waiting sequence in rank that has nothing to gain from waiting longer. So many are looked at as could run.</summary>
    private Sequence? FindWaiting()
    {
        for (int i = 0; i < options.MaxSequences; i++)
        {
            Sequence? first = SequenceChoice.First(_waiting, _turn);
            if (first is null || !WaitsForPrefix(first))
            {
                return first;
            }

            first.SeenInTurn = _turn;
        }

        return null;
    }

    /// <summary>Whether a running sequence will soon have computed a good part of what this one would compute.</summary>
    private bool WaitsForPrefix(Sequence sequence)
    {
        foreach (Sequence running in _running)
        {
            if (running.PendingTokens > 1
                && ScopeOf(running) == ScopeOf(sequence)
                && StepArithmetic.IsWorthWaiting(
                    running.CommonPromptTokens(sequence) - running.CachedTokens, sequence.Length - running.CachedTokens, _blockTokens))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Brings a sequence into the batch if there is room, or if others must make room for it.</summary>
    private bool TryAdmit(Sequence next, StepPlan plan)
    {
        if (_running.Count > 0 && (next.RunsAlone || _running[0].RunsAlone))
        {
            return false;
        }

        if (_running.Count == options.MaxSequences)
        {
            if (SequenceChoice.LeavingFor(_running, next) is not { } leaving)
            {
                return false;
            }

            Displace(leaving, next, plan);
        }

        while (!TryStart(next))
        {
            if (SequenceChoice.Last(_running) is not { } last || last.Priority <= next.Priority)
            {
                return false;
            }

            Displace(last, next, plan);
        }

        _waiting.Remove(next);
        _running.Add(next);
        next.Account!.Running++;
        return true;
    }

    /// <summary>Gives a sequence what the cache has of its tokens, if what is missing finds room.</summary>
    private bool TryStart(Sequence sequence)
    {
        sequence.Start(
            _cache.Allocator,
            _blockTokens,
            PrefixHash.Root(options.PrefixSeed, ScopeOf(sequence)),
            runner.PrefixOf(sequence.Request.PromptIds.Span));
        BlockLease lease = sequence.Blocks!;
        ReadOnlySpan<int> reusable = sequence.Ids[..^1]; // the last one's logits are wanted, so it is computed in any case
        int reused = _cache.ShareBlocks(lease, sequence.PrefixRoot, reusable);
        if (!StepArithmetic.CanAdmit(FreeBlocks, _promisedBlocks + MissingBlocks(sequence), _running.Count))
        {
            lease.Dispose();
            return false;
        }

        reused += _cache.ShareTail(lease, sequence.PrefixRoot, reusable[reused..]);
        sequence.Reuse(reused);
        ReusedTokens += reused;
        _promisedBlocks += MissingBlocks(sequence);
        return true;
    }

    private void Displace(Sequence leaving, Sequence next, StepPlan plan)
    {
        logger.Displaced(leaving.Id, next.Id);
        Preempt(leaving, plan);
    }

    private void Preempt(Sequence sequence, StepPlan plan)
    {
        _hasPreempted = true;
        plan.Remove(sequence);
        sequence.Preempt();
        TryLeaveBatch(sequence);
        _waiting.Add(sequence);
        sequence.SeenInTurn = _turn;
        Preemptions++;
    }

    private bool TryLeaveBatch(Sequence sequence)
    {
        if (!_running.Remove(sequence))
        {
            return false;
        }

        sequence.Account!.Running--;
        return true;
    }

    private string ScopeOf(Sequence sequence) => options.CacheScope == CacheScope.Caller ? sequence.Request.Caller : "";

    private int MissingBlocks(Sequence sequence) => StepArithmetic.BlocksFor(sequence.Length, _blockTokens) - sequence.Blocks!.Count;
}
