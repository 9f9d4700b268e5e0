namespace GlmCluster.Engine.Sequences;

/// <summary>Told once per step what every sequence got. Called on the loop thread; must return at once and must not throw.</summary>
public interface IStepListener
{
    /// <param name="updates">At most one per sequence; valid during the call only.</param>
    void OnStep(ReadOnlySpan<SequenceUpdate> updates);

    /// <summary>The engine stopped for good after <paramref name="fault"/>; no sequence goes on.</summary>
    void OnFault(Exception fault);
}

/// <summary>What one step gave one sequence.</summary>
/// <param name="Tag">The request's.</param>
/// <param name="TokenId">The new id; -1 where the sequence ended without one.</param>
/// <param name="Index">Number of generated ids including this one.</param>
/// <param name="End">Whether it ended.</param>
/// <param name="KeptTokens">Generated ids that belong to the answer; set where it ended.</param>
public readonly record struct SequenceUpdate(object? Tag, int TokenId, int Index, SequenceEnd End, int KeptTokens)
{
    /// <summary>Natural logarithm of the probability that the model gave the id, finite; 0 where <see cref="SequenceRequest.TopLogprobs"/> is null.</summary>
    public float Logprob { get; init; }

    /// <summary>The likeliest ids at its place, most likely first, as many as were asked for; valid during the call only.</summary>
    public ReadOnlyMemory<TokenLogprob> TopLogprobs { get; init; }

    /// <summary>Prompt tokens that were found in the prefix cache when the sequence first came into the batch.</summary>
    public int ReusedPromptTokens { get; init; }
}

/// <summary>An id and the natural logarithm of its probability.</summary>
public readonly record struct TokenLogprob(int Id, float Logprob);
