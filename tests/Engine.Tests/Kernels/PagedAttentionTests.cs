using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Tests.Kernels;

public sealed class PagedAttentionTests(ITestOutputHelper output)
{
    /// <summary>Vector bits, heads, key heads, head width, rotary width: the published models' groups and widths, and odd ones.</summary>
    public static TheoryData<int, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, int, int, int>();
            foreach (int bits in new[] { 128, 256, 512 })
            {
                data.Add(bits, 4, 2, 32, 16);
                data.Add(bits, 16, 1, 64, 32);
                data.Add(bits, 4, 1, 128, 128);
                data.Add(bits, 3, 3, 40, 8);
                data.Add(bits, 5, 1, 12, 12);
                data.Add(bits, 48, 1, 8, 4);
                data.Add(bits, 6, 2, 256, 128);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Run_RaggedMixedBatch_NearDoublePrecision(int bits, int heads, int kvHeads, int headDim, int rotaryDim)
    {
        var width = (SimdWidth)bits;
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width} vectors.");
        var shape = new AttentionShape(heads, kvHeads, headDim, rotaryDim);
        using var harness = new AttentionHarness(shape, width, blocks: 16);
        TestSequence longest = TestSequence.Create(shape, 131, seed: 1, [9, 3, 12, 0, 7]);
        TestSequence middle = TestSequence.Create(shape, 65, seed: 2, [5, 1, 8]);
        TestSequence single = TestSequence.Create(shape, 1, seed: 3, [15]);

        float[][] first = harness.Step(longest.Part(0, 99), single.Part(0, 1));
        float[][] second = harness.Step(middle.Part(0, 64), longest.Part(99, 31));
        float[][] third = harness.Step(longest.Part(130, 1), middle.Part(64, 1));

        double error = Math.Max(
            LargestDifference(NaiveAttention.Compute(shape, longest), [.. first[0], .. second[1], .. third[0]]),
            Math.Max(
                LargestDifference(NaiveAttention.Compute(shape, middle), [.. second[0], .. third[1]]),
                LargestDifference(NaiveAttention.Compute(shape, single), first[1])));
        output.WriteLine($"largest error {error:E2}");
        Assert.InRange(error, 0, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Run_AnyChunksNeighboursAndBlocks_SameBits(int bits, int heads, int kvHeads, int headDim, int rotaryDim)
    {
        var width = (SimdWidth)bits;
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width} vectors.");
        var shape = new AttentionShape(heads, kvHeads, headDim, rotaryDim);
        TestSequence sequence = TestSequence.Create(shape, 150, seed: 11, [0, 1, 2, 3, 4]);
        foreach (KvFormat format in Enum.GetValues<KvFormat>())
        {
            using var aloneHarness = new AttentionHarness(shape, width, blocks: 8, format: format);
            float[] alone = aloneHarness.Step(sequence.Part(0, sequence.Tokens))[0];
            for (int seed = 0; seed < 4; seed++)
            {
                Assert.Equal(alone, RunInPieces(shape, width, format, sequence, seed));
            }
        }
    }

    /// <summary>Values are between -2 and 2: a bf16 has 8 bits of precision, a byte of int8 is a 127th of the largest.</summary>
    [Theory]
    [InlineData(KvFormat.BF16, 0.02)]
    [InlineData(KvFormat.Int8, 0.04)]
    public void Run_SmallerFormat_NearDoublePrecision(KvFormat format, double most)
    {
        var shape = new AttentionShape(4, 2, 64, 32);
        TestSequence sequence = TestSequence.Create(shape, 100, seed: 7, [3, 1, 0, 2]);
        using var harness = new AttentionHarness(shape, SimdWidths.Widest, blocks: 4, format: format);

        double error = LargestDifference(NaiveAttention.Compute(shape, sequence), harness.Step(sequence.Part(0, sequence.Tokens))[0]);

        output.WriteLine($"largest error {error:E2}");
        Assert.InRange(error, 0, most);
    }

    [Theory]
    [InlineData(KvFormat.F32)]
    [InlineData(KvFormat.BF16)]
    [InlineData(KvFormat.Int8)]
    public void Run_SpansSplitOverWorkers_SameBits(KvFormat format)
    {
        var shape = new AttentionShape(4, 2, 16, 8);
        TestSequence sequence = TestSequence.Create(shape, (3 * AttentionPlan.SpanTokens) + 40, seed: 5, firstBlock: 0);

        float[] oneWorker = DecodeAfterPrefill(shape, format, sequence, workers: 1);
        float[] manyWorkers = DecodeAfterPrefill(shape, format, sequence, workers: 64);

        Assert.Equal(oneWorker, manyWorkers);
    }

    [Fact]
    public void Run_SeveralSpans_NearDoublePrecision()
    {
        var shape = new AttentionShape(2, 1, 8, 8);
        TestSequence sequence = TestSequence.Create(shape, AttentionPlan.SpanTokens + 33, seed: 6, firstBlock: 0);
        using var harness = new AttentionHarness(shape, SimdWidths.Widest, blocks: 40);

        float[] result = harness.Step(sequence.Part(0, sequence.Tokens))[0];

        Assert.InRange(LargestDifference(NaiveAttention.Compute(shape, sequence), result), 0, 1e-5);
    }

    [Fact]
    public void Run_NeighbourIsNotANumber_OnlyItsOwnRowsAre()
    {
        var shape = new AttentionShape(4, 2, 32, 16);
        using var harness = new AttentionHarness(shape, SimdWidths.Widest, blocks: 8);
        TestSequence broken = TestSequence.Create(shape, 40, seed: 1, firstBlock: 0);
        TestSequence healthy = TestSequence.Create(shape, 40, seed: 2, firstBlock: 2);
        Array.Fill(broken.Packed, float.NaN, 20 * shape.PackedWidth, shape.PackedWidth);

        float[][] results = harness.Step(broken.Part(0, 40), healthy.Part(0, 40));

        int broke = 20 * shape.Heads * shape.HeadDim;
        Assert.All(results[0][..broke], value => Assert.False(float.IsNaN(value)));
        Assert.All(results[0][broke..], value => Assert.True(float.IsNaN(value)));
        Assert.All(results[1], value => Assert.False(float.IsNaN(value)));
    }

    [Fact]
    public void Create_HeadsNotDivisible_Throws() => Assert.Throws<ArgumentException>(
        () => new PagedAttention(new AttentionShape(5, 2, 32, 16), KvFormat.F32, SimdWidths.Widest, workers: 1));

    /// <summary>The sequence in random chunks and random blocks, beside other sequences.</summary>
    private static float[] RunInPieces(AttentionShape shape, SimdWidth width, KvFormat format, TestSequence sequence, int seed)
    {
        var random = new Random(seed);
        int[] blocks = [.. Enumerable.Range(0, 24)];
        random.Shuffle(blocks);
        TestSequence moved = sequence with { Blocks = blocks[..5] };
        TestSequence[] others =
        [
            TestSequence.Create(shape, 150, seed + 100, blocks[5..10]),
            TestSequence.Create(shape, 150, seed + 200, blocks[10..15]),
        ];
        using var harness = new AttentionHarness(shape, width, blocks: 24, workers: 1 + seed, format);
        List<float> result = [];
        int otherPast = 0;
        for (int past = 0; past < moved.Tokens;)
        {
            int count = Math.Min(moved.Tokens - past, random.Next(3) == 0 ? 1 : random.Next(1, 70));
            int otherCount = Math.Min(150 - otherPast, random.Next(1, 20));
            SequencePart part = moved.Part(past, count);
            SequencePart[] parts = otherCount == 0 ? [part] : [others[0].Part(otherPast, otherCount), part, others[1].Part(otherPast, otherCount)];
            result.AddRange(harness.Step(parts)[parts.Length / 2]);
            past += count;
            otherPast += otherCount;
        }

        return [.. result];
    }

    private static float[] DecodeAfterPrefill(AttentionShape shape, KvFormat format, TestSequence sequence, int workers)
    {
        using var harness = new AttentionHarness(shape, SimdWidths.Widest, blocks: sequence.Blocks.Length, workers, format);
        harness.Step(sequence.Part(0, sequence.Tokens - 3));
        return [.. harness.Step(sequence.Part(sequence.Tokens - 3, 2))[0], .. harness.Step(sequence.Part(sequence.Tokens - 1, 1))[0]];
    }

    private static double LargestDifference(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, (e, a) => double.IsNaN(a) ? double.PositiveInfinity : Math.Abs(e - a)).Max();
    }
}
