namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>Cuts a normalised text into pieces. Immutable and thread-safe.</summary>
internal interface IPieceCutter
{
    void Cut(ReadOnlySpan<char> text, ref PieceWriter writer);
}
