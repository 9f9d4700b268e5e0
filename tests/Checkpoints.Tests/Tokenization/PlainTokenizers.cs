using System.Text;
using System.Text.RegularExpressions;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>The methods as they are usually written, with dictionaries of strings: what our tokenizers are measured against.</summary>
internal static partial class PlainTokenizers
{
    /// <summary>Byte-level BPE over a ranks file: split by the pattern, then join the two neighbours of lowest rank until none is a piece.</summary>
    public static Func<string, int> BytePairs(ITokenizer tokenizer)
    {
        Dictionary<string, int> ranks = [];
        for (int id = 0; id < tokenizer.Count; id++)
        {
            ranks.TryAdd(Encoding.Latin1.GetString(tokenizer.GetBytes(id)), id);
        }

        return text => GlmPattern().EnumerateMatches(text).Count(chunk =>
            Join([.. Encoding.UTF8.GetBytes(text.Substring(chunk.Index, chunk.Length)).Select(value => $"{(char)value}")], piece => ranks.GetValueOrDefault(piece, int.MaxValue)));
    }

    /// <summary>SentencePiece BPE: join the two neighbours whose piece has the highest score.</summary>
    public static Func<string, int> SentencePieces(SentencePieceFile file)
    {
        Dictionary<string, float> costs = file.Pieces.Where(piece => piece.Kind == PieceKind.Normal).DistinctBy(piece => piece.Text).ToDictionary(piece => piece.Text, piece => -piece.Score);
        return text => Join([.. text.EnumerateRunes().Select(rune => rune.ToString())], piece => costs.GetValueOrDefault(piece, float.MaxValue));
    }

    /// <summary>Unigram: the best cut by dynamic programming over all substrings up to the longest piece.</summary>
    public static Func<string, int> Unigram(SentencePieceFile file)
    {
        Dictionary<string, float> scores = file.Pieces.Where(piece => piece.Kind == PieceKind.Normal).DistinctBy(piece => piece.Text).ToDictionary(piece => piece.Text, piece => piece.Score);
        int longest = scores.Keys.Max(piece => piece.Length);
        return text =>
        {
            var best = new double[text.Length + 1];
            var cut = new int[text.Length + 1];
            for (int end = 1; end <= text.Length; end++)
            {
                best[end] = double.MinValue;
                for (int start = Math.Max(0, end - longest); start < end; start++)
                {
                    double score = scores.TryGetValue(text[start..end], out float found) ? best[start] + found : end - start == 1 ? best[start] - 30 : double.MinValue;
                    (best[end], cut[end]) = score > best[end] ? (score, start) : (best[end], cut[end]);
                }
            }

            int count = 0;
            for (int end = text.Length; end > 0; end = cut[end])
            {
                count++;
            }

            return count;
        };
    }

    /// <summary>WordPiece: words by a pattern, the longest piece first.</summary>
    public static Func<string, int> WordPieces(IEnumerable<string> pieces)
    {
        HashSet<string> known = [.. pieces];
        return text => WordPattern().EnumerateMatches(text.ToLowerInvariant()).Count(word => Cut(known, text.Substring(word.Index, word.Length)));
    }

    private static int Cut(HashSet<string> known, string word)
    {
        int count = 0;
        for (int start = 0; start < word.Length; count++)
        {
            int end = word.Length;
            while (end > start && !known.Contains((start > 0 ? "##" : "") + word[start..end]))
            {
                end--;
            }

            if (end == start)
            {
                return 1; // unknown
            }

            start = end;
        }

        return count;
    }

    private static int Join<TCost>(List<string> parts, Func<string, TCost> cost)
        where TCost : IComparable<TCost>
    {
        while (true)
        {
            (TCost? lowest, int at) = (default, -1);
            TCost none = cost("\0none\0");
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                TCost found = cost(parts[i] + parts[i + 1]);
                if (found.CompareTo(none) < 0 && (at < 0 || found.CompareTo(lowest) < 0))
                {
                    (lowest, at) = (found, i);
                }
            }

            if (at < 0)
            {
                return parts.Count;
            }

            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }
    }

    private static int Count(this Regex.ValueMatchEnumerator chunks, Func<ValueMatch, int> count)
    {
        int sum = 0;
        foreach (ValueMatch chunk in chunks)
        {
            sum += count(chunk);
        }

        return sum;
    }

    [GeneratedRegex(GlmTextSplitter.Pattern)]
    private static partial Regex GlmPattern();

    [GeneratedRegex(@"[\u4e00-\u9fff]|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]")]
    private static partial Regex WordPattern();
}
