using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Logs;

/// <summary>Whether an entry has the form that its place in the log and its request ask for.</summary>
internal static class EntryCheck
{
    /// <param name="entry">From a worker.</param>
    /// <param name="request">Of its generation.</param>
    /// <param name="next">Position of the next token, from 1; an entry may begin before it, not behind it.</param>
    /// <returns>What is wrong; null: nothing.</returns>
    public static string? FindFault(LogEntry entry, GenerationRequest request, long next)
    {
        if (entry.Ids.IsDefaultOrEmpty || entry.FirstSeq < 1 || entry.FirstSeq > next)
        {
            return $"its entry of generation {entry.Generation} starts at {entry.FirstSeq}, or is empty; next is {next}";
        }

        if (entry.Choice < 0 || entry.Choice >= request.Choices)
        {
            return $"its entry of generation {entry.Generation} is of choice {entry.Choice}; there are {request.Choices}, from 0 on";
        }

        return HasItsLogprobs(entry, request.TopLogprobs)
            ? null
            : $"its entry of generation {entry.Generation} from {entry.FirstSeq} on has not the logprobs that were asked for";
    }

    private static bool HasItsLogprobs(LogEntry entry, int? topLogprobs) => topLogprobs is { } tops
        ? CountOf(entry.Logprobs) == entry.Ids.Length && CountOf(entry.TopLogprobs) == entry.Ids.Length * tops
        : CountOf(entry.Logprobs) + CountOf(entry.TopLogprobs) == 0;

    private static int CountOf<T>(ImmutableArray<T> values) => values.IsDefault ? 0 : values.Length;
}
