using System.Text;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>BERT's tokenizer: words (<see cref="WordSplitter"/>), each cut into the longest pieces of the vocabulary from its start on.</summary>
internal sealed class WordPieceTokenizer : ITokenizer
{
    private const string Continuation = "##";
    private const string Unknown = "[UNK]";

    /// <summary>Twenty times the largest published vocabulary.</summary>
    private const int MaximumPieces = 1 << 20;

    private static readonly string[] KnownTokens = ["[PAD]", Unknown, "[CLS]", "[SEP]", "[MASK]"];

    private readonly PieceTrie _trie;
    private readonly int _continuations; // node below which the pieces inside words are
    private readonly bool _lowersCase;
    private readonly int _unknownId;
    private readonly byte[][] _printed; // by id; empty for special tokens
    private readonly Dictionary<string, int> _tokenIds = new(StringComparer.Ordinal);

    /// <param name="pieces">By id.</param>
    /// <param name="lowersCase">Lower case without accents.</param>
    /// <param name="file">Where they are from, for messages.</param>
    /// <exception cref="CheckpointException">A piece is not possible, or there is none for unknown words.</exception>
    public WordPieceTokenizer(string[] pieces, bool lowersCase, string file)
    {
        _lowersCase = lowersCase;
        _trie = new PieceTrie(pieces.Length);
        _printed = new byte[pieces.Length][];
        for (int id = 0; id < pieces.Length; id++)
        {
            Add(pieces[id], id, file);
        }

        _continuations = _trie.Walk(Continuation);
        _unknownId = _tokenIds.TryGetValue(Unknown, out int unknown)
            ? unknown
            : throw new CheckpointException($"{file} has no {Unknown}, which every BERT vocabulary has.");
    }

    public int Count => _printed.Length;

    /// <summary>Reads <c>vocab.txt</c>: one piece a line, ended by line feeds only; the line's number from 0 is its id.</summary>
    /// <param name="file">UTF-8.</param>
    /// <param name="lowersCase"><c>do_lower_case</c>: lower case without accents.</param>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static WordPieceTokenizer Read(ReadOnlySpan<byte> file, bool lowersCase)
    {
        try
        {
            string text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(file);
            string[] pieces = (text.EndsWith('\n') ? text[..^1] : text).Split('\n');
            return pieces.Length <= MaximumPieces
                ? new WordPieceTokenizer([.. pieces.Select(piece => piece.TrimEnd('\r'))], lowersCase, "vocab.txt")
                : throw new CheckpointException($"vocab.txt has {pieces.Length} lines; supported are {MaximumPieces}.");
        }
        catch (DecoderFallbackException)
        {
            throw new CheckpointException("vocab.txt is not UTF-8.");
        }
    }

    public IReadOnlyCollection<string> SpecialTokens => _tokenIds.Keys;

    public bool TryGetSpecialId(string token, out int id) => _tokenIds.TryGetValue(token, out id);

    public bool IsSpecial(int id) => GetBytes(id).IsEmpty;

    public ReadOnlySpan<byte> GetBytes(int id) => (uint)id < (uint)_printed.Length ? _printed[id] : [];

    public ReadOnlySpan<byte> GetBytes(int id, ref bool startsText)
    {
        ReadOnlySpan<byte> bytes = GetBytes(id);
        bool dropsBlank = startsText && bytes is [(byte)' ', ..];
        startsText &= bytes.IsEmpty;
        return dropsBlank ? bytes[1..] : bytes;
    }

    public void Encode(ReadOnlySpan<char> text, ICollection<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        Span<int> pieces = stackalloc int[WordSplitter.BufferLength];
        var words = new WordSplitter(text, _lowersCase, stackalloc char[WordSplitter.BufferLength]);
        while (words.MoveNext())
        {
            int count = words.IsTooLong ? 0 : Cut(words.Current, pieces);
            if (count == 0)
            {
                ids.Add(_unknownId);
            }

            foreach (int piece in pieces[..count])
            {
                ids.Add(piece);
            }
        }
    }

    /// <summary>Cuts a word; 0 where some part of it has no piece.</summary>
    private int Cut(ReadOnlySpan<char> word, Span<int> pieces)
    {
        int count = 0;
        int node = PieceTrie.Root;
        while (!word.IsEmpty)
        {
            if (!_trie.TryFindLongest(word, out int length, out pieces[count], node))
            {
                return 0;
            }

            count++;
            word = word[length..];
            node = _continuations;
            if (node == PieceTrie.Root && !word.IsEmpty)
            {
                return 0; // a vocabulary without pieces inside words
            }
        }

        return count;
    }

    private void Add(string piece, int id, string file)
    {
        if (piece.Length is 0 or > PieceTableBuilder.MaximumPieceBytes || !_trie.TryAdd(piece, id))
        {
            throw new CheckpointException(
                $"{file}: piece {id} is empty, longer than {PieceTableBuilder.MaximumPieceBytes} characters, or the same as an earlier one.");
        }

        bool isSpecial = KnownTokens.Contains(piece, StringComparer.Ordinal);
        if (isSpecial)
        {
            _tokenIds.Add(piece, id);
        }

        bool continues = piece.StartsWith(Continuation, StringComparison.Ordinal) && piece.Length > Continuation.Length;
        _printed[id] = isSpecial ? [] : Encoding.UTF8.GetBytes(continues ? piece[Continuation.Length..] : " " + piece);
    }
}
