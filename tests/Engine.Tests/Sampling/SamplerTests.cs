using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Tests.Loop;

namespace GlmCluster.Engine.Tests.Sampling;

public sealed class SamplerTests
{
    private static readonly SamplingParameters Greedy = new(Temperature: 0, TopP: 1, TopK: 0, Seed: 1, Choice: 0);
    private static readonly SamplingParameters Plain = Greedy with { Temperature = 1 };

    [Fact]
    public void TrySample_TemperatureZero_TakesTheSmallestOfTheLargest() => Assert.Equal(1, Sample([1, 3, 2, 3], Greedy));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(250)]
    [InlineData(2000)]
    public void TrySample_RandomRows_EqualsSortingEverything(int vocabularySize)
    {
        var random = new Random(vocabularySize);
        var sampler = new Sampler(vocabularySize);
        float[] temperatures = [0, 1e-6f, 0.3f, 1, 2.5f, 1000];
        float[] topPs = [1, 0.999f, 0.9f, 0.5f, 1e-20f];
        int[] topKs = [0, 1, 2, 40, 1_000_000];
        float[] minPs = [0, 0, 1e-30f, 1e-6f, 0.02f, 0.5f, 1];
        for (int index = 0; index < 300; index++)
        {
            float[] logits = RandomRow(random, vocabularySize);
            var parameters = new SamplingParameters(
                Pick(random, temperatures), Pick(random, topPs), Pick(random, topKs), (ulong)random.NextInt64(), index % 3)
            {
                MinP = Pick(random, minPs),
            };

            Assert.True(sampler.TrySample(logits, parameters, index, out int tokenId));

            Assert.Equal((ReferenceSampler.Sample(logits, parameters, index), parameters), (tokenId, parameters));
        }
    }

    [Fact]
    public void TrySample_ManyUnlikelyIds_EqualsSortingEverything()
    {
        // One id far above 20,000 others that together have most of the mass.
        var random = new Random(6);
        float[] logits = [.. Enumerable.Range(0, 20_000).Select(_ => -8.5f - random.NextSingle())];
        logits[777] = 0;
        var sampler = new Sampler(logits.Length);
        SamplingParameters[] kinds = [Plain, Plain with { TopP = 0.6f }, Plain with { TopK = 15_000 }, Plain with { TopK = 15_000, TopP = 0.5f },
            Plain with { MinP = 1e-4f }, Plain with { TopP = 0.5f, MinP = 1.2e-4f }];
        for (int index = 0; index < 24; index++)
        {
            SamplingParameters parameters = kinds[index % kinds.Length];
            Assert.True(sampler.TrySample(logits, parameters, index, out int tokenId));

            Assert.Equal(ReferenceSampler.Sample(logits, parameters, index), tokenId);
        }
    }

    /// <summary>A logged seed must give the same ids in every version and on every machine.</summary>
    [Fact]
    public void TrySample_PinnedRow_GivesThePinnedIds()
    {
        var row = new float[1000];
        SyntheticModel.Logits([1, 2, 3], row);
        SamplingParameters parameters = Plain with { Temperature = 0.7f, TopP = 0.9f, Seed = 0x0123456789ABCDEF, Choice = 1 };

        int[] drawn = [.. Enumerable.Range(0, 12).Select(index => Sample(row, parameters, index))];

        Assert.Equal("971 85 412 198 325 28 390 496 675 124 994 431", string.Join(" ", drawn));
    }

    [Fact]
    public void TrySample_AllLogitsEqual_TopKKeepsTheSmallestIds()
    {
        var row = new float[1000];
        SamplingParameters parameters = Plain with { TopK = 3 };

        int[] drawn = [.. Enumerable.Range(0, 200).Select(index => Sample(row, parameters, index)).Distinct().Order()];

        Assert.Equal([0, 1, 2], drawn);
    }

    [Fact]
    public void TrySample_MassEndsExactlyAtTopP_KeepsNoMore()
    {
        SamplingParameters parameters = Plain with { TopP = 0.5f };

        int[] drawn = [.. Enumerable.Range(0, 200).Select(index => Sample([2, 2, 2, 2], parameters, index)).Distinct().Order()];

        Assert.Equal([0, 1], drawn);
    }

    [Fact]
    public void TrySample_TopKBeforeTopP_TopPCountsOnlyWhatTopKKept()
    {
        // Of all four 0.5 keeps two ids; of the two that top_k keeps it keeps one.
        SamplingParameters parameters = Plain with { TopK = 2, TopP = 0.5f };

        Assert.All(Enumerable.Range(0, 50), index => Assert.Equal(0, Sample([2, 2, 2, 2], parameters, index)));
    }

    [Fact]
    public void TrySample_MinP_KeepsWhatHasThatShareOfTheLikeliest()
    {
        float[] row = [MathF.Log(1), MathF.Log(2), MathF.Log(3.9f), MathF.Log(8)];

        int[] drawn = [.. Enumerable.Range(0, 200).Select(index => Sample(row, Plain with { MinP = 0.25f }, index)).Distinct().Order()];

        Assert.Equal([1, 2, 3], drawn);
    }

    [Fact]
    public void TrySample_ManyDraws_FollowTheProbabilities()
    {
        float[] row = [MathF.Log(1), MathF.Log(2), MathF.Log(3), MathF.Log(4)];
        const int Draws = 20_000;

        var counts = new int[row.Length];
        for (int index = 0; index < Draws; index++)
        {
            counts[Sample(row, Plain, index)]++;
        }

        Assert.All(counts, (count, id) => Assert.InRange((double)count / Draws, ((id + 1) / 10.0) - 0.012, ((id + 1) / 10.0) + 0.012));
    }

    [Fact]
    public void TrySample_MinusInfinity_IsNeverDrawn()
    {
        float[] row = [float.NegativeInfinity, 0, float.NegativeInfinity, 0];

        Assert.All(Enumerable.Range(0, 100), index => Assert.True(Sample(row, Plain with { Temperature = 100 }, index) is 1 or 3));
    }

    [Theory]
    [InlineData(new[] { 1f, float.NaN, 2f })]
    [InlineData(new[] { 1f, float.PositiveInfinity, 2f })]
    [InlineData(new[] { float.NegativeInfinity, float.NegativeInfinity })]
    public void TrySample_RowThatIsNotNumbers_Fails(float[] row)
    {
        Assert.False(new Sampler(row.Length).TrySample(row, Plain, 0, out int tokenId));
        Assert.Equal(-1, tokenId);
    }

    [Fact]
    public void TrySample_AfterOtherRows_GivesTheSame()
    {
        var random = new Random(3);
        float[] row = RandomRow(random, 500);
        var used = new Sampler(500);
        for (int index = 0; index < 20; index++)
        {
            used.TrySample(RandomRow(random, 500), Plain with { TopP = 0.7f }, index, out _);
            used.TrySample(row, Plain, index, out int tokenId);

            Assert.Equal(Sample(row, Plain, index), tokenId);
        }
    }

    [Fact]
    public void TrySample_WarmedUp_AllocatesNothing()
    {
        var random = new Random(4);
        float[] row = RandomRow(random, 20_000);
        var sampler = new Sampler(row.Length);
        SamplingParameters[] kinds = [Greedy, Plain, Plain with { TopK = 50, TopP = 0.9f }, Plain with { Temperature = 50, TopP = 0.99f, MinP = 0.01f }];
        Draw(sampler, row, kinds);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Draw(sampler, row, kinds);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Draw(Sampler sampler, float[] row, SamplingParameters[] kinds)
    {
        for (int index = 0; index < 50; index++)
        {
            sampler.TrySample(row, kinds[index % kinds.Length], index, out _);
        }
    }

    private static int Sample(float[] row, SamplingParameters parameters, int index = 0)
    {
        Assert.True(new Sampler(row.Length).TrySample(row, parameters, index, out int tokenId));
        return tokenId;
    }

    /// <summary>Rows like a model's, flat ones, ones with many ties, and ones with excluded ids.</summary>
    private static float[] RandomRow(Random random, int vocabularySize)
    {
        float spread = Pick(random, [0, 0.1f, 3, 30]);
        bool coarse = random.Next(2) == 0;
        bool holes = random.Next(2) == 0;
        float[] row = [.. Enumerable.Range(0, vocabularySize).Select(_ => spread * ((random.NextSingle() * 2) - 1))];
        for (int id = 1; id < row.Length; id++)
        {
            row[id] = coarse ? MathF.Round(row[id]) : row[id]; // gives -0 too
            row[id] = holes && random.Next(3) == 0 ? float.NegativeInfinity : row[id];
        }

        return row;
    }

    private static T Pick<T>(Random random, T[] values) => values[random.Next(values.Length)];
}
