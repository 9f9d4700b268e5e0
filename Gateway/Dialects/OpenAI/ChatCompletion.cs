using System.Collections.Immutable;
using System.Text.Json.Serialization;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Answer of <c>/v1/chat/completions</c>.</summary>
/// <param name="Created">Unix time in seconds.</param>
internal sealed record ChatCompletion(
    string Id,
    string Object,
    long Created,
    string Model,
    string? SystemFingerprint,
    ImmutableArray<ChatChoice> Choices,
    Usage Usage);

internal sealed record ChatChoice(int Index, ChatAnswer Message, string FinishReason, RawJson? Logprobs = null);

/// <summary>The assistant's message.</summary>
/// <param name="Content">Null where there are only calls.</param>
/// <param name="ReasoningContent">What the model thought before; null: nothing.</param>
internal sealed record ChatAnswer(
    string Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    string? ReasoningContent,
    ImmutableArray<ChatToolCallObject>? ToolCalls);

/// <summary>One event of a streamed chat.</summary>
internal sealed record ChatChunk(
    string Id,
    string Object,
    long Created,
    string Model,
    string? SystemFingerprint,
    ImmutableArray<ChatChunkChoice> Choices,
    Usage? Usage = null);

internal sealed record ChatChunkChoice(
    int Index,
    ChatDelta Delta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    RawJson? Logprobs = null);

internal sealed record ChatDelta(
    string? Role = null, string? Content = null, string? ReasoningContent = null, ImmutableArray<ChatToolCallObject>? ToolCalls = null);

/// <summary>Answer of <c>/v1/completions</c>; its chunks have the same form, with usage only in the last.</summary>
internal sealed record TextCompletion(
    string Id,
    string Object,
    long Created,
    string Model,
    string? SystemFingerprint,
    ImmutableArray<TextChoice> Choices,
    Usage? Usage = null);

internal sealed record TextChoice(
    string Text,
    int Index,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    RawJson? Logprobs = null);

internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails)
{
    public static Usage From(TokenUsage usage) => new(
        usage.PromptTokens,
        usage.CompletionTokens,
        usage.PromptTokens + usage.CompletionTokens,
        new PromptTokensDetails(usage.CachedTokens));
}

internal sealed record PromptTokensDetails(int CachedTokens);

/// <summary>Answer to a cancelling <c>DELETE</c>.</summary>
/// <param name="Cancelled">False where it had ended before.</param>
internal sealed record CancelledCompletion(string Id, string Object, bool Cancelled);
