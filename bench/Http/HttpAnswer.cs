namespace GlmCluster.Bench.Http;

/// <summary>Content that arrived at once.</summary>
/// <param name="Arrival">Timestamp of the machine's monotonic clock (<see cref="System.Diagnostics.Stopwatch"/>).</param>
/// <param name="Bytes">Length of the content, escaped as in JSON.</param>
public readonly record struct ContentPiece(long Arrival, int Bytes);

/// <summary>One answer as it came.</summary>
/// <param name="Request">Index of the message that it answers.</param>
/// <param name="Content">All of it, escaped as in JSON.</param>
/// <param name="Pieces">Its pieces in order.</param>
public sealed record HttpAnswer(int Request, string Content, IReadOnlyList<ContentPiece> Pieces);
