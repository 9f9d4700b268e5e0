using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Checks and maps the fields that chat and plain completions share.</summary>
internal static class SamplingMapper
{
    public const int MaxTopLogprobs = 20; // OpenAI's for chats

    private const int MaxChoices = 128; // OpenAI's
    private const int MaxStopStrings = 4;
    private const int MaxStopLength = 256;
    private const double MaxTemperature = 2;
    private const double MinRepetitionPenalty = 0.1;
    private const double MaxRepetitionPenalty = 10;
    private const double MaxPenalty = 2; // OpenAI's
    private const int MaxBiases = 1024;
    private const float MaxBias = 100; // OpenAI's

    public static OpenAIError? Check(SamplingRequest request, int? maxTokens) =>
        UnsupportedFields.Check(request.Others)
        ?? RequireRange(request.Temperature, 0, MaxTemperature, "temperature")
        ?? Require(request.TopP is not { } p || (p > 0 && p <= 1), "top_p", "more than 0, at most 1")
        ?? Require(request.TopK is not < -1, "top_k", "-1 or 0 (all) or more")
        ?? RequireRange(request.MinP, 0, 1, "min_p")
        ?? RequireRange(request.RepetitionPenalty, MinRepetitionPenalty, MaxRepetitionPenalty, "repetition_penalty")
        ?? RequireRange(request.PresencePenalty, -MaxPenalty, MaxPenalty, "presence_penalty")
        ?? RequireRange(request.FrequencyPenalty, -MaxPenalty, MaxPenalty, "frequency_penalty")
        ?? CheckBias(request.LogitBias ?? [])
        ?? Require(request.MaxTokens is not < 1, "max_tokens", "1 or more")
        ?? Require(request.MaxLength is not < 1, "max_length", "1 or more")
        ?? Require(request.MinTokens is not < 0, "min_tokens", "0 or more")
        ?? Require(!(request.MinTokens > maxTokens), "min_tokens", $"at most the limit of the answer, {maxTokens}")
        ?? Require(request.N is not (< 1 or > MaxChoices), "n", $"1 to {MaxChoices}")
        ?? CheckStop(request.Stop ?? [])
        ?? SchedulingFields.Check(request);

    public static SamplingOverrides Map(SamplingRequest request) => new()
    {
        Temperature = request.DoSample == false ? 0f : (float?)request.Temperature,
        TopP = request.TopP is { } topP ? MathF.Max((float)topP, float.Epsilon) : null,
        TopK = request.TopK is { } topK ? Math.Max(topK, 0) : null,
        MinP = (float?)request.MinP,
        RepetitionPenalty = (float?)request.RepetitionPenalty,
        PresencePenalty = (float?)request.PresencePenalty,
        FrequencyPenalty = (float?)request.FrequencyPenalty,
        LogitBias = request.LogitBias ?? [],
        MinTokens = request.MinTokens,
        Seed = unchecked((ulong?)request.Seed),
    };

    /// <summary>An error naming the field and what it may be, unless the rule holds.</summary>
    public static OpenAIError? Require(bool holds, string field, string allowed) =>
        holds ? null : OpenAIError.Invalid($"'{field}' must be {allowed}.", field);

    private static OpenAIError? RequireRange(double? value, double least, double most, string field) => Require(
        value is not { } number || (number >= least && number <= most), field, string.Create(CultureInfo.InvariantCulture, $"{least} to {most}"));

    private static OpenAIError? CheckBias(ImmutableArray<TokenBias> biases) =>
        Require(biases.Length <= MaxBiases, "logit_bias", $"an object with at most {MaxBiases} members")
        ?? Require(biases.All(bias => bias.Bias is >= -MaxBias and <= MaxBias), "logit_bias", $"an object of numbers from {-MaxBias} to {MaxBias}");

    private static OpenAIError? CheckStop(ImmutableArray<string> stop) =>
        Require(stop.Length <= MaxStopStrings, "stop", $"at most {MaxStopStrings} strings")
        ?? Require(stop.All(s => s.Length is > 0 and <= MaxStopLength), "stop", $"strings of 1 to {MaxStopLength} characters");
}
