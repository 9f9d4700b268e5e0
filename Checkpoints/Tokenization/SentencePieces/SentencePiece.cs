namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>One entry of a SentencePiece model; its number is its place in the file.</summary>
/// <param name="Text">With <see cref="Blank"/> for blanks.</param>
/// <param name="Score">Logarithm of a probability, or minus the order of merging.</param>
/// <param name="Kind">What it is for.</param>
internal readonly record struct SentencePiece(string Text, float Score, PieceKind Kind)
{
    /// <summary>Stands for a blank inside pieces.</summary>
    public const char Blank = '\u2581';
}

/// <summary>Numbered as in sentencepiece_model.proto.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
