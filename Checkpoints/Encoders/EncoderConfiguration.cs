namespace GlmCluster.Checkpoints.Encoders;

/// <summary>Sizes of an encoder, each checked against the others.</summary>
public sealed record EncoderConfiguration
{
    public required EncoderFamily Family { get; init; }

    public required int Layers { get; init; }

    /// <summary>Width of a token's vector.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the feed-forward.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Attention heads; divides <see cref="HiddenSize"/>.</summary>
    public required int Heads { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Rows of the position table.</summary>
    public required int Positions { get; init; }

    /// <summary>Rows of the token type table; texts have type 0.</summary>
    public required int TokenTypes { get; init; }

    /// <summary>Id that fills rows up where others pad; nothing is padded here.</summary>
    public required int PaddingId { get; init; }

    /// <summary>Added to variances in norms.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Row of the position table for a text's first token.</summary>
    public int FirstPosition => Family.CountsPositionsFromPadding ? PaddingId + 1 : 0;

    /// <summary>Most tokens of a text, those around it included.</summary>
    public int ContextTokens => Positions - FirstPosition;

    public int HeadDim => HiddenSize / Heads;
}
