using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Kernels.Experts;
using GlmCluster.Engine.Tests.Graph;

namespace GlmCluster.Engine.Tests.Kernels.Experts;

public sealed class ExpertFeedForwardTests
{
    private const int Tokens = 9;

    private static readonly float[] Input = LinearHarness.Numbers(Tokens * ExpertHarness.Hidden, seed: 1);
    private static readonly float[] Logits = LinearHarness.Numbers(Tokens * ExpertHarness.Shape.Experts, seed: 2);

    public static MatrixTheoryData<WeightFormat, int> FormatsAndWidths { get; } =
        new(Enum.GetValues<WeightFormat>(), [.. Enum.GetValues<SimdWidth>().Select(width => (int)width)]);

    [Theory]
    [MemberData(nameof(FormatsAndWidths))]
    public void Run_AnyFormatAndWidth_NearPlainComputationOverTheStoredNumbers(WeightFormat format, int bits)
    {
        Assert.SkipUnless(((SimdWidth)bits).IsSupported(), $"This processor has no {bits}-bit vectors.");
        using var harness = new ExpertHarness(format);

        float[] output = harness.Run(Input, Logits, (SimdWidth)bits);

        double[] plain = harness.Plain(Input, Logits);
        Assert.True(plain.Max(Math.Abs) > 1);
        Assert.All(output.Zip(plain), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
    }

    [Theory]
    [InlineData(WeightFormat.F32)]
    [InlineData(WeightFormat.Int8)]
    [InlineData(WeightFormat.Int4Block32)]
    public void Run_TokensApartOrTogetherOnAnyWorkers_SameBits(WeightFormat format)
    {
        using var harness = new ExpertHarness(format);
        float[] together = harness.Run(Input, Logits, SimdWidths.Widest);

        float[] apart = [.. Enumerable.Range(0, Tokens).SelectMany(token => harness.Run(
            Input[(token * ExpertHarness.Hidden)..((token + 1) * ExpertHarness.Hidden)],
            Logits[(token * ExpertHarness.Shape.Experts)..((token + 1) * ExpertHarness.Shape.Experts)],
            SimdWidths.Widest))];

        Assert.Equal(together, apart);
        Assert.Equal(together, harness.Run(Input, Logits, SimdWidths.Widest, workers: 3));
    }

    [Fact]
    public void Run_ExpertWithoutTokens_IsNotRead()
    {
        using var harness = new ExpertHarness(WeightFormat.F32);
        float[] logits = [.. Enumerable.Repeat<float[]>([3, -9, 2, 1, 0, -1], Tokens).SelectMany(row => row)];
        float[] expected = harness.Run(Input, logits, SimdWidths.Widest);

        harness.Spoil(1);

        Assert.Equal(expected, harness.Run(Input, logits, SimdWidths.Widest));
        harness.Spoil(2);
        Assert.Contains(harness.Run(Input, logits, SimdWidths.Widest), float.IsNaN);
    }

    [Fact]
    public void Make_SpreadTokens_SlotsByExpertThenToken()
    {
        using var groups = new ExpertGroups(ExpertHarness.Shape);
        unsafe
        {
            float* correction = stackalloc float[ExpertHarness.Shape.Experts];
            new Span<float>(correction, ExpertHarness.Shape.Experts).Clear();
            fixed (float* logits = Logits)
            {
                groups.Make(logits, correction, Tokens);
            }

            int[] tokens = new ReadOnlySpan<int>(groups.Tokens, Tokens * 2).ToArray();
            int[] counts = [.. Enumerable.Range(0, ExpertHarness.Shape.Experts).Select(groups.Count)];
            Assert.Equal(Tokens * 2, counts.Sum());
            Assert.Equal(counts.Count(count => count > 0), groups.ActiveCount);
            for (int expert = 0; expert < counts.Length; expert++)
            {
                int[] own = tokens[groups.Start(expert)..(groups.Start(expert) + counts[expert])];
                Assert.Equal(own.Distinct().Order(), own);
            }
        }
    }
}
