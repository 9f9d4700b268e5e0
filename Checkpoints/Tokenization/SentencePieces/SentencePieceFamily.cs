using System.Globalization;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>What a model family does around its SentencePiece model: the ids of pieces and special tokens, and the writing of white space.</summary>
internal sealed record SentencePieceFamily
{
    /// <summary>Blanks that ChatGLM-6B has one piece for.</summary>
    private const int LongestBlankRun = 80;

    private const string LineFeedPiece = "<n>";
    private const string TabPiece = "<|tab|>";

    /// <summary>Special tokens that ChatGLM2 numbers after its pieces, in this order.</summary>
    private static readonly string[] ChatGlm2Tokens = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop"];

    /// <summary>ChatGLM3 adds its roles.</summary>
    private static readonly string[] ChatGlm3Tokens = [.. ChatGlm2Tokens, "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

    private SentencePieceFamily()
    {
    }

    /// <summary>The id of a piece.</summary>
    public Func<int, int> ToId { get; private init; } = piece => piece;

    /// <summary>Tokens without a piece, given the number of pieces.</summary>
    public Func<int, IEnumerable<AddedToken>> AddedTokens { get; private init; } = _ => [];

    /// <summary>Done to a text before it is normalised.</summary>
    public Func<string, string> Escape { get; private init; } = text => text;

    /// <summary>What a user-defined piece prints.</summary>
    public Func<string, string> Print { get; private init; } = text => text;

    /// <summary>ChatGLM2-6B.</summary>
    public static SentencePieceFamily ChatGlm2 { get; } = new() { AddedTokens = pieces => Number(ChatGlm2Tokens, pieces) };

    /// <summary>ChatGLM3-6B.</summary>
    public static SentencePieceFamily ChatGlm3 { get; } = new() { AddedTokens = pieces => Number(ChatGlm3Tokens, pieces) };

    /// <summary>
    /// XLM-RoBERTa, whose ids come from fairseq: <c>&lt;s&gt;</c>, <c>&lt;pad&gt;</c>, <c>&lt;/s&gt;</c>, <c>&lt;unk&gt;</c>, then the file's
    /// fourth piece and all after it, and <c>&lt;mask&gt;</c>.
    /// </summary>
    public static SentencePieceFamily XlmRoberta { get; } = new()
    {
        ToId = piece => piece switch { 0 => 3, 1 => 0, 2 => 2, _ => piece + 1 },
        AddedTokens = pieces => [new AddedToken(1, "<pad>", true), new AddedToken(pieces + 1, "<mask>", true)],
    };

    /// <summary>Pieces that are their own ids, and tokens that have none.</summary>
    public static SentencePieceFamily Numbered(IEnumerable<AddedToken> others) => new() { AddedTokens = _ => others };

    /// <summary>ChatGLM-6B, whose pieces stand for line feeds, tabs and runs of blanks.</summary>
    /// <param name="imageTokens">Ids before the text's: 20,000 in its first release, 0 now.</param>
    public static SentencePieceFamily ChatGlm(int imageTokens) => new()
    {
        ToId = piece => piece + imageTokens,
        Escape = EscapeWhiteSpace,
        Print = PrintWhiteSpace,
    };

    private static IEnumerable<AddedToken> Number(string[] tokens, int first) => tokens.Select((token, i) => new AddedToken(first + i, token, true));

    private static string EscapeWhiteSpace(string text)
    {
        if (!text.AsSpan().ContainsAny('\n', '\t') && !text.Contains("  ", StringComparison.Ordinal))
        {
            return text;
        }

        var escaped = new System.Text.StringBuilder(text.Length + 64);
        for (int i = 0; i < text.Length;)
        {
            int blanks = text.AsSpan(i, Math.Min(LongestBlankRun, text.Length - i)).IndexOfAnyExcept(' ');
            blanks = blanks < 0 ? Math.Min(LongestBlankRun, text.Length - i) : blanks;
            _ = text[i] switch
            {
                '\n' => escaped.Append(LineFeedPiece),
                '\t' => escaped.Append(TabPiece),
                ' ' when blanks > 1 => escaped.Append(CultureInfo.InvariantCulture, $"<|blank_{blanks}|>"),
                _ => escaped.Append(text[i]),
            };
            i += Math.Max(blanks, 1);
        }

        return escaped.ToString();
    }

    private static string PrintWhiteSpace(string piece) => piece switch
    {
        LineFeedPiece => "\n",
        TabPiece => "\t",
        ['<', '|', 'b', 'l', 'a', 'n', 'k', '_', .. var digits, '|', '>'] when int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && count <= LongestBlankRun => new string(' ', count),
        _ => piece,
    };
}
