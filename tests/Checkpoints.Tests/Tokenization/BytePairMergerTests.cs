using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

public sealed class BytePairMergerTests
{
    [Fact]
    public void Merge_RandomTables_BothWaysEqualThePlainRule()
    {
        var random = new Random(7);
        for (int round = 0; round < 2000; round++)
        {
            PairTable<Merge> merges = CreateMerges(random);
            int[] bytes = [.. Enumerable.Range(0, random.Next(1, BytePairMerger.ShortChunkBytes + 1)).Select(_ => random.Next(3))];
            int[] expected = MergeByTheRule(merges, bytes);

            int[] shortIds = [.. bytes];
            int[] longIds = [.. bytes];
            Assert.Equal(expected, shortIds[..BytePairMerger.MergeShort(merges, shortIds)]);
            Assert.Equal(expected, longIds[..BytePairMerger.MergeLong(merges, longIds)]);
        }
    }

    [Fact]
    public void Merge_EqualRanksOverlap_LeftmostFirst()
    {
        PairTable<Merge> merges = Merge.NewTable(1);
        merges.Set(0, 0, new Merge(0, 1));

        int[] ids = [0, 0, 0];
        Assert.Equal([1, 0], ids[..BytePairMerger.MergeLong(merges, ids)]);
    }

    [Fact]
    public void Merge_LongChunks_EqualJoiningThemWhole()
    {
        var random = new Random(8);
        for (int round = 0; round < 60; round++)
        {
            PairTable<Merge> merges = CreateMerges(random);
            int alphabet = random.Next(1, 4);
            int[] bytes = [.. Enumerable.Range(0, random.Next(LongChunkMerger.WindowParts, 5 * LongChunkMerger.WindowParts)).Select(_ => random.Next(alphabet))];
            int[] whole = [.. bytes];
            int[] windows = [.. bytes];

            int[] expected = whole[..BytePairMerger.MergeLong(merges, whole)];

            Assert.Equal(expected, windows[..new LongChunkMerger(merges).Merge(windows)]);
        }
    }

    [Fact]
    public void Merge_LongerChunk_TakesNoMoreWorkForEachPart()
    {
        PairTable<Merge> merges = CreateMerges(new Random(9));
        double[] work = [.. ((int[])[100_000, 1_000_000]).Select(parts =>
        {
            var merger = new LongChunkMerger(merges);
            merger.Merge(new int[parts]);
            return (double)merger.PartsMerged / parts;
        })];

        Assert.InRange(work[1] / work[0], 0.9, 1.1);
        Assert.InRange(work[1], 1, 1.5);
    }

    /// <summary>As with GLM-4's blanks, whose pieces reach up to 512 of them.</summary>
    [Fact]
    public void Merge_LongPieces_AreHardlyJoinedTwice()
    {
        PairTable<Merge> merges = Merge.NewTable(9);
        for (int rank = 0; rank < 9; rank++)
        {
            merges.Set(rank, rank, new Merge(rank, rank + 1));
        }

        var merger = new LongChunkMerger(merges);
        int[] parts = new int[1 << 20];

        Assert.Equal(Enumerable.Repeat(9, parts.Length / 512), parts[..merger.Merge(parts)]);
        Assert.InRange((double)merger.PartsMerged / parts.Length, 1, 2);
    }

    [Fact]
    public void Merge_LastPartChangesEverything_IsJoinedWhole()
    {
        // The b at the end joins with the a before it, and what comes of it with the next one, and so on to the start.
        PairTable<Merge> merges = Merge.NewTable(2);
        merges.Set(0, 1, new Merge(0, 2));
        merges.Set(0, 2, new Merge(1, 2));
        int[] parts = new int[3 * LongChunkMerger.WindowParts];
        parts[^1] = 1;

        Assert.Equal([2], parts[..new LongChunkMerger(merges).Merge(parts)]);
    }

    /// <summary>A few merges over three bytes that build on each other.</summary>
    private static PairTable<Merge> CreateMerges(Random random)
    {
        PairTable<Merge> merges = Merge.NewTable(0);
        for (int rank = 0; rank < 12; rank++)
        {
            merges.Set(random.Next(3 + rank), random.Next(3 + rank), new Merge(rank, 3 + rank));
        }

        return merges;
    }

    private static int[] MergeByTheRule(PairTable<Merge> merges, int[] bytes)
    {
        List<int> ids = [.. bytes];
        while (true)
        {
            (Merge merge, int at) = Enumerable.Range(0, Math.Max(ids.Count - 1, 0))
                .Select(i => (Merge: merges.Find(ids[i], ids[i + 1]), At: i))
                .DefaultIfEmpty((Merge: Merge.None, At: 0))
                .MinBy(pair => (pair.Merge.Rank, pair.At));
            if (merge == Merge.None)
            {
                return [.. ids];
            }

            ids[at] = merge.Id;
            ids.RemoveAt(at + 1);
        }
    }
}
