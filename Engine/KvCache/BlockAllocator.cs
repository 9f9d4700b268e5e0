using System.Diagnostics;

namespace GlmCluster.Engine.KvCache;

/// <summary>
/// Hands out the physical KV blocks 0..blockCount-1 and counts who holds each. A block that nobody holds is free; where the index knows what is in it, it
/// keeps that until its memory is needed, the block that was let go first being given away first.
/// </summary>
/// <remarks>Used only on the engine loop thread. Every operation is O(blocks it names) and allocates nothing.</remarks>
internal sealed class BlockAllocator
{
    private readonly PrefixIndex _index;
    private readonly int[] _references;
    private readonly int[] _empty; // a stack: the block that was freed last is used first, while it is still in a CPU cache
    private readonly int[] _older; // neighbours in the list of kept blocks, in which blockCount is both ends
    private readonly int[] _newer;
    private int _emptyCount;

    public BlockAllocator(int blockCount, PrefixIndex index)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockCount);
        _index = index;
        _references = new int[blockCount];
        _empty = new int[blockCount];
        _older = new int[blockCount + 1];
        _newer = new int[blockCount + 1];
        _older[blockCount] = _newer[blockCount] = blockCount;
        for (int i = 0; i < blockCount; i++)
        {
            _empty[i] = blockCount - 1 - i;
        }

        _emptyCount = blockCount;
    }

    public int BlockCount => _references.Length;

    /// <summary>Blocks that nobody holds.</summary>
    public int FreeCount => _emptyCount + KeptCount;

    /// <summary>Free blocks whose content can still be found.</summary>
    public int KeptCount { get; private set; }

    public bool IsFree(int block) => _references[block] == 0;

    /// <summary>Fills <paramref name="blocks"/> with blocks of one reference each, or takes none where not enough are free.</summary>
    public bool TryAllocate(Span<int> blocks)
    {
        if (blocks.Length > FreeCount)
        {
            return false;
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            int block = _emptyCount > 0 ? _empty[--_emptyCount] : Evict();
            Debug.Assert(_references[block] == 0, "A free block is referenced.");
            _references[block] = 1;
            blocks[i] = block;
        }

        return true;
    }

    /// <summary>Adds a holder to a block that is held already, or kept.</summary>
    public void Retain(int block)
    {
        if (_references[block]++ == 0)
        {
            Unkeep(block);
        }
    }

    /// <summary>Takes one holder away from each block of a chain, the last block first: what continues a block is given away before it.</summary>
    public void Release(ReadOnlySpan<int> blocks)
    {
        for (int i = blocks.Length - 1; i >= 0; i--)
        {
            int block = blocks[i];
            Debug.Assert(_references[block] > 0, "A free block was released.");
            if (--_references[block] > 0)
            {
                continue;
            }

            if (_index.Contains(block))
            {
                Keep(block);
            }
            else
            {
                _empty[_emptyCount++] = block;
            }
        }
    }

    /// <summary>Copies the accounting for <see cref="KvInvariants"/>.</summary>
    public KvSnapshot Snapshot(IReadOnlyList<int[]> tables)
    {
        var kept = new int[KeptCount];
        for (int i = 0, block = _newer[BlockCount]; i < kept.Length; i++, block = _newer[block])
        {
            kept[i] = block;
        }

        var entries = new KvEntry?[BlockCount];
        for (int block = 0; block < entries.Length; block++)
        {
            entries[block] = _index.Contains(block)
                ? new KvEntry(_index.ParentOf(block), _index.IsFirst(block), _index.IsFull(block) ? _index.HashOf(block) : null)
                : null;
        }

        return new KvSnapshot([.. _references], _empty[.._emptyCount], kept, entries, tables);
    }

    private int Evict()
    {
        int oldest = _newer[BlockCount];
        Unkeep(oldest);
        _index.Remove(oldest);
        return oldest;
    }

    private void Keep(int block)
    {
        int newest = _older[BlockCount];
        _newer[newest] = block;
        _older[block] = newest;
        _newer[block] = BlockCount;
        _older[BlockCount] = block;
        KeptCount++;
    }

    private void Unkeep(int block)
    {
        Debug.Assert(_index.Contains(block), "Only what can be found is kept.");
        _newer[_older[block]] = _newer[block];
        _older[_newer[block]] = _older[block];
        KeptCount--;
    }
}
