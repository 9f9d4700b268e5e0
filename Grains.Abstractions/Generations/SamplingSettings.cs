using System.Collections.Immutable;

namespace GlmCluster.Grains.Abstractions.Generations;

/// <summary>How the next token is drawn. docs/engine.md has the formulas and their order.</summary>
/// <remarks>The JSON reader leaves members that an older version did not write at their types' defaults, not at those given here; two cannot have them.</remarks>
public sealed record SamplingSettings
{
    /// <summary>Divisor of the logits, no unit, 0 or more; 0 takes the largest logit.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Probability mass kept, in (0, 1].</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>Largest logits kept; 0: all.</summary>
    public int TopK { get; init; }

    /// <summary>Tokens stay whose probability is at least this share of the likeliest one's, in [0, 1]; 0: all.</summary>
    public float MinP { get; init; }

    /// <summary>Divides the positive and multiplies the negative logits of tokens in prompt and answer, in [0.01, 100]; 1: none.</summary>
    public float RepetitionPenalty { get; init => field = value == 0 ? 1 : value; } = 1f;

    /// <summary>Taken from the logits of tokens in the answer, in [-100, 100]; 0: none.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Taken from the logits of tokens in the answer once for each time, in [-100, 100]; 0: none.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of single tokens before everything else.</summary>
    public ImmutableArray<TokenBias> LogitBias { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Before so many tokens of the answer no stop id is drawn; 0: from the first.</summary>
    public int MinTokens { get; init; }

    /// <summary>Key of the counter-based generator. Drawn at admission when the client sent none, so a replay repeats it.</summary>
    public ulong Seed { get; init; }
}

/// <summary>A change of one token's logit.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Bias">Added, in [-100, 100].</param>
public sealed record TokenBias(int Id, float Bias);
