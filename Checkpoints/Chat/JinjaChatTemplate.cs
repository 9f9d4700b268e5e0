using System.Text;
using System.Text.Json;
using GlmCluster.Checkpoints.Chat.Jinja;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>A folder's own template, run as it is. What it renders is encoded between the special tokens that it wrote itself.</summary>
/// <remarks>
/// Names it may use: <c>messages</c>, <c>tools</c> (none where there are none), <c>add_generation_prompt</c>, <c>enable_thinking</c>,
/// <c>clear_thinking</c>, and the tokenizer's own <c>bos_token</c> and the like.
/// </remarks>
internal sealed class JinjaChatTemplate : IChatTemplate
{
    private const string ThoughtStart = "<think>";

    private const string ProbeText = "probe";

    private static readonly ChatMessage[] Probe = [new(ChatRole.User, ProbeText, [])];

    private readonly JinjaTemplate _template;
    private readonly IReadOnlyDictionary<string, string> _tokenNames;
    private readonly SpecialTokenSplitter _splitter;
    private readonly bool _callsAreXml;
    private readonly bool _thinks;

    /// <param name="tokenizer">Encodes what it renders.</param>
    /// <param name="source">Jinja source.</param>
    /// <param name="tokenNames">Special tokens by the names that templates use, such as <c>eos_token</c>.</param>
    /// <exception cref="JinjaException">The template uses what is not supported, or does not render a chat of one message.</exception>
    public JinjaChatTemplate(ITokenizer tokenizer, string source, IReadOnlyDictionary<string, string> tokenNames)
    {
        _tokenNames = tokenNames;
        _template = JinjaTemplate.Parse(source);
        _splitter = new SpecialTokenSplitter(tokenizer);
        _callsAreXml = source.Contains("<arg_key>", StringComparison.Ordinal);
        _thinks = source.Contains(ThoughtStart, StringComparison.Ordinal) || source.Contains("</think>", StringComparison.Ordinal);
        if (!RenderText(Probe, [], ChatOptions.Default).Text.Contains(ProbeText, StringComparison.Ordinal))
        {
            throw new JinjaException("it does not print the messages.");
        }
    }

    public List<int> Render(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        if (messages.Count == 0)
        {
            throw new ChatTemplateException("The chat has no messages; send at least one.");
        }

        try
        {
            MarkedText prompt = RenderText(messages, tools, options);
            return _splitter.Encode(MarkedTextBuilder.Join([prompt, ForcedOpening(options)], MarkedText.Empty));
        }
        catch (JinjaRaisedException refused)
        {
            throw new ChatTemplateException($"The model's chat template refuses these messages: {refused.Message}");
        }
        catch (JinjaException problem)
        {
            throw new ChatTemplateException($"The model's chat template cannot render these messages: {problem.Message}");
        }
    }

    /// <summary>Never: nothing is known of what the template does with earlier turns.</summary>
    public List<int>? RenderAppended(IReadOnlyList<ChatMessage> newMessages, ChatOptions options) => null;

    public IReplyParser CreateReplyParser(IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        string prompt = RenderText(Probe, [], options with { ForcedTool = null }).Text;
        IReplyParser parser = _callsAreXml ? new XmlReplyParser(tools)
            : prompt.EndsWith("<|assistant|>", StringComparison.Ordinal) ? new Glm4ReplyParser([.. tools.Select(tool => tool.Name)], startsInHeader: true)
            : new PlainReplyParser();
        IReplyParser whole = _thinks ? new ThoughtReplyParser(parser, prompt.EndsWith(ThoughtStart, StringComparison.Ordinal)) : parser;
        whole.Push(ForcedOpening(options).Text, new StringBuilder(), new StringBuilder()); // as if the model had written it
        return whole;
    }

    /// <summary>What a forced call's reply begins with.</summary>
    private MarkedText ForcedOpening(ChatOptions options)
    {
        if (options.ForcedTool is not string tool)
        {
            return MarkedText.Empty;
        }

        string prompt = RenderText(Probe, [], options with { ForcedTool = null }).Text;
        string thoughtEnd = prompt.EndsWith(ThoughtStart, StringComparison.Ordinal) ? "</think>" : "";
        return _callsAreXml
            ? MarkedTextBuilder.Join([MarkedText.FromTemplate($"{thoughtEnd}<tool_call>"), MarkedText.FromData(tool)], MarkedText.Empty)
            : throw new ChatTemplateException("This model's chat template has no known form of a forced call; leave tool_choice to 'auto'.");
    }

    private MarkedText RenderText(IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatTool> tools, ChatOptions options)
    {
        var names = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["messages"] = messages.Select(ToValue).ToList(),
            ["tools"] = tools.Count == 0 ? null : tools.Select(ToValue).ToList(),
            ["add_generation_prompt"] = true,
            ["enable_thinking"] = options.Thinks,
            ["clear_thinking"] = !options.KeepsThoughts,
        };
        foreach ((string name, string token) in _tokenNames)
        {
            names[name] = MarkedText.FromTemplate(token);
        }

        return _template.Render(names);
    }

    private static object? ToValue(ChatMessage message)
    {
        var map = new JinjaMap
        {
            ["role"] = MarkedText.FromTemplate(message.Role.ToString().ToLowerInvariant()),
            ["content"] = MarkedText.FromData(message.Content),
        };
        if (message.Reasoning is string reasoning)
        {
            map["reasoning_content"] = MarkedText.FromData(reasoning);
        }

        if (!message.ToolCalls.IsDefaultOrEmpty)
        {
            map["tool_calls"] = message.ToolCalls.Select(ToValue).ToList();
        }

        return map;
    }

    private static object? ToValue(ChatToolCall call) => new JinjaMap
    {
        ["type"] = MarkedText.FromTemplate("function"),
        ["function"] = new JinjaMap
        {
            ["name"] = MarkedText.FromData(call.Name),
            ["arguments"] = ReadJson(call.ArgumentsJson) as JinjaMap
                ?? throw new ChatTemplateException($"The arguments of the call of '{call.Name}' must be a JSON object."),
        },
    };

    private static object? ToValue(ChatTool tool) => new JinjaMap
    {
        ["type"] = MarkedText.FromTemplate("function"),
        ["function"] = ReadJson(tool.DeclarationJson),
    };

    private static object? ReadJson(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return JinjaJson.Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped lone surrogate.
            throw new ChatTemplateException($"A tool's declaration or call is not valid JSON: {e.Message}");
        }
    }
}
