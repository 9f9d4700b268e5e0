namespace GlmCluster.Engine.Kernels;

/// <summary>Sizes of an attention layer that stay the same from step to step.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads; divides <paramref name="Heads"/>.</param>
/// <param name="HeadDim">Width of a head, at most <see cref="LargestHeadDim"/>.</param>
/// <param name="RotaryDim">Leading dimensions that are rotated.</param>
/// <param name="RotatesHalves">Whether dimension i is rotated with i + rotaryDim / 2; else 2i with 2i + 1.</param>
internal readonly record struct AttentionShape(int Heads, int KvHeads, int HeadDim, int RotaryDim, bool RotatesHalves = false)
{
    /// <summary>Tokens in a page of the KV cache. A page holds one head of one block (<see cref="KvPages"/>).</summary>
    public const int PageTokens = 32;

    public const int LargestHeadDim = 1024;

    /// <summary>Leading dimensions of a key that are its value too; 0: values have pages of their own, as wide as keys.</summary>
    /// <remarks>Where keys are values their pages are [32, headDim], like pages of values.</remarks>
    public int SharedValueDim { get; init; }

    /// <summary>Width of a value.</summary>
    public int ValueDim => SharedValueDim > 0 ? SharedValueDim : HeadDim;

    /// <summary>Query heads that share a key head.</summary>
    public int GroupSize => Heads / KvHeads;

    /// <summary>Floats of one token's q, k and v.</summary>
    public int PackedWidth => (Heads + (2 * KvHeads)) * HeadDim;

    /// <summary>Floats of a page.</summary>
    public int PageFloats => PageTokens * HeadDim;
}
