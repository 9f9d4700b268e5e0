using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Generations;
using static GlmCluster.Gateway.Dialects.OpenAI.SamplingMapper;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Checks a plain completion request and turns it into an order.</summary>
internal static class CompletionMapper
{
    /// <summary>Names the dialect in <see cref="ClientView.Dialect"/>.</summary>
    public const string Dialect = "openai.text";

    /// <summary>The first thing wrong with the request; null: it can be mapped.</summary>
    public static OpenAIError? Check(CompletionRequest request) =>
        Require(request.Model is { Length: > 0 }, "model", "given")
        ?? SamplingMapper.Check(request, request.MaxTokens)
        ?? Require(request.Logprobs is not (< 0 or > MaxTopLogprobs), "logprobs", $"0 to {MaxTopLogprobs}")
        ?? Require(request.Logprobs is null || request.Echo != true, "logprobs", "left out with 'echo': there are none of the prompt")
        ?? Require(request.BestOf is null || request.BestOf == (request.N ?? 1), "best_of", "the same as 'n', or left out")
        ?? Require(request.Prompt is not null, "prompt", "given");

    /// <summary>Maps a request that <see cref="Check"/> found nothing wrong with.</summary>
    public static GenerationOrder Map(CompletionRequest request, string caller, Idempotency? idempotency) => new()
    {
        Dialect = Dialect,
        Caller = caller,
        ModelName = request.Model,
        Prompt = request.Prompt!.Text is { } text ? new TextPrompt(text) : new IdsPrompt(request.Prompt.Ids),
        Sampling = SamplingMapper.Map(request),
        MaxTokens = request.MaxTokens,
        Choices = request.N ?? 1,
        TopLogprobs = request.Logprobs,
        MaxLength = request.MaxLength,
        IgnoreEos = request.IgnoreEos ?? false,
        StopStrings = request.Stop ?? [],
        Priority = request.Priority ?? 0,
        Timeout = SchedulingFields.MapTimeout(request),
        OnDisconnect = DisconnectRule.For(request.Stream ?? false, idempotency is not null),
        IncludeUsage = request.StreamOptions?.IncludeUsage ?? false,
        Echo = request.Echo ?? false,
        Idempotency = idempotency,
    };
}
