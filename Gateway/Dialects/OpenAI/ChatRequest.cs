using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Fields that <c>/v1/chat/completions</c> and <c>/v1/completions</c> share.</summary>
internal abstract record SamplingRequest
{
    public string? Model { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    public int? MaxTokens { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? TopK { get; init; }

    public double? MinP { get; init; }

    public double? RepetitionPenalty { get; init; }

    public double? PresencePenalty { get; init; }

    public double? FrequencyPenalty { get; init; }

    [JsonConverter(typeof(LogitBiasConverter))]
    public ImmutableArray<TokenBias>? LogitBias { get; init; }

    public int? MinTokens { get; init; }

    /// <summary>Whether the answer goes on to its limit, past the model's own stop tokens.</summary>
    public bool? IgnoreEos { get; init; }

    /// <summary>GLM's own limit, on prompt and answer together; <see cref="MaxTokens"/> wins.</summary>
    public int? MaxLength { get; init; }

    public long? Seed { get; init; }

    /// <summary>Answers wanted.</summary>
    public int? N { get; init; }

    /// <summary>GLM's own switch: false takes the likeliest token.</summary>
    public bool? DoSample { get; init; }

    [JsonConverter(typeof(StopConverter))]
    public ImmutableArray<string>? Stop { get; init; }

    /// <summary>Our extension, as vLLM has it: a larger number goes after smaller ones; 0 is the normal one.</summary>
    public int? Priority { get; init; }

    /// <summary>Our extension: seconds after which the request is given up.</summary>
    public double? Timeout { get; init; }

    /// <summary>Everything else: looked at by <see cref="UnsupportedFields"/>, then ignored.</summary>
    /// <remarks>Settable, since the serializer fills it field by field.</remarks>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}

/// <summary>Body of <c>POST /v1/chat/completions</c>.</summary>
internal sealed record ChatRequest : SamplingRequest
{
    public ImmutableArray<ChatRequestMessage?>? Messages { get; init; }

    public ImmutableArray<ChatRequestTool?>? Tools { get; init; }

    public JsonElement? ToolChoice { get; init; }

    /// <summary>The newer name of <see cref="SamplingRequest.MaxTokens"/>; wins.</summary>
    public int? MaxCompletionTokens { get; init; }

    /// <summary>Our extension: the id of an earlier answer, to be continued with only the new messages.</summary>
    public string? ConversationId { get; init; }

    public bool? Store { get; init; }

    public bool? Logprobs { get; init; }

    /// <summary>Only with <see cref="Logprobs"/>.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>Zhipu's switch for thoughts.</summary>
    public ThinkingSwitch? Thinking { get; init; }

    /// <summary>The same switch as other servers of these models name it; other members are ignored.</summary>
    public TemplateSwitches? ChatTemplateKwargs { get; init; }
}

/// <param name="Type"><c>enabled</c> or <c>disabled</c>.</param>
/// <param name="ClearThinking">Whether thoughts of earlier turns leave the prompt.</param>
internal sealed record ThinkingSwitch(string? Type, bool? ClearThinking);

internal sealed record TemplateSwitches(bool? EnableThinking, bool? ClearThinking);

/// <summary>One message. Content is text, or parts of text that are put together.</summary>
internal sealed record ChatRequestMessage
{
    public string? Role { get; init; }

    [JsonConverter(typeof(ContentConverter))]
    public string? Content { get; init; }

    /// <summary>What an assistant thought before.</summary>
    public string? ReasoningContent { get; init; }

    public ImmutableArray<ChatToolCallObject?>? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }
}

internal sealed record ChatRequestTool
{
    public string? Type { get; init; }

    /// <summary>Passed on to the template as it is.</summary>
    public JsonElement? Function { get; init; }
}

internal sealed record StreamOptions(bool? IncludeUsage);

/// <summary>A call, in requests and answers.</summary>
/// <param name="Index">Only in chunks.</param>
internal sealed record ChatToolCallObject(int? Index, string? Id, string? Type, FunctionCallObject? Function);

/// <param name="Name">Function name.</param>
/// <param name="Arguments">JSON text.</param>
internal sealed record FunctionCallObject(string? Name, string? Arguments);
