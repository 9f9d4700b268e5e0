using System.Collections.Immutable;
using GlmCluster.Checkpoints.Families;

namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Sizes and constants of a decoder, read from <c>config.json</c> in any of its published spellings.</summary>
public sealed record DecoderConfiguration
{
    public required DecoderFamily Family { get; init; }

    public required int Layers { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>Width of the gated feed-forward; the gate-up matrix has twice as many rows.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of one head; not derived from the hidden size.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of embedding and head.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest prompt and answer together, in tokens.</summary>
    public required int ContextTokens { get; init; }

    public required float NormEpsilon { get; init; }

    /// <summary>Leading dimensions of each head that are rotated; even.</summary>
    public required int RotaryDim { get; init; }

    public required double RotaryBase { get; init; }

    public RotaryPairing RotaryPairing { get; init; }

    /// <summary>How positions are stretched beyond what the model was trained for; null: not.</summary>
    public RotaryScaling? RotaryScaling { get; init; }

    /// <summary>Whether q, k and v have a bias.</summary>
    public required bool QkvBias { get; init; }

    /// <summary>Whether each head's q and k are normed before they are rotated.</summary>
    public bool HeadNorms { get; init; }

    /// <summary>The experts of the layers that have them; null: no layer has.</summary>
    public ExpertConfiguration? Experts { get; init; }

    /// <summary>Widths of latent attention; null: keys and values are cached as they are.</summary>
    public LatentConfiguration? Latent { get; init; }

    /// <summary>How a prompt is divided whose tokens see later ones; null: tokens see earlier ones only.</summary>
    public PrefixConfiguration? Prefix { get; init; }

    /// <summary>Factor of the normed input where it is what a sub-layer's result is added to; null: the sum so far is.</summary>
    public float? ResidualScale { get; init; }

    /// <summary>Bits of the matrices' numbers in ChatGLM's own quantised releases, 4 or 8; 0: the weights are floats.</summary>
    public int QuantizationBits { get; init; }

    /// <summary>Whether the head falls back to the embedding where the folder stores no head of its own.</summary>
    public required bool TiedHead { get; init; }

    /// <summary><c>eos_token_id</c>, one or several; may be empty.</summary>
    public required ImmutableArray<int> StopIds { get; init; }
}
