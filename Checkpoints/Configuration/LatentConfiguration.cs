namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Multi-head latent attention (arXiv:2405.04434): all heads' keys and values come from one narrow row per token.</summary>
/// <param name="QueryWidth">Width that queries are projected through.</param>
/// <param name="LatentWidth">Width of the row that keys and values come from.</param>
/// <param name="PlainDim">Dimensions of a head's query and key without position.</param>
/// <param name="RotaryDim">Further dimensions, rotated; the key's are shared by all heads.</param>
/// <param name="ValueDim">Width of a head's value.</param>
public sealed record LatentConfiguration(int QueryWidth, int LatentWidth, int PlainDim, int RotaryDim, int ValueDim)
{
    /// <summary>Epsilon of the norms inside, whatever the configuration says of the others (modeling_glm4_moe_lite.py).</summary>
    public const float NormEpsilon = 1e-6f;

    /// <summary>What is cached per token and layer: the normed latent row and the rotated key.</summary>
    public int CachedWidth => LatentWidth + RotaryDim;
}
