using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Shows a reply as it is: for layouts without calls.</summary>
internal sealed class PlainReplyParser : IReplyParser
{
    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning) => content.Append(text);

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning) => [];
}
