using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Tests.Embeddings;

namespace GlmCluster.Engine.Tests.Kernels;

public sealed unsafe class GeluTests
{
    [Theory]
    [InlineData(SimdWidth.Bits128)]
    [InlineData(SimdWidth.Bits256)]
    [InlineData(SimdWidth.Bits512)]
    internal void Compute_NumbersOfAllSizes_NearTheFormulaAndAlikeWhereverTheyStand(SimdWidth width)
    {
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width}.");
        float[] source = [.. Enumerable.Range(-400, 801).Select(i => i / 40f)]; // -10 to 10
        float[] target = new float[source.Length];
        float[] shifted = new float[source.Length - 1];
        var gelu = Gelu.Create(width);
        fixed (float* first = source, result = target, other = shifted)
        {
            gelu.Compute(first, source.Length, result);
            gelu.Compute(first + 1, shifted.Length, other);
        }

        Assert.Equal(target[1..], shifted);
        for (int i = 0; i < source.Length; i++)
        {
            Assert.InRange(target[i], PlainEncoder.Gelu(source[i]) - 1.2e-6, PlainEncoder.Gelu(source[i]) + 1.2e-6);
        }
    }
}
