using System.Collections.Immutable;
using System.Text.Json.Serialization;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Abstractions.Generations;

/// <summary>What one engine step added to all generations of a worker: the unit of writing.</summary>
/// <param name="Incarnation">Start of the worker that wrote it.</param>
/// <param name="Number">Counts from 1 within the incarnation, without holes.</param>
/// <param name="Entries">
/// In log order. Of several choices the next token is always that of the choice with the fewest, the smaller index on ties, among those that go on.
/// So the order of a log depends on its ids alone, and what a crash lost of it comes again at the same positions.
/// </param>
public sealed record LogFrame(IncarnationId Incarnation, long Number, ImmutableArray<LogEntry> Entries);

/// <summary>Tokens of one choice of one generation.</summary>
/// <param name="Generation">Whose.</param>
/// <param name="FirstSeq">Log position of the first id, from 1, over all choices.</param>
/// <param name="Choice">Index of the choice, from 0.</param>
/// <param name="Ids">Shape (tokens,).</param>
/// <param name="Logprobs">Natural logarithms of the ids' probabilities, finite, one per id; default: not asked for.</param>
/// <param name="End">Set where the choice ends with this entry's last id.</param>
/// <param name="TopLogprobs">
/// The likeliest ids at each place, most likely first: <see cref="GenerationRequest.TopLogprobs"/> for each id, one id's after the other; default: not asked for.
/// </param>
public sealed record LogEntry(
    GenerationId Generation,
    long FirstSeq,
    int Choice,
    ImmutableArray<int> Ids,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] ImmutableArray<float> Logprobs = default,
    ChoiceEnd? End = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] ImmutableArray<TokenLogprob> TopLogprobs = default);

/// <summary>A token that might have been.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Logprob">Natural logarithm of its probability, finite.</param>
public readonly record struct TokenLogprob(int Id, float Logprob);

/// <summary>How one choice ended.</summary>
/// <param name="Reason">Why.</param>
/// <param name="KeptTokens">The choice's ids that belong to the answer; a stop id, or ids at and after a stop string, do not.</param>
public sealed record ChoiceEnd(EndReason Reason, int KeptTokens);

/// <summary>What the fenced worker writes, in one statement, to end a generation: log tail, reason, usage, conversation append.</summary>
/// <param name="Incarnation">The worker's; a sealed one is refused.</param>
/// <param name="Entries">Log entries that no frame carried yet; may be empty.</param>
/// <param name="Generation">Which ends.</param>
/// <param name="End">Reason and usage.</param>
/// <param name="KeptTokens">Ids of choice 0 that the conversation keeps.</param>
public sealed record EndOfGeneration(
    IncarnationId Incarnation,
    ImmutableArray<LogEntry> Entries,
    GenerationId Generation,
    GenerationEnd End,
    int KeptTokens);

/// <summary>Outcome of a write to the log.</summary>
public enum LogWriteResult
{
    Written,

    /// <summary>The same frame or end was there already; nothing changed.</summary>
    Repeated,

    /// <summary>The incarnation is sealed: its work belongs to others. Drop it.</summary>
    Sealed,

    /// <summary>The frame's number skips one, or an entry does not follow its log. A bug, reported, never stored.</summary>
    Refused,
}
