using System.Buffers;
using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Scheduling;

/// <summary>A request inside the engine: its ids, how far they are in the KV cache, and the blocks that hold them.</summary>
/// <remarks>Used only on the engine loop thread once it is submitted. Disposing returns buffer and blocks.</remarks>
internal sealed class Sequence(long id, SequenceRequest request, int contextTokens) : IDisposable
{
    private int[]? _ids;

    /// <summary>Counts up in the order of submission: the smaller id is the older sequence.</summary>
    public long Id { get; } = id;

    public SequenceRequest Request { get; } = request;

    /// <summary>Timestamp at which it is out of time; <see cref="long.MaxValue"/>: never.</summary>
    public long Deadline { get; init; } = long.MaxValue;

    public int Priority => Request.Priority;

    /// <summary>Its caller's; set while the scheduler has it.</summary>
    public CallerAccount? Account { get; set; }

    /// <summary>The scheduler's last turn that has dealt with it.</summary>
    public long SeenInTurn { get; set; }

    public int GeneratedTokens { get; private set; }

    /// <summary>Known ids: prompt and generated.</summary>
    public int Length => Request.PromptIds.Length + GeneratedTokens;

    /// <summary>The first of the known ids that have keys and values in the cache.</summary>
    public int CachedTokens { get; private set; }

    /// <summary>Known ids that the model has yet to see; at least 1 while it goes on, 1 when it decodes.</summary>
    public int PendingTokens => Length - CachedTokens;

    /// <summary>Whether it may have no other beside it now.</summary>
    public bool RunsAlone => Request.Alone && GeneratedTokens == Request.GeneratedIds.Length;

    /// <summary>Prompt tokens that others had computed when it first came into the batch; -1 until then.</summary>
    public int ReusedPromptTokens { get; private set; } = -1;

    /// <summary>Start of the chain of <see cref="PrefixHash"/>es that its blocks are found by.</summary>
    public UInt128 PrefixRoot { get; private set; }

    /// <summary>What its model takes in one step; known after <see cref="Start"/>.</summary>
    public PromptPrefix Prefix { get; private set; }

    /// <summary>Null until <see cref="Start"/>.</summary>
    public BlockLease? Blocks { get; private set; }

    public SequenceEnd End { get; private set; }

    /// <summary>Generated ids that belong to the answer; meaningful once it ended.</summary>
    public int KeptTokens { get; private set; }

    /// <summary>What its watcher threw, where that ended it.</summary>
    public Exception? WatcherFault { get; private set; }

    /// <summary>Known ids, shape (Length,); only after <see cref="Start"/>.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Length);

    /// <summary>Whether its prompt goes before another's: by priority, then by what the callers have got so far, then by age.</summary>
    public bool Precedes(Sequence other)
    {
        (int, long, long) rank = (Priority, Account!.ComputedTokens, Id);
        return rank.CompareTo((other.Priority, other.Account!.ComputedTokens, other.Id)) < 0;
    }

    /// <summary>Length of the common beginning of the two prompts.</summary>
    public int CommonPromptTokens(Sequence other) => Request.PromptIds.Span.CommonPrefixLength(other.Request.PromptIds.Span);

    /// <summary>Goes through the ids of an earlier run as if they were generated now. It may have ended with them.</summary>
    public void Replay()
    {
        foreach (int id in Request.GeneratedIds.Span)
        {
            Observe(id);
            if (End != SequenceEnd.None)
            {
                return;
            }
        }
    }

    /// <summary>Takes the buffers that it needs to run. Harmless for one that has them already.</summary>
    public void Start(BlockAllocator allocator, int blockTokens, UInt128 prefixRoot, PromptPrefix prefix)
    {
        if (_ids is not null)
        {
            return;
        }

        int mostTokens = (int)Math.Min((long)Request.PromptIds.Length + Request.MaxTokens, contextTokens);
        _ids = ArrayPool<int>.Shared.Rent(mostTokens);
        Request.PromptIds.Span.CopyTo(_ids);
        Request.GeneratedIds.Span.CopyTo(_ids.AsSpan(Request.PromptIds.Length));
        Prefix = prefix;

        // Keys of such a prefix depend on all of it.
        PrefixRoot = prefix.Tokens > 0 ? PrefixHash.Extend(prefixRoot, Ids[..prefix.Tokens]) : prefixRoot;
        Blocks = new BlockLease(allocator, StepArithmetic.BlocksFor(mostTokens, blockTokens));
    }

    /// <summary>Tokens of its next chunk where so many are wanted: more where its prefix has more left.</summary>
    public int NextChunk(int tokens) => Math.Max(Math.Min(PendingTokens, tokens), Prefix.Tokens - CachedTokens);

    /// <summary>Its first blocks hold so many of its ids already.</summary>
    public void Reuse(int tokens)
    {
        CachedTokens = tokens;
        if (ReusedPromptTokens < 0)
        {
            ReusedPromptTokens = Math.Min(tokens, Request.PromptIds.Length);
        }
    }

    /// <summary>The model has seen the next pending ids.</summary>
    public void Advance(int tokens) => CachedTokens += tokens;

    /// <summary>Adds a newly drawn id and decides whether the sequence ends with it.</summary>
    public void Append(int tokenId)
    {
        _ids![Length] = tokenId;
        Observe(tokenId);
    }

    /// <summary>Gives the blocks back. What is no longer in the cache when it goes on is computed again.</summary>
    public void Preempt()
    {
        Blocks?.Dispose();
        CachedTokens = 0;
    }

    public void Finish(SequenceEnd end, int keptTokens)
    {
        End = end;
        KeptTokens = keptTokens;
    }

    public SequenceUpdate Update(in DrawnToken drawn) => new(Request.Tag, drawn.Id, GeneratedTokens, End, KeptTokens)
    {
        Logprob = drawn.Logprob,
        TopLogprobs = drawn.TopLogprobs,
        ReusedPromptTokens = Math.Max(ReusedPromptTokens, 0),
    };

    public void Dispose()
    {
        Blocks?.Dispose();
        if (_ids is not null)
        {
            ArrayPool<int>.Shared.Return(_ids);
            _ids = null;
        }
    }

    private void Observe(int tokenId)
    {
        GeneratedTokens++;
        if (Request.StopIds.Span.Contains(tokenId))
        {
            Finish(SequenceEnd.Stop, GeneratedTokens - 1);
        }
        else if (AskWatcher(tokenId) is >= 0 and int kept)
        {
            Finish(SequenceEnd.Stop, kept);
        }
        else if (End == SequenceEnd.None && (GeneratedTokens >= Request.MaxTokens || Length >= contextTokens))
        {
            Finish(SequenceEnd.Length, GeneratedTokens);
        }
    }

    private int AskWatcher(int tokenId)
    {
        try
        {
            return Request.Watcher?.Observe(tokenId) ?? -1;
        }
        catch (Exception fault) // the watcher is the request's own code: its bug ends this sequence, never the batch
        {
            WatcherFault = fault;
            Finish(SequenceEnd.Failed, GeneratedTokens);
            return -1;
        }
    }
}
