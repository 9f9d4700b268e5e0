using System.Buffers;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>
/// Cuts a text by joining neighbours, from characters upward: those whose joined piece has the highest score first, leftmost on ties
/// (bpe_model.cc of google/sentencepiece). User-defined pieces stay as they are.
/// </summary>
/// <remarks>
/// No merge crosses a place between two characters that stand side by side in no piece, so the text is cut there first. That changes nothing
/// but makes most stretches a few characters long.
/// </remarks>
internal sealed class MergingCutter : IPieceCutter
{
    private const int None = -1;

    private readonly PieceTrie _userDefined;
    private readonly int[] _symbols = new int[char.MaxValue + 1]; // of characters of one unit; None where no piece has the character
    private readonly Dictionary<int, int> _wideSymbols = []; // of characters beyond U+FFFF
    private readonly PairTable<bool> _neighbours; // which characters stand side by side in a piece
    private readonly PairTable<Merge> _merges;
    private readonly List<string> _bareCharacters = []; // of pieces, without a piece of their own; their symbols follow the pieces'
    private readonly int _pieces;

    /// <exception cref="CheckpointException">Two pieces are the same, or one is of a kind that merging does not know.</exception>
    public MergingCutter(SentencePieceFile file, PieceTrie userDefined)
    {
        _userDefined = userDefined;
        _pieces = file.Pieces.Count;
        _neighbours = new PairTable<bool>(_pieces, none: false);
        _merges = Merge.NewTable(_pieces * 2);
        Array.Fill(_symbols, None);
        var numbers = new Dictionary<string, int>(_pieces, StringComparer.Ordinal);
        for (int i = 0; i < _pieces; i++)
        {
            SentencePiece piece = file.Pieces[i];
            if (piece.Kind == PieceKind.Unused || (piece.Kind == PieceKind.Normal && !numbers.TryAdd(piece.Text, i)))
            {
                throw file.Invalid($"{file.Show(i)} {(piece.Kind == PieceKind.Unused ? "is marked unused, which is not supported with BPE" : "occurs twice")}");
            }
        }

        NumberCharacters(numbers);
        FindMerges(file, numbers.GetAlternateLookup<ReadOnlySpan<char>>());
    }

    public void Cut(ReadOnlySpan<char> text, ref PieceWriter writer)
    {
        int[] stretch = ArrayPool<int>.Shared.Rent(BytePairMerger.ShortChunkBytes);
        int length = 0;
        try
        {
            for (int i = 0; i < text.Length;)
            {
                if (_userDefined.MayStart(text[i]) && _userDefined.TryFindLongest(text[i..], out int width, out int piece))
                {
                    Join(stretch.AsSpan(0, length), ref writer);
                    writer.Add(piece);
                    length = 0;
                    i += width;
                    continue;
                }

                int symbol = SymbolAt(text, i, out width);
                if (length > 0 && (symbol == None || !_neighbours.Find(stretch[length - 1], symbol)))
                {
                    Join(stretch.AsSpan(0, length), ref writer);
                    length = 0;
                }

                if (symbol == None)
                {
                    writer.AddUnknown(text.Slice(i, width));
                }
                else
                {
                    Append(ref stretch, length++, symbol);
                }

                i += width;
            }

            Join(stretch.AsSpan(0, length), ref writer);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(stretch);
        }
    }

    private void Join(Span<int> symbols, ref PieceWriter writer)
    {
        foreach (int symbol in symbols[..BytePairMerger.Merge(_merges, symbols)])
        {
            if (symbol < _pieces)
            {
                writer.Add(symbol);
            }
            else
            {
                writer.AddUnknown(_bareCharacters[symbol - _pieces]);
            }
        }
    }

    private int SymbolAt(ReadOnlySpan<char> text, int index, out int width)
    {
        width = char.IsHighSurrogate(text[index]) ? 2 : 1;
        return width == 1
            ? _symbols[text[index]]
            : _wideSymbols.GetValueOrDefault(char.ConvertToUtf32(text[index], text[index + 1]), None);
    }

    /// <summary>Gives each character of a piece a symbol: its own piece, or a number after all pieces.</summary>
    private void NumberCharacters(Dictionary<string, int> numbers)
    {
        foreach (string character in numbers.Keys.SelectMany(piece => piece.EnumerateRunes()).Select(rune => rune.ToString()).ToHashSet())
        {
            if (!numbers.TryGetValue(character, out int symbol))
            {
                symbol = _pieces + _bareCharacters.Count;
                numbers.Add(character, symbol);
                _bareCharacters.Add(character);
            }

            if (character.Length == 1)
            {
                _symbols[character[0]] = symbol;
            }
            else
            {
                _wideSymbols.Add(char.ConvertToUtf32(character, 0), symbol);
            }
        }
    }

    /// <summary>Every way to cut a piece in two pieces is a merge.</summary>
    private void FindMerges(SentencePieceFile file, Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> numbers)
    {
        int[] ranks = RankByScore(file);
        for (int piece = 0; piece < _pieces; piece++)
        {
            ReadOnlySpan<char> text = file.Pieces[piece].Kind == PieceKind.Normal ? file.Pieces[piece].Text : "";
            int before = None;
            for (int cut = 0; cut < text.Length;)
            {
                if (cut > 0 && numbers.TryGetValue(text[..cut], out int left) && numbers.TryGetValue(text[cut..], out int right))
                {
                    _merges.Set(left, right, new Merge(ranks[piece], piece));
                }

                int symbol = SymbolAt(text, cut, out int width);
                if (before != None)
                {
                    _neighbours.Set(before, symbol, true);
                }

                before = symbol;
                cut += width;
            }
        }
    }

    /// <summary>The order of scores, highest first; equal scores have one rank.</summary>
    private static int[] RankByScore(SentencePieceFile file)
    {
        float[] scores = [.. file.Pieces.Select(piece => -piece.Score).Distinct().Order()];
        return [.. file.Pieces.Select(piece => Array.BinarySearch(scores, -piece.Score))];
    }

    private static void Append(ref int[] symbols, int length, int symbol)
    {
        if (length == symbols.Length)
        {
            int[] larger = ArrayPool<int>.Shared.Rent(length * 2);
            symbols.CopyTo(larger, 0);
            ArrayPool<int>.Shared.Return(symbols);
            symbols = larger;
        }

        symbols[length] = symbol;
    }
}
