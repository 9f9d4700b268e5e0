namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Which dimensions are rotated together.</summary>
public enum RotaryPairing
{
    /// <summary>Neighbours: 2i with 2i + 1.</summary>
    Interleaved,

    /// <summary>Halves of what is rotated: i with i + rotaryDim / 2.</summary>
    HalfSplit,
}

/// <summary>How rotary angles are stretched for long contexts.</summary>
public abstract record RotaryScaling;

/// <summary>Positions are divided by a factor (arXiv:2306.15595): chatglm2-6b-32k.</summary>
public sealed record LinearRotaryScaling(double Factor) : RotaryScaling;

/// <summary>YaRN (arXiv:2309.00071), with the names and defaults of Hugging Face transformers' <c>rope_scaling</c>.</summary>
/// <param name="Factor">Times that the context grows, at least 1.</param>
/// <param name="OriginalContextTokens">Context that the model was trained for.</param>
/// <param name="BetaFast">Turns within that context from which on a dimension is not stretched.</param>
/// <param name="BetaSlow">Turns up to which a dimension is stretched by the whole factor.</param>
/// <param name="AttentionFactor">Factor of cosines and sines; null: from <paramref name="Factor"/>, 0.1 · ln(factor) + 1.</param>
/// <param name="Truncates">Whether the bounds between which stretching rises are rounded outwards to whole dimensions.</param>
public sealed record YarnRotaryScaling(
    double Factor, int OriginalContextTokens, double BetaFast, double BetaSlow, double? AttentionFactor, bool Truncates) : RotaryScaling;
