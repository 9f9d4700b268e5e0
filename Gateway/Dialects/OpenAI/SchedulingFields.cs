using static GlmCluster.Gateway.Dialects.OpenAI.SamplingMapper;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Checks and maps the fields that say when a request is served.</summary>
internal static class SchedulingFields
{
    /// <summary>Nobody can go before those who say nothing, so there is no smaller number than theirs.</summary>
    private const int LastPriority = 100;
    private const double ShortestTimeout = 0.001;
    private const double LongestTimeout = 86_400;

    public static OpenAIError? Check(SamplingRequest request) =>
        Require(request.Priority is not (< 0 or > LastPriority), "priority", $"0 (the default, served first) to {LastPriority}")
        ?? Require(
            request.Timeout is not { } seconds || (seconds >= ShortestTimeout && seconds <= LongestTimeout),
            "timeout",
            $"{ShortestTimeout} to {LongestTimeout} seconds");

    public static TimeSpan? MapTimeout(SamplingRequest request) => request.Timeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
}
