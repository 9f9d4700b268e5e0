using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Sampling;

/// <summary>What was drawn from one row.</summary>
/// <param name="Id">The id; -1: none, the row is not numbers.</param>
/// <param name="Logprob">Natural logarithm of its probability, where asked for.</param>
/// <param name="TopLogprobs">The likeliest ids, where asked for; valid until the next step.</param>
internal readonly record struct DrawnToken(int Id, float Logprob = 0, ReadOnlyMemory<TokenLogprob> TopLogprobs = default)
{
    public static DrawnToken None => new(-1);
}
