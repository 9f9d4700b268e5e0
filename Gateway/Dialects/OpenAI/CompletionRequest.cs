using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Body of <c>POST /v1/completions</c>.</summary>
internal sealed record CompletionRequest : SamplingRequest
{
    [JsonConverter(typeof(PromptConverter))]
    public CompletionPrompt? Prompt { get; init; }

    public bool? Echo { get; init; }

    /// <summary>Alternatives named beside each token; null: no logprobs.</summary>
    public int? Logprobs { get; init; }

    public int? BestOf { get; init; }
}

/// <summary>Text or ids; one of them is set.</summary>
internal sealed record CompletionPrompt(string? Text, ImmutableArray<int> Ids);
