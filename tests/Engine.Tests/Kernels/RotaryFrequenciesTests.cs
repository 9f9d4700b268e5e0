using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Kernels;

/// <summary>Against the formulas of arXiv:2104.09864, arXiv:2306.15595 and arXiv:2309.00071, written out.</summary>
public sealed class RotaryFrequenciesTests
{
    [Fact]
    public void Create_NoScaling_FallsFromOneByPowersOfTheBase()
    {
        (double[] angles, double magnitude) = RotaryFrequencies.Create(64, 10_000, scaling: null);

        Assert.Equal((32, 1.0, 1.0), (angles.Length, angles[0], magnitude));
        Assert.Equal(0.01, angles[16], 1e-15);
        Assert.Equal(Math.Pow(10_000, -62 / 64.0), angles[31], 1e-15);
    }

    [Fact]
    public unsafe void Create_Interpolation_Position16IsWhereOneWas()
    {
        (PageMemory cosines, PageMemory sines) = RotaryTable.Create(33, 64, 10_000, new LinearRotaryScaling(16));
        (PageMemory plainCosines, PageMemory plainSines) = RotaryTable.Create(3, 64, 10_000);
        for (int pair = 0; pair < 32; pair++)
        {
            Assert.Equal(((float*)plainCosines.Address)[32 + pair], ((float*)cosines.Address)[(16 * 32) + pair], 1e-6f);
            Assert.Equal(((float*)plainSines.Address)[64 + pair], ((float*)sines.Address)[(32 * 32) + pair], 1e-6f);
        }

        Array.ForEach([cosines, sines, plainCosines, plainSines], memory => memory.Dispose());
    }

    /// <summary>GLM-4-0414 as its model card stretches it: factor 4 over 32,768, 64 dimensions, base 10,000.</summary>
    [Fact]
    public void Create_Yarn_FastPairsStaySlowOnesAreDividedThoseBetweenRamp()
    {
        (double[] angles, double magnitude) = RotaryFrequencies.Create(64, 10_000, Yarn(attentionFactor: null));

        // The pair that turns n times in 32,768 positions: 64 · ln(32768 / (2πn)) / (2 ln 10000): n = 32: 17.70, n = 1: 29.74; outwards 17 and 30.
        for (int pair = 0; pair < 32; pair++)
        {
            double plain = Math.Pow(10_000, -pair / 32.0);
            double stretched = pair <= 17 ? 0 : pair >= 30 ? 1 : (pair - 17) / 13.0;
            Assert.Equal(plain * (1 - (0.75 * stretched)), angles[pair], 1e-15);
        }

        Assert.Equal((0.1 * Math.Log(4)) + 1, magnitude, 1e-12);
    }

    [Fact]
    public unsafe void Create_YarnWithAttentionFactor_MultipliesCosinesAndSines()
    {
        (PageMemory cosines, PageMemory sines) = RotaryTable.Create(2, 64, 10_000, Yarn(attentionFactor: 1.25));

        Assert.Equal(1.25f, ((float*)cosines.Address)[0]);
        Assert.Equal(0f, ((float*)sines.Address)[0]);
        Assert.Equal((float)(1.25 * Math.Sin(1)), ((float*)sines.Address)[32]);
        cosines.Dispose();
        sines.Dispose();
    }

    private static YarnRotaryScaling Yarn(double? attentionFactor) => new(4, 32_768, BetaFast: 32, BetaSlow: 1, attentionFactor, Truncates: true);
}
