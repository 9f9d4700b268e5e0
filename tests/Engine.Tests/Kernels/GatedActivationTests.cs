using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Tests.Kernels;

public sealed unsafe class GatedActivationTests
{
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Compute_AllMagnitudes_NearDoublePrecision(int bits)
    {
        var width = (SimdWidth)bits;
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width} vectors.");
        float[] gates = [0, -0f, 1e-30f, -1e-30f, 87, -87, 90, -90, 1e30f, -1e30f, .. Enumerable.Range(-300, 601).Select(i => i / 17f)];
        float[] ups = [.. gates.Select((_, i) => (i % 7) - 3.25f)];

        float[] result = Compute(width, [.. gates, .. ups]);

        for (int i = 0; i < gates.Length; i++)
        {
            double exact = gates[i] / (1 + Math.Exp(-(double)gates[i])) * ups[i];
            Assert.InRange(result[i], exact - (1e-6 * Math.Abs(exact)) - 1e-30, exact + (1e-6 * Math.Abs(exact)) + 1e-30);
        }
    }

    [Theory]
    [InlineData(float.NaN, 1f)]
    [InlineData(1f, float.NaN)]
    public void Compute_NotANumber_StaysOne(float gate, float up) => Assert.True(float.IsNaN(Compute(SimdWidths.Widest, [gate, up])[0]));

    private static float[] Compute(SimdWidth width, float[] gateThenUp)
    {
        float[] result = new float[gateThenUp.Length / 2];
        fixed (float* source = gateThenUp, target = result)
        {
            GatedActivation.Create(width).Compute(source, result.Length, target);
        }

        return result;
    }
}
