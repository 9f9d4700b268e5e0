using GlmCluster.Checkpoints.Chat.Jinja;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Encodes rendered text: special tokens become ids only where the template wrote them; all else is ordinary text.</summary>
internal sealed class SpecialTokenSplitter
{
    private readonly ITokenizer _tokenizer;
    private readonly Dictionary<char, string[]> _tokens; // by first character, the longest first

    public SpecialTokenSplitter(ITokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _tokens = tokenizer.SpecialTokens
            .Where(token => token.Length > 0)
            .GroupBy(token => token[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Length).ToArray());
    }

    public List<int> Encode(MarkedText text)
    {
        List<int> ids = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (FindToken(text, i) is not string token || !_tokenizer.TryGetSpecialId(token, out int id))
            {
                continue;
            }

            _tokenizer.Encode(text.Text.AsSpan(start, i - start), ids);
            ids.Add(id);
            start = i + token.Length;
            i = start - 1;
        }

        _tokenizer.Encode(text.Text.AsSpan(start), ids);
        return ids;
    }

    private string? FindToken(MarkedText text, int at)
    {
        if (!_tokens.TryGetValue(text.Text[at], out string[]? candidates))
        {
            return null;
        }

        return Array.Find(candidates, token =>
            string.CompareOrdinal(text.Text, at, token, 0, token.Length) == 0 && !text.HasData(at, token.Length));
    }
}
