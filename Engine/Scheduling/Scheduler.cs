using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Stepping;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Engine.Scheduling;

/// <summary>Decides which sequences run in a step, and owns their KV blocks.</summary>
/// <remarks>
/// First come, first served: the queue is ordered by age, a preempted sequence goes back to its place in it, and only those step aside whose tokens a running
/// sequence is about to compute. The oldest sequence is never preempted for another one, so every sequence comes to its end.
/// Used only on the engine loop thread; planning allocates nothing once the lists have their size.
/// </remarks>
internal sealed class Scheduler(IStepRunner runner, GenerationEngineOptions options, ILogger logger)
{
    private readonly PrefixCache _cache = new(runner);
    private readonly int _blockTokens = runner.BlockTokens;
    private readonly List<Sequence> _running = new(options.MaxSequences);
    private readonly List<Sequence> _waiting = [];

    public IReadOnlyList<Sequence> Running => _running;

    public IReadOnlyList<Sequence> Waiting => _waiting;

    public PrefixCache Cache => _cache;

    public int FreeBlocks => _cache.Allocator.FreeCount;

    public long ComputedTokens { get; private set; }

    public long ReusedTokens { get; private set; }

    public long Preemptions { get; private set; }

    public void Enqueue(Sequence sequence) => _waiting.Add(sequence);

    /// <summary>Finds a sequence that has not ended.</summary>
    public Sequence? Find(long sequenceId) => FindIn(_running, sequenceId) ?? FindIn(_waiting, sequenceId);

    /// <summary>Fills the plan: first what decodes, then prefill in chunks, then as many waiting sequences as find room. Takes no blocks.</summary>
    public void Plan(StepPlan plan)
    {
        plan.Clear();
        int neededBlocks = 0;
        foreach (Sequence sequence in _running)
        {
            if (sequence.PendingTokens == 1)
            {
                plan.Add(sequence, 1);
                neededBlocks += MissingBlocks(sequence);
            }
        }

        foreach (Sequence sequence in _running)
        {
            if (sequence.PendingTokens > 1 && plan.BudgetLeft > 0)
            {
                plan.Add(sequence, Math.Min(sequence.PendingTokens, plan.BudgetLeft));
            }
        }

        while (plan.BudgetLeft > 0 && TryAdmit(ref neededBlocks) is { } sequence)
        {
            plan.Add(sequence, Math.Min(sequence.PendingTokens, plan.BudgetLeft));
        }
    }

    /// <summary>Gives every planned sequence the blocks for its known tokens; where they run out, the newest sequence leaves the batch.</summary>
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

            Sequence newest = FindNewest(); // at times the sequence itself
            logger.Preempted(newest.Id, MissingBlocks(sequence), FreeBlocks);
            Preempt(newest);
            plan.Remove(newest);
        }
    }

    /// <summary>A step has computed a sequence's next tokens: from now on others find them.</summary>
    public void NoteComputed(Sequence sequence, int newTokens)
    {
        int from = sequence.CachedTokens;
        _cache.NoteComputed(sequence.Blocks!, sequence.PrefixRoot, sequence.Ids, from, from + newTokens);
        sequence.Advance(newTokens);
        ComputedTokens += newTokens;
    }

    /// <summary>Takes a sequence out for good and lets go what it holds.</summary>
    public void Remove(Sequence sequence)
    {
        if (!_running.Remove(sequence))
        {
            _waiting.Remove(sequence);
        }

        sequence.Dispose();
    }

    /// <summary>Copies the KV accounting for <see cref="KvInvariants"/>.</summary>
    public KvSnapshot KvSnapshot() =>
        _cache.Allocator.Snapshot([.. _running.Concat(_waiting).Select(s => s.Blocks is { } lease ? lease.Blocks.ToArray() : [])]);

    private Sequence? TryAdmit(ref int neededBlocks)
    {
        if (_running.Count == options.MaxSequences || FindNext() is not { } next)
        {
            return null;
        }

        bool mustWait = _running.Count > 0 && (next.RunsAlone || _running[0].RunsAlone);
        if (mustWait || !TryStart(next, ref neededBlocks))
        {
            return null;
        }

        _waiting.Remove(next);
        _running.Add(next);
        return next;
    }

    /// <summary>The oldest waiting sequence that has nothing to gain from waiting longer.</summary>
    private Sequence? FindNext()
    {
        foreach (Sequence sequence in _waiting)
        {
            if (!WaitsForPrefix(sequence))
            {
                return sequence;
            }
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

    /// <summary>Gives a sequence what the cache has of its tokens, if what is missing finds room.</summary>
    private bool TryStart(Sequence sequence, ref int neededBlocks)
    {
        sequence.Start(_cache.Allocator, _blockTokens, PrefixHash.Root(options.PrefixSeed, ScopeOf(sequence)));
        BlockLease lease = sequence.Blocks!;
        ReadOnlySpan<int> reusable = sequence.Ids[..^1]; // the last one's logits are wanted, so it is computed in any case
        int reused = _cache.ShareBlocks(lease, sequence.PrefixRoot, reusable);
        int blocks = MissingBlocks(sequence);
        if (!StepArithmetic.CanAdmit(FreeBlocks, neededBlocks + blocks, _running.Count))
        {
            lease.Dispose();
            return false;
        }

        reused += _cache.ShareTail(lease, sequence.PrefixRoot, reusable[reused..]);
        sequence.Reuse(reused);
        ReusedTokens += reused;
        neededBlocks += MissingBlocks(sequence);
        return true;
    }

    private string ScopeOf(Sequence sequence) => options.CacheScope == CacheScope.Caller ? sequence.Request.Caller : "";

    private Sequence FindNewest()
    {
        Sequence newest = _running[0];
        foreach (Sequence sequence in _running)
        {
            newest = sequence.Id > newest.Id ? sequence : newest;
        }

        return newest;
    }

    private void Preempt(Sequence sequence)
    {
        sequence.Preempt();
        _running.Remove(sequence);
        int place = 0;
        while (place < _waiting.Count && _waiting[place].Id < sequence.Id)
        {
            place++;
        }

        _waiting.Insert(place, sequence);
        Preemptions++;
    }

    private int MissingBlocks(Sequence sequence) => StepArithmetic.BlocksFor(sequence.Length, _blockTokens) - sequence.Blocks!.Count;

    private static Sequence? FindIn(List<Sequence> sequences, long sequenceId)
    {
        foreach (Sequence sequence in sequences)
        {
            if (sequence.Id == sequenceId)
            {
                return sequence;
            }
        }

        return null;
    }
}
