using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Renders messages to prompt ids in one family's layout. Immutable and thread-safe.</summary>
public interface IChatTemplate
{
    /// <summary>Renders a whole chat, ending where the assistant speaks next.</summary>
    /// <exception cref="ChatTemplateException">The messages cannot be expressed in this layout.</exception>
    List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options);

    /// <summary>
    /// Renders only new messages, to follow the ids of earlier turns (last answer included, without its stop id).
    /// Null where the layout rewrites earlier turns; then render the whole chat.
    /// </summary>
    List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages, ChatOptions options);

    /// <summary>Starts reading one reply to a prompt of this template.</summary>
    /// <param name="tools">Declared tools; only their calls are recognised.</param>
    /// <param name="options">Those that the prompt was rendered with.</param>
    IReplyParser CreateReplyParser(IReadOnlyList<ChatTool> tools, ChatOptions options);
}

/// <summary>
/// Splits one reply into reasoning, text and tool calls as it streams. Splitting the input differently never changes the output's concatenation.
/// </summary>
/// <remarks>One reader. What it holds back it gives at the latest at the end.</remarks>
public interface IReplyParser
{
    /// <summary>Takes more raw text; appends finished text to <paramref name="content"/>, and what the model only thought to <paramref name="reasoning"/>.</summary>
    void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning);

    /// <summary>Takes a special token, which prints nothing but may separate parts of a reply.</summary>
    void PushSpecial(int id, StringBuilder content, StringBuilder reasoning)
    {
    }

    /// <summary>Ends the reply; appends held-back text and returns the calls it contained, complete and valid JSON.</summary>
    IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning);
}

/// <summary>Messages that a template cannot render; the message is fit for clients.</summary>
public sealed class ChatTemplateException(string message) : Exception(message);
