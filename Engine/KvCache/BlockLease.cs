namespace GlmCluster.Engine.KvCache;

/// <summary>Blocks held by one sequence. Whoever holds the lease holds the blocks; disposing lets them go.</summary>
/// <remarks>Used only on the engine loop thread. Growing allocates no memory.</remarks>
/// <param name="allocator">Where the blocks come from and go back to.</param>
/// <param name="capacity">Most blocks this lease can hold.</param>
internal sealed class BlockLease(BlockAllocator allocator, int capacity) : IDisposable
{
    private readonly int[] _blocks = new int[capacity];

    /// <summary>Physical block numbers in sequence order, shape (blocks,).</summary>
    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Takes as many blocks as it needs to hold <paramref name="blockCount"/>, or none where not enough are free.</summary>
    public bool TryGrow(int blockCount)
    {
        if (blockCount <= Count)
        {
            return true;
        }

        if (!allocator.TryAllocate(_blocks.AsSpan(Count, blockCount - Count)))
        {
            return false;
        }

        Count = blockCount;
        return true;
    }

    /// <summary>Holds a block that is there already as its next one.</summary>
    public void Share(int block)
    {
        allocator.Retain(block);
        _blocks[Count++] = block;
    }

    /// <summary>Holds another block with the same content in the place of its own.</summary>
    public void Replace(int index, int block)
    {
        allocator.Retain(block);
        allocator.Release(_blocks.AsSpan(index, 1));
        _blocks[index] = block;
    }

    /// <summary>Lets the blocks go. The lease can grow again, as a preempted sequence does.</summary>
    public void Dispose()
    {
        allocator.Release(Blocks);
        Count = 0;
    }
}
