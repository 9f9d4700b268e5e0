namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>A piece of a template's source.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Output text, a name, an operator, or the value of a literal.</param>
/// <param name="Line">Where it stands, from 1.</param>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line)
{
    public bool Is(JinjaTokenKind kind, string text) => Kind == kind && Text == text;
}

internal enum JinjaTokenKind
{
    /// <summary>Text outside of tags.</summary>
    Output,
    StatementStart,
    StatementEnd,
    ExpressionStart,
    ExpressionEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}
