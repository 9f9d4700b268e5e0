using System.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>GLM-4's chat layout in its published variants: GLM-4, GLM-4-0414, GLM-Z1 and GLM-Edge.</summary>
internal sealed class Glm4ChatTemplate : IChatTemplate
{
    private const string ThoughtStart = "<think>";
    private const string ThoughtEnd = "</think>";

    private static readonly string[] PrefixTokens = ["[gMASK]", "<sop>"];
    private static readonly string[] RoleTokens = ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

    private readonly ITokenizer _tokenizer;
    private readonly Glm4Layout _layout;
    private readonly bool _encodesHeadersApart;
    private readonly int[] _prefix;
    private readonly int _system;
    private readonly int _user;
    private readonly int _assistant;
    private readonly int _observation;

    /// <param name="tokenizer">Lacks none of the layout's tokens, see <see cref="FindMissingToken"/>.</param>
    /// <param name="layout">The variant.</param>
    /// <param name="encodesHeadersApart">
    /// True for folders with a ranks file, whose code builds ids; false where the reference renders text and encodes the runs between tokens.
    /// </param>
    public Glm4ChatTemplate(ITokenizer tokenizer, Glm4Layout layout, bool encodesHeadersApart)
    {
        _tokenizer = tokenizer;
        _layout = layout;
        _encodesHeadersApart = encodesHeadersApart;
        _prefix = layout.WritesPrefix ? [.. PrefixTokens.Select(SpecialId)] : [];
        int[] roles = [.. RoleTokens.Select(SpecialId)];
        (_system, _user, _assistant, _observation) = (roles[0], roles[1], roles[2], roles[3]);
    }

    /// <summary>A special token that the layout needs and the tokenizer lacks; null: none.</summary>
    public static string? FindMissingToken(ITokenizer tokenizer, Glm4Layout layout) =>
        (layout.WritesPrefix ? PrefixTokens.Concat(RoleTokens) : RoleTokens).FirstOrDefault(token => !tokenizer.TryGetSpecialId(token, out _));

    public List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        var prompt = new PromptBuilder(_tokenizer, _encodesHeadersApart);
        foreach (int id in _prefix)
        {
            prompt.Special(id);
        }

        if (tools.Count > 0)
        {
            prompt.Message(_system, "", DeclareTools(tools));
        }

        AddMessages(prompt, _layout.SystemsFirst ? [.. messages.Where(IsSystem), .. messages.Where(m => !IsSystem(m))] : messages);
        prompt.Text(ForcedOpening(options));
        return prompt.Build();
    }

    public List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(newMessages);
        ArgumentNullException.ThrowIfNull(options);
        if (!_layout.OnlyAppends || (_layout.SystemsFirst && newMessages.Any(IsSystem)))
        {
            return null;
        }

        var prompt = new PromptBuilder(_tokenizer, _encodesHeadersApart);
        AddMessages(prompt, newMessages);
        prompt.Text(ForcedOpening(options));
        return prompt.Build();
    }

    public IReplyParser CreateReplyParser(IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        var parser = new Glm4ReplyParser([.. tools.Select(tool => tool.Name)], startsInHeader: Thinks || _layout.AnswerOpening.Length == 0);
        parser.Push(ForcedOpening(options), new StringBuilder(), new StringBuilder()); // as if the model had written it
        return Thinks ? new ThoughtReplyParser(parser, startsInThought: true) : parser;
    }

    private bool Thinks => _layout.AnswerOpening.EndsWith(ThoughtStart, StringComparison.Ordinal);

    /// <summary>What a forced call's reply begins with.</summary>
    private string ForcedOpening(ChatOptions options) => options.ForcedTool switch
    {
        null => "",
        string tool when _layout.AnswerOpening.Length == 0 => $"{tool}\n",
        _ => throw new ChatTemplateException("This model's chat layout has no form of a forced call; leave tool_choice to 'auto'."),
    };

    private void AddMessages(PromptBuilder prompt, IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count == 0)
        {
            throw new ChatTemplateException("The chat has no messages; send at least one.");
        }

        foreach (ChatMessage message in messages)
        {
            AddMessage(prompt, message);
        }

        prompt.Special(_assistant);
        if (Thinks && _tokenizer.TryGetSpecialId(ThoughtStart, out int thoughtId))
        {
            prompt.Text(_layout.AnswerOpening[..^ThoughtStart.Length]);
            prompt.Special(thoughtId);
        }
        else
        {
            prompt.Text(_layout.AnswerOpening);
        }
    }

    private void AddMessage(PromptBuilder prompt, ChatMessage message)
    {
        bool hasCalls = !message.ToolCalls.IsDefaultOrEmpty;
        if (hasCalls && message.Role != ChatRole.Assistant)
        {
            throw new ChatTemplateException("Only assistant messages can have tool calls.");
        }

        string content = _layout.CutsThoughts && !IsSystem(message) ? WithoutThoughts(message.Content) : message.Content;
        bool showsContent = hasCalls ? content.Length > 0 && !_layout.CallsReplaceContent : content.Length > 0 || !_layout.SkipsEmptyMessages;
        if (showsContent)
        {
            prompt.Message(RoleId(message.Role), "", content);
        }

        foreach (ChatToolCall call in hasCalls ? message.ToolCalls : [])
        {
            prompt.Message(_assistant, call.Name, call.ArgumentsJson);
        }
    }

    private string DeclareTools(IReadOnlyList<ChatTool> tools)
    {
        var text = new StringBuilder(_layout.ToolPreamble);
        string separator = _layout.FirstToolSeparator;
        foreach (ChatTool tool in tools)
        {
            text.Append(separator).Append("## ").Append(tool.Name).Append("\n\n");
            IndentedJson.Append(text, tool.DeclarationJson);
            text.Append('\n').Append(Glm4Layout.ToolInstruction);
            separator = _layout.ToolSeparator;
        }

        return text.ToString();
    }

    private static string WithoutThoughts(string content)
    {
        int end = content.LastIndexOf(ThoughtEnd, StringComparison.Ordinal);
        return (end < 0 ? content : content[(end + ThoughtEnd.Length)..]).Trim();
    }

    private static bool IsSystem(ChatMessage message) => message.Role == ChatRole.System;

    private int RoleId(ChatRole role) => role switch
    {
        ChatRole.System => _system,
        ChatRole.User => _user,
        ChatRole.Assistant => _assistant,
        ChatRole.Tool => _observation,
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "No such role."),
    };

    private int SpecialId(string token) => _tokenizer.TryGetSpecialId(token, out int id)
        ? id
        : throw new ArgumentException($"The tokenizer has no {token}.", nameof(token));
}
