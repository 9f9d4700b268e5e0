namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>A template's tokens and a place among them.</summary>
internal sealed class JinjaTokens(List<JinjaToken> tokens)
{
    private int _at;

    public JinjaToken Current => tokens[_at];

    public JinjaToken Next => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public int Line => Current.Line;

    /// <summary>Goes on to the next; never past the end.</summary>
    public JinjaToken Take() => _at < tokens.Count - 1 ? tokens[_at++] : Current;

    public bool TakeIf(JinjaTokenKind kind, string text)
    {
        bool matches = Current.Is(kind, text);
        if (matches)
        {
            Take();
        }

        return matches;
    }

    public void Expect(JinjaTokenKind kind, string text)
    {
        JinjaToken token = Take();
        if (token.Kind != kind || (kind == JinjaTokenKind.Operator && token.Text != text))
        {
            throw JinjaException.At(token.Line, $"'{text}' was expected, not {Describe(token)}.");
        }
    }

    public JinjaToken ExpectName()
    {
        JinjaToken token = Take();
        return token.Kind == JinjaTokenKind.Name ? token : throw JinjaException.At(token.Line, $"a name was expected, not {Describe(token)}.");
    }

    public void ExpectKeyword(string word)
    {
        if (!TakeIf(JinjaTokenKind.Name, word))
        {
            throw JinjaException.At(Line, $"'{word}' was expected, not {Describe(Current)}.");
        }
    }

    public static string Describe(JinjaToken token) => token.Kind switch
    {
        JinjaTokenKind.End => "the end of the template",
        JinjaTokenKind.StatementEnd or JinjaTokenKind.ExpressionEnd => "the end of the tag",
        _ => $"'{token.Text}'",
    };
}
