using System.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>ChatGLM3's chat: per message <c>&lt;|role|&gt;</c>, then header and content, each encoded on its own.</summary>
/// <param name="tokenizer">ChatGLM3's.</param>
internal sealed class ChatGlm3Template(ITokenizer tokenizer) : IChatTemplate
{
    /// <summary>Stands before the tools, from ChatGLM3's own code.</summary>
    private const string ToolPreamble = "Answer the following questions as best as you can. You have access to the following tools:\n";

    private readonly int[] _prefix = [Find(tokenizer, "[gMASK]"), Find(tokenizer, "sop")];
    private readonly int _system = Find(tokenizer, "<|system|>");
    private readonly int _user = Find(tokenizer, "<|user|>");
    private readonly int _assistant = Find(tokenizer, "<|assistant|>");
    private readonly int _observation = Find(tokenizer, "<|observation|>");

    public List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        var prompt = new PromptBuilder(tokenizer, encodesHeadersApart: true);
        foreach (int id in _prefix)
        {
            prompt.Special(id);
        }

        if (tools.Count > 0)
        {
            prompt.Message(_system, "", DeclareTools(tools));
        }

        return AddMessages(prompt, messages, options);
    }

    public List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(newMessages);
        ArgumentNullException.ThrowIfNull(options);
        return AddMessages(new PromptBuilder(tokenizer, encodesHeadersApart: true), newMessages, options);
    }

    public IReplyParser CreateReplyParser(IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        var parser = new ChatGlm3ReplyParser(tools, _assistant);
        parser.Push(ForcedOpening(options), new StringBuilder(), new StringBuilder()); // as if the model had written it
        return parser;
    }

    private List<int> AddMessages(PromptBuilder prompt, IReadOnlyList<ChatMessage> messages, ChatOptions options)
    {
        if (messages.Count == 0)
        {
            throw new ChatTemplateException("The chat has no messages; send at least one.");
        }

        foreach (ChatMessage message in messages)
        {
            bool hasCalls = !message.ToolCalls.IsDefaultOrEmpty;
            if (hasCalls && message.Role != ChatRole.Assistant)
            {
                throw new ChatTemplateException("Only assistant messages can have tool calls.");
            }

            if (!hasCalls || message.Content.Length > 0)
            {
                prompt.Message(RoleId(message.Role), "", message.Content);
            }

            foreach (ChatToolCall call in hasCalls ? message.ToolCalls : [])
            {
                prompt.Message(_assistant, call.Name, $"```python\n{PythonProgram.Find(call) ?? PythonCall.Write(call.ArgumentsJson)}\n```");
            }
        }

        prompt.Special(_assistant);
        prompt.Text(ForcedOpening(options));
        return prompt.Build();
    }

    /// <summary>What a forced call's reply begins with: its header.</summary>
    private static string ForcedOpening(ChatOptions options) => options.ForcedTool is string tool ? $"{tool}\n" : "";

    private static string DeclareTools(IReadOnlyList<ChatTool> tools)
    {
        var text = new StringBuilder(ToolPreamble);
        IndentedJson.Append(text, $"[{string.Join(',', tools.Select(tool => tool.DeclarationJson))}]");
        return text.ToString();
    }

    private int RoleId(ChatRole role) => role switch
    {
        ChatRole.System => _system,
        ChatRole.User => _user,
        ChatRole.Assistant => _assistant,
        ChatRole.Tool => _observation,
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "No such role."),
    };

    private static int Find(ITokenizer tokenizer, string token) => tokenizer.TryGetSpecialId(token, out int id)
        ? id
        : throw new ArgumentException($"The tokenizer has no {token}.", nameof(token));
}
