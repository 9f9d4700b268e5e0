using System.Buffers;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>
/// Cuts a text so that the sum of its pieces' scores is highest (Viterbi). The arithmetic is that of <c>EncodeOptimized</c> in
/// unigram_model.cc of google/sentencepiece, sums of doubles rounded to float, because near ties are decided by it.
/// </summary>
/// <remarks>
/// Wherever no piece reaches across a place, every cut goes through it, so what lies before is final. Only the stretch since the last such
/// place is kept: four bytes for each of its units, and the scores as far as the longest piece reaches.
/// </remarks>
internal sealed class UnigramCutter : IPieceCutter
{
    private const int Unreached = -1;
    private const float UnknownPenalty = 10;

    private readonly PieceTrie _trie = new(1 << 17);
    private readonly double[] _scores; // by piece
    private readonly int[] _lengths; // by piece, in units
    private readonly int _unknownPiece;
    private readonly float _unknownScore;
    private readonly int _longest = 2;

    /// <exception cref="CheckpointException">Two pieces are the same.</exception>
    public UnigramCutter(SentencePieceFile file)
    {
        _scores = new double[file.Pieces.Count];
        _lengths = new int[file.Pieces.Count];
        float lowest = float.MaxValue;
        float highest = 1.17549435E-38f; // the reference starts its search for the highest score with FLT_MIN
        foreach (SentencePiece piece in file.Pieces.Where(piece => piece.Kind == PieceKind.Normal))
        {
            (lowest, highest) = (Math.Min(lowest, piece.Score), Math.Max(highest, piece.Score));
        }

        _unknownScore = lowest - UnknownPenalty;
        for (int i = 0; i < _scores.Length; i++)
        {
            SentencePiece piece = file.Pieces[i];
            _lengths[i] = piece.Text.Length;
            _scores[i] = piece.Kind == PieceKind.UserDefined
                ? (System.Text.Encoding.UTF8.GetByteCount(piece.Text) * highest) - 0.1
                : piece.Score;
            _unknownPiece = piece.Kind == PieceKind.Unknown ? i : _unknownPiece;
            if (piece.Kind is PieceKind.Normal or PieceKind.UserDefined)
            {
                _longest = Math.Max(_longest, piece.Text.Length);
                if (!_trie.TryAdd(piece.Text, i))
                {
                    throw file.Invalid($"{file.Show(i)} occurs twice");
                }
            }
        }
    }

    public void Cut(ReadOnlySpan<char> text, ref PieceWriter writer)
    {
        int ring = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)_longest + 1);
        float[] scores = ArrayPool<float>.Shared.Rent(ring); // best sum up to a place; places repeat after as many as the longest piece has units
        int[] endings = ArrayPool<int>.Shared.Rent(ring * 2); // since the last cut: which piece ends best at each place
        try
        {
            Cut(text, scores.AsSpan(0, ring), ref endings, ref writer);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scores);
            ArrayPool<int>.Shared.Return(endings);
        }
    }

    private void Cut(ReadOnlySpan<char> text, Span<float> scores, ref int[] endings, ref PieceWriter writer)
    {
        int cut = 0;
        int reach = 0; // the furthest end of a piece so far
        scores[0] = 0;
        for (int start = 0; start < text.Length;)
        {
            if (start == reach && start > cut)
            {
                Write(text[cut..start], endings.AsSpan(0, start - cut + 1), ref writer);
                cut = start;
            }

            if (start - cut + _longest >= endings.Length)
            {
                Grow(ref endings, reach - cut + 1);
            }

            start += Extend(text, start, scores, endings.AsSpan(), cut, ref reach);
        }

        Write(text[cut..], endings.AsSpan(0, text.Length - cut + 1), ref writer);
    }

    /// <summary>Tries every piece that begins at a place.</summary>
    /// <returns>Units of the character there.</returns>
    private int Extend(ReadOnlySpan<char> text, int start, Span<float> scores, Span<int> endings, int cut, ref int reach)
    {
        int mask = scores.Length - 1;
        float before = scores[start & mask];
        int width = char.IsHighSurrogate(text[start]) ? 2 : 1;
        bool isKnown = false;
        int node = PieceTrie.Root;
        for (int end = start + 1; end <= text.Length; end++)
        {
            TrieStep step = _trie.Step(node, text[end - 1]);
            if (step.Value >= 0)
            {
                Offer(end, step.Value, before + _scores[step.Value], scores, endings, cut, ref reach);
                isKnown |= end - start == width;
            }

            node = step.Node;
            if (node == PieceTrie.Root)
            {
                break;
            }
        }

        if (!isKnown)
        {
            Offer(start + width, _unknownPiece, before + _unknownScore, scores, endings, cut, ref reach);
        }

        return width;
    }

    private static void Offer(int end, int piece, double score, Span<float> scores, Span<int> endings, int cut, ref int reach)
    {
        while (reach < end)
        {
            endings[++reach - cut] = Unreached;
        }

        ref float best = ref scores[end & (scores.Length - 1)];
        if (endings[end - cut] == Unreached || score > best)
        {
            best = (float)score;
            endings[end - cut] = piece;
        }
    }

    /// <summary>Follows the best pieces back from the stretch's end, then writes them.</summary>
    /// <param name="text">The stretch.</param>
    /// <param name="endings">By place in it; overwritten from the end with the pieces in order.</param>
    /// <param name="writer">Takes them.</param>
    private void Write(ReadOnlySpan<char> text, Span<int> endings, ref PieceWriter writer)
    {
        int first = endings.Length;
        for (int place = text.Length; place > 0;)
        {
            int piece = endings[place];
            endings[--first] = piece; // at or after the place just read: there are no more pieces than units
            place -= piece == _unknownPiece ? char.IsLowSurrogate(text[place - 1]) ? 2 : 1 : _lengths[piece];
        }

        int start = 0;
        foreach (int piece in endings[first..])
        {
            if (piece != _unknownPiece)
            {
                writer.Add(piece);
                start += _lengths[piece];
                continue;
            }

            int width = char.IsHighSurrogate(text[start]) ? 2 : 1;
            writer.AddUnknown(text.Slice(start, width));
            start += width;
        }
    }

    private static void Grow(ref int[] endings, int used)
    {
        int[] larger = ArrayPool<int>.Shared.Rent(endings.Length * 2);
        endings.AsSpan(0, used).CopyTo(larger);
        ArrayPool<int>.Shared.Return(endings);
        endings = larger;
    }
}
