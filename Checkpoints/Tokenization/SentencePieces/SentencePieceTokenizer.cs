using System.Text;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>SentencePiece models as ChatGLM-6B, ChatGLM2, ChatGLM3 and XLM-RoBERTa use them.</summary>
internal sealed class SentencePieceTokenizer : ITokenizer
{
    private readonly SentencePieceFamily _family;
    private readonly SentencePieceVocabulary _vocabulary;
    private readonly SentencePieceNormalizer _normalizer;
    private readonly IPieceCutter _cutter;
    private readonly Dictionary<string, int> _tokenIds = new(StringComparer.Ordinal);
    private readonly bool _dropsBlank;
    private readonly bool _dropsAllBlanks;

    /// <exception cref="CheckpointException">The file is damaged, or of a kind that is not supported.</exception>
    public SentencePieceTokenizer(SentencePieceFile file, SentencePieceFamily family)
    {
        _family = family;
        _vocabulary = new SentencePieceVocabulary(file, family.ToId, family.Print);
        _dropsBlank = file.AddsBlank || file.CollapsesBlanks;
        _dropsAllBlanks = file.CollapsesBlanks;
        PieceTrie userDefined = FindUserDefined(file);
        _normalizer = new SentencePieceNormalizer(file, userDefined);
        _cutter = file.IsBytePair ? new MergingCutter(file, userDefined) : new UnigramCutter(file);
        Count = _vocabulary.IdLimit;
        foreach (AddedToken token in ControlPieces(file).Concat(family.AddedTokens(file.Pieces.Count)))
        {
            if (!_tokenIds.TryAdd(token.Text, token.Id))
            {
                throw file.Invalid($"it has the special token {token.Text} twice");
            }

            Count = Math.Max(Count, token.Id + 1);
        }
    }

    public int Count { get; }

    public IReadOnlyCollection<string> SpecialTokens => _tokenIds.Keys;

    public bool TryGetSpecialId(string token, out int id) => _tokenIds.TryGetValue(token, out id);

    public bool IsSpecial(int id) => GetBytes(id).IsEmpty;

    public ReadOnlySpan<byte> GetBytes(int id) => _vocabulary.Print(id);

    public ReadOnlySpan<byte> GetBytes(int id, ref bool startsText)
    {
        ReadOnlySpan<byte> bytes = GetBytes(id);
        if (!startsText || bytes.IsEmpty)
        {
            return bytes;
        }

        bytes = _dropsBlank && _vocabulary.BeginsWithBlank(id) ? bytes[1..] : bytes;
        startsText = _dropsAllBlanks && bytes.IsEmpty;
        return bytes;
    }

    public void Encode(ReadOnlySpan<char> text, ICollection<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var writer = new PieceWriter(_vocabulary, ids);
        _cutter.Cut(_normalizer.Normalize(_family.Escape(WellFormed(text))), ref writer);
    }

    /// <summary>Lone surrogates become U+FFFD.</summary>
    private static string WellFormed(ReadOnlySpan<char> text)
    {
        string whole = text.ToString();
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return whole;
        }

        var replaced = new StringBuilder(whole.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            replaced.Append(rune);
        }

        return replaced.ToString();
    }

    private static PieceTrie FindUserDefined(SentencePieceFile file)
    {
        var trie = new PieceTrie(64);
        for (int i = 0; i < file.Pieces.Count; i++)
        {
            if (file.Pieces[i].Kind == PieceKind.UserDefined && !trie.TryAdd(file.Pieces[i].Text, i))
            {
                throw file.Invalid($"{file.Show(i)} occurs twice");
            }
        }

        return trie;
    }

    private IEnumerable<AddedToken> ControlPieces(SentencePieceFile file) => file.Pieces
        .Select((piece, i) => (piece, Id: _vocabulary.IdOf(i)))
        .Where(entry => entry.piece.Kind is PieceKind.Control or PieceKind.Unknown)
        .Select(entry => new AddedToken(entry.Id, entry.piece.Text, true));
}
