namespace GlmCluster.Checkpoints.Chat;

/// <summary>Renders messages to prompt ids in one family's layout. Immutable and thread-safe.</summary>
public interface IChatTemplate
{
    /// <summary>Renders a whole chat, ending where the assistant speaks next.</summary>
    /// <exception cref="ChatTemplateException">The messages cannot be expressed in this layout.</exception>
    List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools);

    /// <summary>
    /// Renders only new messages, to follow the ids of earlier turns (last answer included, without its stop id).
    /// Null where the layout rewrites earlier turns; then render the whole chat.
    /// </summary>
    List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages);

    /// <summary>Starts reading one reply to a prompt of this template.</summary>
    /// <param name="toolNames">Declared tools; only their calls are recognised.</param>
    IReplyParser CreateReplyParser(IReadOnlyCollection<string> toolNames);
}

/// <summary>Splits one reply into text and tool calls as it streams. Splitting the input differently never changes the output's concatenation.</summary>
/// <remarks>One reader. What it holds back it gives at the latest at the end.</remarks>
public interface IReplyParser
{
    /// <summary>Takes more raw text; appends finished visible text to <paramref name="content"/>.</summary>
    void Push(ReadOnlySpan<char> text, System.Text.StringBuilder content);

    /// <summary>Takes a special token, which prints nothing but may separate parts of a reply.</summary>
    void PushSpecial(int id, System.Text.StringBuilder content)
    {
    }

    /// <summary>Ends the reply; appends held-back text and returns the calls it contained, complete and valid JSON.</summary>
    IReadOnlyList<ChatToolCall> Finish(System.Text.StringBuilder content);
}

/// <summary>Messages that a template cannot render; the message is fit for clients.</summary>
public sealed class ChatTemplateException(string message) : Exception(message);
