using System.Globalization;
using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>The chats of ChatGLM-6B and ChatGLM2, which know questions and answers only. System messages stand before the first question.</summary>
/// <param name="encode">Turns a text into ids, with the tokens that the family puts around it.</param>
/// <param name="layout">The release's way of writing.</param>
internal sealed class RoundsChatTemplate(Func<string, List<int>> encode, RoundsLayout layout) : IChatTemplate
{
    public List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(tools);
        if (tools.Count > 0 || messages.Any(message => message.Role == ChatRole.Tool || !message.ToolCalls.IsDefaultOrEmpty))
        {
            throw new ChatTemplateException("This model was not made to call tools; send the chat without tools, tool calls and tool messages.");
        }

        if (messages.Count == 0 || messages[^1].Role == ChatRole.Assistant)
        {
            throw new ChatTemplateException("The chat must end with a message that can be answered: a user's.");
        }

        return encode(Write(ToRounds(messages)));
    }

    /// <summary>The whole chat is one text, whose pieces may change where it grows.</summary>
    public List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages, ChatOptions options) => null;

    public IReplyParser CreateReplyParser(IReadOnlyList<ChatTool> tools, ChatOptions options) => new RoundsReplyParser(layout.RestoresPunctuation);

    private string Write(List<(string Question, string Answer)> rounds)
    {
        if (layout.BareFirstQuestion && rounds.Count == 1)
        {
            return rounds[0].Question;
        }

        var text = new StringBuilder();
        for (int i = 0; i < rounds.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"[Round {layout.FirstRound + i}]").Append(layout.Separator)
                .Append("问：").Append(rounds[i].Question).Append(layout.Separator)
                .Append("答：").Append(rounds[i].Answer).Append(i + 1 < rounds.Count ? layout.Separator : "");
        }

        return text.ToString();
    }

    /// <summary>A round ends with its answer; messages of one side that follow each other are its lines.</summary>
    private static List<(string Question, string Answer)> ToRounds(IReadOnlyList<ChatMessage> messages)
    {
        List<(string Question, string Answer)> rounds = [];
        ChatRole before = ChatRole.Assistant;
        foreach (ChatMessage message in messages.Where(message => message.Role == ChatRole.System).Concat(messages.Where(m => m.Role != ChatRole.System)))
        {
            bool isAnswer = message.Role == ChatRole.Assistant;
            if (rounds.Count == 0 || (!isAnswer && before == ChatRole.Assistant))
            {
                rounds.Add(("", ""));
            }

            (string question, string answer) = rounds[^1];
            rounds[^1] = isAnswer ? (question, AddLine(answer, message.Content)) : (AddLine(question, message.Content), answer);
            before = message.Role;
        }

        return rounds;
    }

    private static string AddLine(string text, string line) => text.Length == 0 ? line : text + "\n" + line;
}
