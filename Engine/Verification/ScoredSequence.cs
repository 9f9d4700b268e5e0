namespace GlmCluster.Engine.Verification;

/// <summary>A text to run a model over, and where its predictions count.</summary>
/// <param name="Ids">The text's tokens; at least one.</param>
/// <param name="Positions">Ascending positions in the text whose predictions of the next token are compared.</param>
public sealed record ScoredSequence(long[] Ids, long[] Positions);
