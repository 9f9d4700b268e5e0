using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Engine.Kernels;

/// <summary>Angle per position of each rotated pair, and the factor of cosines and sines.</summary>
/// <remarks>
/// Plain: base^(-2i / rotaryDim) (arXiv:2104.09864). YaRN: <c>_compute_yarn_parameters</c> in modeling_rope_utils.py of Hugging Face
/// transformers (arXiv:2309.00071): pairs that turn often in the trained context keep their angle, slow ones are stretched by the whole
/// factor, those between in part; cosines and sines are multiplied by the attention factor.
/// </remarks>
internal static class RotaryFrequencies
{
    public static (double[] Angles, double Magnitude) Create(int rotaryDim, double rotaryBase, RotaryScaling? scaling)
    {
        double[] plain = [.. Enumerable.Range(0, rotaryDim / 2).Select(pair => Math.Pow(rotaryBase, -2.0 * pair / rotaryDim))];
        return scaling switch
        {
            null => (plain, 1),
            LinearRotaryScaling linear => ([.. plain.Select(angle => angle / linear.Factor)], 1),
            YarnRotaryScaling yarn => (Stretch(plain, rotaryDim, rotaryBase, yarn), yarn.AttentionFactor ?? ((0.1 * Math.Log(yarn.Factor)) + 1)),
            _ => throw new ArgumentException($"There is no rotary scaling {scaling}.", nameof(scaling)),
        };
    }

    private static double[] Stretch(double[] plain, int rotaryDim, double rotaryBase, YarnRotaryScaling yarn)
    {
        double low = PairOfTurns(yarn.BetaFast);
        double high = PairOfTurns(yarn.BetaSlow);
        (low, high) = yarn.Truncates ? (Math.Floor(low), Math.Ceiling(high)) : (low, high);
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotaryDim - 1));
        double width = high == low ? 0.001 : high - low;
        return
        [
            .. plain.Select((angle, pair) =>
            {
                double stretched = Math.Clamp((pair - low) / width, 0, 1);
                return (angle / yarn.Factor * stretched) + (angle * (1 - stretched));
            }),
        ];

        // The pair that turns so many times within the trained context.
        double PairOfTurns(double turns) =>
            rotaryDim * Math.Log(yarn.OriginalContextTokens / (turns * 2 * Math.PI)) / (2 * Math.Log(rotaryBase));
    }
}
