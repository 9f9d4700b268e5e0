using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.KvCache;

/// <summary>The KV blocks of one engine: gives a sequence what earlier or running ones have computed of its tokens, and takes note of what it computes itself.</summary>
/// <remarks>Used only on the engine loop thread; allocates nothing per token.</remarks>
internal sealed class PrefixCache
{
    private readonly IStepRunner _runner;
    private readonly int _blockTokens;
    private readonly PrefixIndex _index;

    public PrefixCache(IStepRunner runner)
    {
        _runner = runner;
        _blockTokens = runner.BlockTokens;
        _index = new PrefixIndex(runner.BlockCount, runner.BlockTokens);
        Allocator = new BlockAllocator(runner.BlockCount, _index);
    }

    public BlockAllocator Allocator { get; }

    public PrefixIndex Index => _index;

    /// <summary>Gives an empty lease the whole blocks that hold a beginning of <paramref name="tokenIds"/>. Takes no free block but these.</summary>
    /// <returns>How many tokens they hold.</returns>
    public int ShareBlocks(BlockLease lease, UInt128 root, ReadOnlySpan<int> tokenIds)
    {
        UInt128 hash = root;
        int shared = 0;
        for (; tokenIds.Length - shared >= _blockTokens; shared += _blockTokens)
        {
            hash = PrefixHash.Extend(hash, tokenIds.Slice(shared, _blockTokens));
            int block = _index.FindFull(hash);
            if (block < 0)
            {
                break;
            }

            lease.Share(block);
        }

        return shared;
    }

    /// <summary>
    /// Goes on within the next block: takes the one with the longest common beginning over where nobody holds it and all of it is wanted, else copies it, for
    /// two sequences must not write into one block.
    /// </summary>
    /// <param name="lease">With nothing but shared blocks.</param>
    /// <param name="root">Start of the chain.</param>
    /// <param name="tokenIds">The tokens after those blocks.</param>
    /// <returns>How many of them are in the new block; 0: none, and the lease is as it was.</returns>
    public int ShareTail(BlockLease lease, UInt128 root, ReadOnlySpan<int> tokenIds)
    {
        UInt128 parent = ParentAt(lease, root, lease.Count);
        (int block, int tokens) = _index.FindPart(parent, tokenIds);
        if (tokens == 0)
        {
            return 0;
        }

        if (Allocator.IsFree(block) && tokens == _index.TokenIds(block).Length && tokens < _blockTokens)
        {
            lease.Share(block);
            return tokens;
        }

        bool isFirst = lease.Count == 0;
        Allocator.Retain(block); // so that the copy does not take its place
        bool isCopied = lease.TryGrow(lease.Count + 1);
        if (isCopied)
        {
            _runner.CopyBlock(block, lease.Blocks[^1]);
            _index.Append(lease.Blocks[^1], parent, isFirst, tokenIds[..tokens]);
        }

        Allocator.Release([block]);
        return isCopied ? tokens : 0;
    }

    /// <summary>Takes note that the tokens from <paramref name="from"/> to <paramref name="to"/> were computed into a lease's blocks.</summary>
    /// <param name="lease">Whose whole blocks may be exchanged for others with the same content.</param>
    /// <param name="root">Start of the chain.</param>
    /// <param name="tokenIds">All ids of the sequence.</param>
    /// <param name="from">First new position.</param>
    /// <param name="to">Position after the last.</param>
    public void NoteComputed(BlockLease lease, UInt128 root, ReadOnlySpan<int> tokenIds, int from, int to)
    {
        while (from < to)
        {
            int index = from / _blockTokens;
            int end = Math.Min(to, (index + 1) * _blockTokens);
            int block = lease.Blocks[index];
            int holder = _index.Append(block, ParentAt(lease, root, index), isFirst: index == 0, tokenIds[from..end]);
            if (holder != block)
            {
                lease.Replace(index, holder);
            }

            from = end;
        }
    }

    private UInt128 ParentAt(BlockLease lease, UInt128 root, int index) => index == 0 ? root : _index.HashOf(lease.Blocks[index - 1]);
}
