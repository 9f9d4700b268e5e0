using System.Text;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>The pieces of a model and the ids that the family gives them. Immutable; look-ups allocate nothing.</summary>
internal sealed class SentencePieceVocabulary
{
    private readonly int[] _ids; // by piece
    private readonly int[] _pieces; // by id; -1 for none
    private readonly byte[][] _printed; // by piece; empty for those that print nothing
    private readonly bool[] _beginsWithBlank; // by piece
    private readonly int[] _bytePieces; // by byte; empty without byte fallback

    /// <param name="file">The model.</param>
    /// <param name="toId">The family's id of each piece.</param>
    /// <param name="print">What a user-defined piece prints.</param>
    public SentencePieceVocabulary(SentencePieceFile file, Func<int, int> toId, Func<string, string> print)
    {
        _ids = [.. Enumerable.Range(0, file.Pieces.Count).Select(toId)];
        _pieces = new int[_ids.Max() + 1];
        Array.Fill(_pieces, -1);
        _printed = new byte[_ids.Length][];
        _beginsWithBlank = [.. file.Pieces.Select(piece => piece.Text[0] == SentencePiece.Blank)];
        _bytePieces = file.HasByteFallback ? new int[256] : [];
        for (int piece = 0; piece < _ids.Length; piece++)
        {
            _pieces[_ids[piece]] = piece;
            SentencePiece entry = file.Pieces[piece];
            _printed[piece] = entry.Kind switch
            {
                PieceKind.Normal or PieceKind.Unused => Encoding.UTF8.GetBytes(entry.Text.Replace(SentencePiece.Blank, ' ')),
                PieceKind.UserDefined => Encoding.UTF8.GetBytes(print(entry.Text)),
                PieceKind.Byte => [(byte)SentencePieceFile.ByteOf(entry.Text)],
                _ => [],
            };
            if (entry.Kind == PieceKind.Byte && file.HasByteFallback)
            {
                _bytePieces[SentencePieceFile.ByteOf(entry.Text)] = piece;
            }

            UnknownPiece = entry.Kind == PieceKind.Unknown ? piece : UnknownPiece;
        }
    }

    /// <summary>All ids of pieces are below this.</summary>
    public int IdLimit => _pieces.Length;

    public int UnknownPiece { get; }

    public bool HasByteFallback => _bytePieces.Length > 0;

    public int IdOf(int piece) => _ids[piece];

    public int BytePiece(byte value) => _bytePieces[value];

    /// <summary>Whether an id's piece begins with <c>▁</c>.</summary>
    public bool BeginsWithBlank(int id) => _pieces[id] >= 0 && _beginsWithBlank[_pieces[id]];

    /// <summary>What an id prints, blanks as blanks; empty for ids that print nothing.</summary>
    public ReadOnlySpan<byte> Print(int id) => (uint)id < (uint)_pieces.Length && _pieces[id] >= 0 ? _printed[_pieces[id]] : [];
}
