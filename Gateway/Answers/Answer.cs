using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Answers;

/// <summary>One choice's answer, or its last part, as clients may see it.</summary>
/// <param name="Text">Visible text; may be empty.</param>
/// <param name="Reasoning">What the model thought before; may be empty.</param>
/// <param name="ToolCalls">Calls it made.</param>
/// <param name="Reason">How it ended.</param>
internal sealed record Answer(string Text, string Reasoning, ImmutableArray<ToolCall> ToolCalls, EndReason Reason)
{
    /// <summary>Tokens that made the text; empty where logprobs were not asked for.</summary>
    public ImmutableArray<AnswerToken> Tokens { get; init; } = [];
}

/// <summary>One token of visible text.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Logprob">Natural logarithm of its probability.</param>
/// <param name="TopLogprobs">The likeliest tokens at its place; lent.</param>
internal readonly record struct AnswerToken(int Id, float Logprob, ReadOnlyMemory<TokenLogprob> TopLogprobs)
{
    /// <summary>Copies tokens together with what they were lent.</summary>
    public static ImmutableArray<AnswerToken> Keep(ReadOnlySpan<AnswerToken> tokens)
    {
        var kept = new AnswerToken[tokens.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            kept[i] = tokens[i] with { TopLogprobs = tokens[i].TopLogprobs.ToArray() };
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(kept);
    }
}
