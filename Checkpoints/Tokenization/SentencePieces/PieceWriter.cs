using System.Text;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>Writes the ids of one text's pieces. Characters without a piece become their bytes' pieces, else each run of them one unknown id.</summary>
internal ref struct PieceWriter(SentencePieceVocabulary vocabulary, ICollection<int> ids)
{
    private bool _afterUnknown;

    public void Add(int piece)
    {
        ids.Add(vocabulary.IdOf(piece));
        _afterUnknown = false;
    }

    /// <param name="character">One character.</param>
    public void AddUnknown(ReadOnlySpan<char> character)
    {
        if (vocabulary.HasByteFallback)
        {
            Span<byte> bytes = stackalloc byte[4];
            foreach (byte value in bytes[..Encoding.UTF8.GetBytes(character, bytes)])
            {
                ids.Add(vocabulary.IdOf(vocabulary.BytePiece(value)));
            }

            return;
        }

        if (!_afterUnknown)
        {
            ids.Add(vocabulary.IdOf(vocabulary.UnknownPiece));
        }

        _afterUnknown = true;
    }
}
