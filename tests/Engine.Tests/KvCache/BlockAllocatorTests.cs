using GlmCluster.Engine.KvCache;

namespace GlmCluster.Engine.Tests.KvCache;

public sealed class BlockAllocatorTests
{
    [Fact]
    public void TryAllocate_AllBlocks_GivesEveryBlockOnce()
    {
        var allocator = Create(5);
        int[] blocks = new int[5];

        Assert.True(allocator.TryAllocate(blocks));

        Assert.Equal([0, 1, 2, 3, 4], blocks.Order());
        Assert.Equal(0, allocator.FreeCount);
    }

    [Fact]
    public void TryAllocate_OneOverCapacity_LeavesPoolUnchanged()
    {
        var allocator = Create(5);
        int[] held = new int[2];
        allocator.TryAllocate(held);

        Assert.False(allocator.TryAllocate(new int[4]));

        Assert.Equal(3, allocator.FreeCount);
        Assert.Null(KvInvariants.FindViolation(allocator.Snapshot([held])));
    }

    [Fact]
    public void Release_SharedBlock_IsFreeOnlyAfterItsLastHolder()
    {
        var allocator = Create(1);
        int[] block = new int[1];
        allocator.TryAllocate(block);
        allocator.Retain(block[0]);

        allocator.Release(block);
        Assert.Equal(0, allocator.FreeCount);

        allocator.Release(block);
        Assert.Equal(1, allocator.FreeCount);
    }

    [Fact]
    public void Constructor_NoBlocks_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Create(0));

    [Fact]
    public void TryAllocate_KeptBlocks_GivesTheEmptyOnesThenWhatWasLetGoFirst()
    {
        var index = new PrefixIndex(4, blockTokens: 1);
        var allocator = new BlockAllocator(4, index);
        int[] blocks = new int[3];
        allocator.TryAllocate(blocks);
        UInt128 parent = 0;
        foreach (int block in blocks)
        {
            index.Append(block, parent, isFirst: parent == 0, [block]);
            parent = index.HashOf(block);
        }

        allocator.Release(blocks);
        Assert.Equal((4, 3), (allocator.FreeCount, allocator.KeptCount));
        allocator.Retain(blocks[0]);
        allocator.Release(blocks.AsSpan(0, 1));
        int[] taken = new int[3];
        allocator.TryAllocate(taken);

        Assert.Equal([blocks[2], blocks[1]], taken[1..]);
        Assert.Equal((1, true, false), (allocator.KeptCount, index.Contains(blocks[0]), index.Contains(blocks[1])));
    }

    [Fact]
    public void RandomOperations_KeepTheInvariants()
    {
        const int Seed = 7;
        const int BlockCount = 9;
        var random = new Random(Seed);
        var allocator = Create(BlockCount);
        var leases = new List<BlockLease>();
        var shares = new List<int[]>(); // tables that hold blocks of a lease too
        for (int operation = 0; operation < 20_000; operation++)
        {
            switch (random.Next(5))
            {
                case 0:
                    leases.Add(new BlockLease(allocator, BlockCount));
                    break;
                case 1 when leases.Count > 0:
                    BlockLease lease = leases[random.Next(leases.Count)];
                    int wanted = random.Next(BlockCount + 1);
                    int missing = wanted - lease.Count;
                    Assert.Equal(missing <= allocator.FreeCount, lease.TryGrow(wanted));
                    break;
                case 2 when leases.Count > 0:
                    int[] shared = leases[random.Next(leases.Count)].Blocks.ToArray();
                    Array.ForEach(shared, allocator.Retain);
                    shares.Add(shared);
                    break;
                case 3 when leases.Count > 0:
                    int ended = random.Next(leases.Count);
                    leases[ended].Dispose();
                    leases.RemoveAt(ended);
                    break;
                case 4 when shares.Count > 0:
                    int unshared = random.Next(shares.Count);
                    allocator.Release(shares[unshared]);
                    shares.RemoveAt(unshared);
                    break;
            }

            int[][] tables = [.. leases.Select(l => l.Blocks.ToArray()), .. shares];
            Assert.Null(KvInvariants.FindViolation(allocator.Snapshot(tables)));
            Assert.Equal(BlockCount - tables.SelectMany(t => t).Distinct().Count(), allocator.FreeCount);
        }
    }

    private static BlockAllocator Create(int blockCount) => new(blockCount, new PrefixIndex(blockCount, blockTokens: 2));
}
