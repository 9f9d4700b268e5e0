using System.Numerics.Tensors;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Quantises one row of weights: weight ≈ number · scale with numbers from -127 to 127 and scale = largest magnitude / 127.</summary>
internal static class RowQuantization
{
    private const float Levels = 127;

    /// <param name="weights">Overwritten with the rounded numbers.</param>
    /// <param name="target">Receives the numbers.</param>
    /// <returns>The scale; 0 for a row of zeros.</returns>
    public static float Quantize(Span<float> weights, Span<sbyte> target)
    {
        float maximum = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(weights));
        TensorPrimitives.Multiply(weights, maximum > 0 ? Levels / maximum : 0, weights);
        TensorPrimitives.Round<float>(weights, weights);
        TensorPrimitives.ConvertSaturating<float, sbyte>(weights, target);
        return maximum / Levels;
    }
}
