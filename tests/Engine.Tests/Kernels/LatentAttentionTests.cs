using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Tests.Graph;

namespace GlmCluster.Engine.Tests.Kernels;

/// <summary>Against keys and values that are written out for every head, as the paper has them, in double.</summary>
public sealed class LatentAttentionTests
{
    private const int Heads = 3;
    private const int Tokens = 70;
    private const float Epsilon = 1e-6f;

    private static readonly LatentShape Shape = new(LatentWidth: 40, PlainDim: 12, RotaryDim: 6, ValueDim: 20);
    private static readonly float[] Queries = LinearHarness.Numbers(Tokens * Heads * Shape.QueryDim, seed: 1);
    private static readonly float[] KeyValue = LinearHarness.Numbers(Tokens * (Shape.LatentWidth + Shape.RotaryDim), seed: 2);
    private static readonly float[] NormWeight = LinearHarness.Numbers(Shape.LatentWidth, seed: 3);
    private static readonly float[] Up = LinearHarness.Numbers(Heads * (Shape.PlainDim + Shape.ValueDim) * Shape.LatentWidth, seed: 4);

    public static MatrixTheoryData<int, bool> WidthsAndPairings { get; } =
        new([.. Enum.GetValues<SimdWidth>().Select(width => (int)width)], [false, true]);

    [Theory]
    [MemberData(nameof(WidthsAndPairings))]
    public void Run_AnyWidthAndPairing_NearExpandedKeysAndValues(int bits, bool rotatesHalves)
    {
        Assert.SkipUnless(((SimdWidth)bits).IsSupported(), $"This processor has no {bits}-bit vectors.");
        double[] expected = Expanded(rotatesHalves);

        float[] output = Run(rotatesHalves, KvFormat.F32, (SimdWidth)bits, workers: 1, chunks: [Tokens]);

        Assert.True(expected.Max(Math.Abs) > 0.5);
        Assert.All(output.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 2e-5));
    }

    [Theory]
    [InlineData(KvFormat.F32)]
    [InlineData(KvFormat.BF16)]
    [InlineData(KvFormat.Int8)]
    public void Run_PrefillOrDecodeOnAnyWorkers_SameBits(KvFormat format)
    {
        float[] whole = Run(rotatesHalves: false, format, SimdWidths.Widest, workers: 1, chunks: [Tokens]);
        Assert.Equal(whole, Run(rotatesHalves: false, format, SimdWidths.Widest, workers: 3, chunks: [33, 1, 17, 19]));
        Assert.Equal(whole, Run(rotatesHalves: false, format, SimdWidths.Widest, workers: 1, chunks: [.. Enumerable.Repeat(1, Tokens)]));
    }

    private static unsafe float[] Run(bool rotatesHalves, KvFormat format, SimdWidth width, int workers, int[] chunks)
    {
        using var attention = LatentAttention.Create(Heads, Shape, rotatesHalves, format, width, workers);
        (PageMemory cosines, PageMemory sines) = RotaryTable.Create(Tokens, Shape.RotaryDim, 10_000);
        byte[] cache = new byte[4 * AttentionShape.PageTokens * format.TokenBytes(Shape.LatentWidth + Shape.RotaryDim)];
        Array.Fill(cache, (byte)0xFF); // what a block held before must not matter
        int[] table = [3, 0, 2];
        float[] output = new float[Tokens * Heads * Shape.ValueDim];
        fixed (float* queries = Queries, keyValue = KeyValue, norm = NormWeight, up = Up, outputData = output)
        fixed (byte* cacheData = cache)
        fixed (int* tableData = table)
        {
            int past = 0;
            int* lengths = stackalloc int[2] { 0, 0 };
            foreach (int count in chunks)
            {
                lengths[1] = count;
                attention.BeginLatent(
                    new AttentionStep
                    {
                        KeyCache = cacheData,
                        ValueCache = cacheData,
                        CumulativeLengths = lengths,
                        PastLengths = &past,
                        BlockTable = tableData,
                        Cosines = (float*)cosines.Address,
                        Sines = (float*)sines.Address,
                        Tokens = count,
                        Sequences = 1,
                        TableWidth = table.Length,
                    },
                    new LatentStep
                    {
                        Queries = queries + (past * Heads * Shape.QueryDim),
                        KeyValue = keyValue + (past * (Shape.LatentWidth + Shape.RotaryDim)),
                        KeyValueNorm = norm,
                        NormEpsilon = Epsilon,
                        KeyValueUp = new PackedMatrix
                        {
                            Element = PackedElement.F32,
                            Values = (byte*)up,
                            Rows = Heads * (Shape.PlainDim + Shape.ValueDim),
                            Columns = Shape.LatentWidth,
                        },
                        Output = outputData + (past * Heads * Shape.ValueDim),
                    });
                RunUnits(attention.ProjectionCount, workers, attention.Absorb);
                for (AttentionPhase phase = AttentionPhase.Append; phase <= AttentionPhase.Combine; phase++)
                {
                    RunUnits(attention.Count(phase), workers, (unit, worker) => attention.Run(phase, unit, worker));
                }

                RunUnits(attention.ProjectionCount, workers, attention.Expand);
                past += count;
            }
        }

        cosines.Dispose();
        sines.Dispose();
        return output;
    }

    /// <summary>Any order will do: the last first.</summary>
    private static void RunUnits(int count, int workers, Action<int, int> run)
    {
        for (int unit = count - 1; unit >= 0; unit--)
        {
            run(unit, unit % workers);
        }
    }

    private static double[] Expanded(bool rotatesHalves)
    {
        int rowWidth = Shape.LatentWidth + Shape.RotaryDim;
        double[][] latents = [.. Enumerable.Range(0, Tokens).Select(token => Normed(KeyValue.AsSpan(token * rowWidth, Shape.LatentWidth)))];
        double[] output = new double[Tokens * Heads * Shape.ValueDim];
        for (int token = 0; token < Tokens; token++)
        {
            for (int head = 0; head < Heads; head++)
            {
                ReadOnlySpan<float> query = Queries.AsSpan(((token * Heads) + head) * Shape.QueryDim, Shape.QueryDim);
                double[] turned = Rotated(query[Shape.PlainDim..], token, rotatesHalves);
                double[] weights = new double[token + 1];
                for (int other = 0; other <= token; other++)
                {
                    double[] key = Rotated(KeyValue.AsSpan((other * rowWidth) + Shape.LatentWidth, Shape.RotaryDim), other, rotatesHalves);
                    double score = turned.Zip(key, (a, b) => a * b).Sum();
                    for (int d = 0; d < Shape.PlainDim; d++)
                    {
                        score += query[d] * UpRow(head, d, latents[other]);
                    }

                    weights[other] = Math.Exp(score / Math.Sqrt(Shape.QueryDim));
                }

                for (int d = 0; d < Shape.ValueDim; d++)
                {
                    output[(((token * Heads) + head) * Shape.ValueDim) + d] = Enumerable.Range(0, token + 1)
                        .Sum(other => weights[other] / weights.Sum() * UpRow(head, Shape.PlainDim + d, latents[other]));
                }
            }
        }

        return output;
    }

    private static double[] Normed(ReadOnlySpan<float> row)
    {
        double[] values = [.. row.ToArray().Select(value => (double)value)];
        double factor = 1 / Math.Sqrt(values.Average(value => value * value) + Epsilon);
        return [.. values.Select((value, i) => value * factor * NormWeight[i])];
    }

    private static double UpRow(int head, int row, double[] latent)
    {
        int first = ((head * (Shape.PlainDim + Shape.ValueDim)) + row) * Shape.LatentWidth;
        return latent.Select((value, i) => value * Up[first + i]).Sum();
    }

    private static double[] Rotated(ReadOnlySpan<float> source, int position, bool halves)
    {
        double[] result = new double[source.Length];
        for (int pair = 0; pair < source.Length / 2; pair++)
        {
            (int a, int b) = halves ? (pair, pair + (source.Length / 2)) : (2 * pair, (2 * pair) + 1);
            (double sin, double cos) = Math.SinCos(position * Math.Pow(10_000, -2.0 * pair / source.Length));
            (result[a], result[b]) = ((source[a] * cos) - (source[b] * sin), (source[a] * sin) + (source[b] * cos));
        }

        return result;
    }
}
