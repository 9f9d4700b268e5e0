namespace GlmCluster.Engine.Kernels;

/// <summary>What one run of an attention layer reads and writes. Block numbers and positions are valid: the runner checked them.</summary>
internal unsafe struct AttentionStep
{
    /// <summary>Shape (tokens, <see cref="AttentionShape.PackedWidth"/>): q, k and v of the new tokens.</summary>
    public float* QueryKeyValue;

    /// <summary>Shape (tokens, heads · headDim).</summary>
    public float* Output;

    /// <summary>Pages [blocks, kvHeads] of keys.</summary>
    public byte* KeyCache;

    /// <summary>Pages [blocks, kvHeads] of values.</summary>
    public byte* ValueCache;

    /// <summary>Start of each sequence's new tokens, and the end of the last.</summary>
    public int* CumulativeLengths;

    /// <summary>Tokens of each sequence that are in the cache already.</summary>
    public int* PastLengths;

    /// <summary>First positions of each sequence that all its tokens see; null: none.</summary>
    public int* PrefixLengths;

    /// <summary>Position of each sequence's tokens behind its prefix; null where there are no prefixes.</summary>
    public int* MaskPositions;

    /// <summary>Shape (sequences, <see cref="TableWidth"/>).</summary>
    public int* BlockTable;

    /// <summary>Shape (positions, rotaryDim / 2).</summary>
    public float* Cosines;

    /// <inheritdoc cref="Cosines"/>
    public float* Sines;

    public int Tokens;

    public int Sequences;

    public int TableWidth;
}
