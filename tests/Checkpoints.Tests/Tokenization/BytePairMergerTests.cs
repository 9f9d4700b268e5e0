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
