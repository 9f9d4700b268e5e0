using System.Collections.Immutable;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Puts generations and answers into wire records.</summary>
internal static class ChatWire
{
    public const string Assistant = "assistant";

    private const string Function = "function";

    public static ChatChunk CreateChunk(ServedGeneration generation, params ImmutableArray<ChatChunkChoice> choices) =>
        CreateChunk(generation, choices, null);

    public static ChatChunk CreateUsageChunk(ServedGeneration generation, GenerationEnd end) =>
        CreateChunk(generation, [], Usage.From(end.Usage));

    public static ChatCompletion CreateCompletion(ServedGeneration generation, ImmutableArray<Answer> answers, GenerationEnd end) => new(
        generation.Request.Id.ToString(),
        "chat.completion",
        generation.Request.CreatedAt.ToUnixTimeSeconds(),
        generation.Request.View.ModelName,
        generation.Model.Card.NumericsClass,
        [.. answers.Select((answer, index) => CreateChoice(generation, answer, index))],
        Usage.From(end.Usage));

    public static TextCompletion CreateText(ServedGeneration generation, ImmutableArray<TextChoice> choices, GenerationEnd? usageOf = null) => new(
        generation.Request.Id.ToString(),
        "text_completion",
        generation.Request.CreatedAt.ToUnixTimeSeconds(),
        generation.Request.View.ModelName,
        generation.Model.Card.NumericsClass,
        choices,
        usageOf is null ? null : Usage.From(usageOf.Usage));

    /// <summary>Calls as clients read them; null where there are none.</summary>
    public static ImmutableArray<ChatToolCallObject>? MapCalls(ImmutableArray<ToolCall> calls, bool indexed) => calls.IsEmpty
        ? null
        : [.. calls.Select((call, index) => new ChatToolCallObject(
            indexed ? index : null, call.Id, Function, new FunctionCallObject(call.Name, call.ArgumentsJson)))];

    /// <summary>Only names that every OpenAI client knows: some throw on others.</summary>
    public static string FinishReason(Answer answer) => answer.Reason switch
    {
        EndReason.Stop when !answer.ToolCalls.IsEmpty => "tool_calls",
        EndReason.Stop => "stop",
        EndReason.Length => "length",
        var reason => throw new InvalidOperationException($"An answer that ended as {reason} has no finish reason."),
    };

    private static ChatChunk CreateChunk(ServedGeneration generation, ImmutableArray<ChatChunkChoice> choices, Usage? usage) => new(
        generation.Request.Id.ToString(),
        "chat.completion.chunk",
        generation.Request.CreatedAt.ToUnixTimeSeconds(),
        generation.Request.View.ModelName,
        generation.Model.Card.NumericsClass,
        choices,
        usage);

    /// <returns>Null where they were not asked for.</returns>
    private static RawJson? ToLogprobs(ServedGeneration generation, Answer answer)
    {
        if (generation.Request.TopLogprobs is null)
        {
            return null;
        }

        using var logprobs = new ChatLogprobWriter(generation.Model.Text.Tokenizer);
        return logprobs.ToJson(answer.Tokens.AsSpan());
    }

    private static ChatChoice CreateChoice(ServedGeneration generation, Answer answer, int index)
    {
        string? content = answer.Text.Length > 0 || answer.ToolCalls.IsEmpty ? answer.Text : null;
        string? reasoning = answer.Reasoning.Length > 0 ? answer.Reasoning : null;
        var message = new ChatAnswer(Assistant, content, reasoning, MapCalls(answer.ToolCalls, indexed: false));
        return new ChatChoice(index, message, FinishReason(answer), ToLogprobs(generation, answer));
    }
}
