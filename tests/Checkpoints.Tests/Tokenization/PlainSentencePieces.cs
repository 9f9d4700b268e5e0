using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>SentencePiece's two methods as they are defined, for short texts of characters of one unit.</summary>
internal static class PlainSentencePieces
{
    /// <summary>Joins the two neighbours whose joined text has the highest score, leftmost first, until none is a piece.</summary>
    public static List<int> Merge(SentencePieceFile file, string text)
    {
        List<string> parts = [.. text.Select(unit => unit.ToString())];
        while (true)
        {
            (int piece, int at) = Enumerable.Range(0, Math.Max(parts.Count - 1, 0))
                .Select(i => (Piece: Find(file, parts[i] + parts[i + 1]), At: i))
                .Where(pair => pair.Piece >= 0)
                .DefaultIfEmpty((Piece: -1, At: 0))
                .MinBy(pair => (pair.Piece < 0 ? 0 : -file.Pieces[pair.Piece].Score, pair.At));
            if (piece < 0)
            {
                return WithoutRunsOfUnknown([.. parts.Select(part => Math.Max(Find(file, part), 0))]);
            }

            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
    }

    /// <summary>The cut with the highest sum of scores; a character without a piece costs the lowest score and 10 more.</summary>
    public static List<int> BestCut(SentencePieceFile file, string text)
    {
        float lowest = file.Pieces.Where(piece => piece.Kind == PieceKind.Normal).Select(piece => piece.Score).DefaultIfEmpty(0).Min();
        var best = new (double Score, List<int> Pieces)?[text.Length + 1];
        best[0] = (0, []);
        for (int start = 0; start < text.Length; start++)
        {
            for (int end = start + 1; end <= text.Length; end++)
            {
                int piece = Find(file, text[start..end]);
                if (piece < 0 && end > start + 1)
                {
                    continue;
                }

                double score = best[start]!.Value.Score + (piece < 0 ? lowest - 10 : file.Pieces[piece].Score);
                if (best[end] is null || score > best[end]!.Value.Score)
                {
                    best[end] = (score, [.. best[start]!.Value.Pieces, Math.Max(piece, 0)]);
                }
            }
        }

        return WithoutRunsOfUnknown(best[^1]!.Value.Pieces);
    }

    private static List<int> WithoutRunsOfUnknown(List<int> pieces) => [.. pieces.Where((piece, i) => piece != 0 || i == 0 || pieces[i - 1] != 0)];

    private static int Find(SentencePieceFile file, string text)
    {
        for (int i = 0; i < file.Pieces.Count; i++)
        {
            if (file.Pieces[i].Kind == PieceKind.Normal && file.Pieces[i].Text == text)
            {
                return i;
            }
        }

        return -1;
    }
}
