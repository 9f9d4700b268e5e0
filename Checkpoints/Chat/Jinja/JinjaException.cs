namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>A template that cannot be read or run; the message names the construct and its line.</summary>
internal sealed class JinjaException(string message) : Exception(message)
{
    public static JinjaException At(int line, string problem) => new($"line {line}: {problem}");
}
