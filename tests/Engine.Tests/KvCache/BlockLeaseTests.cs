using GlmCluster.Engine.KvCache;

namespace GlmCluster.Engine.Tests.KvCache;

public sealed class BlockLeaseTests
{
    [Fact]
    public void TryGrow_Twice_KeepsTheBlocksItHas()
    {
        using var lease = new BlockLease(new BlockAllocator(4, new PrefixIndex(4, blockTokens: 2)), capacity: 4);
        lease.TryGrow(2);
        int[] before = lease.Blocks.ToArray();

        Assert.True(lease.TryGrow(3));

        Assert.Equal(before, lease.Blocks[..2].ToArray());
        Assert.Equal(3, lease.Count);
    }

    [Fact]
    public void TryGrow_NotEnoughFree_ChangesNothing()
    {
        var allocator = new BlockAllocator(4, new PrefixIndex(4, blockTokens: 2));
        using var other = new BlockLease(allocator, capacity: 4);
        using var lease = new BlockLease(allocator, capacity: 4);
        other.TryGrow(2);
        lease.TryGrow(1);

        Assert.False(lease.TryGrow(3));

        Assert.Equal(1, lease.Count);
        Assert.Equal(1, allocator.FreeCount);
    }

    [Fact]
    public void Dispose_Twice_FreesOnce()
    {
        var allocator = new BlockAllocator(4, new PrefixIndex(4, blockTokens: 2));
        var lease = new BlockLease(allocator, capacity: 4);
        lease.TryGrow(3);

        lease.Dispose();
        lease.Dispose();

        Assert.Equal(4, allocator.FreeCount);
        Assert.Null(KvInvariants.FindViolation(allocator.Snapshot([])));
    }
}
