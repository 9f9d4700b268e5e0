using System.Collections.Immutable;
using GlmCluster.Gateway.Admissions;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Checks and maps the fields that chat and plain completions share.</summary>
internal static class SamplingMapper
{
    private const int MaxStopStrings = 4;
    private const int MaxStopLength = 256;
    private const double MaxTemperature = 2;

    public static OpenAIError? Check(SamplingRequest request) =>
        UnsupportedFields.Check(request.Others)
        ?? Require(request.Temperature is not { } t || (t >= 0 && t <= MaxTemperature), "temperature", $"0 to {MaxTemperature}")
        ?? Require(request.TopP is not { } p || (p > 0 && p <= 1), "top_p", "more than 0, at most 1")
        ?? Require(request.TopK is not < -1, "top_k", "-1 or 0 (all) or more")
        ?? Require(request.MaxTokens is not < 1, "max_tokens", "1 or more")
        ?? CheckStop(request.Stop ?? [])
        ?? SchedulingFields.Check(request);

    public static SamplingOverrides Map(SamplingRequest request) => new(
        request.DoSample == false ? 0f : (float?)request.Temperature,
        (float?)request.TopP,
        request.TopK is { } topK ? Math.Max(topK, 0) : null,
        unchecked((ulong?)request.Seed));

    /// <summary>An error naming the field and what it may be, unless the rule holds.</summary>
    public static OpenAIError? Require(bool holds, string field, string allowed) =>
        holds ? null : OpenAIError.Invalid($"'{field}' must be {allowed}.", field);

    private static OpenAIError? CheckStop(ImmutableArray<string> stop) =>
        Require(stop.Length <= MaxStopStrings, "stop", $"at most {MaxStopStrings} strings")
        ?? Require(stop.All(s => s.Length is > 0 and <= MaxStopLength), "stop", $"strings of 1 to {MaxStopLength} characters");
}
