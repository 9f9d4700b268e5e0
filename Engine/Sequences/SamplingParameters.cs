namespace GlmCluster.Engine.Sequences;

/// <summary>How the next id is drawn. docs/engine.md has the formulas, their order and where they come from.</summary>
/// <param name="Temperature">Divisor of the logits, 0 or more; 0 takes the largest logit, the smaller id on ties.</param>
/// <param name="TopP">Probability mass kept, in (0, 1].</param>
/// <param name="TopK">Largest logits kept; 0: all.</param>
/// <param name="Seed">Key of the counter-based generator.</param>
/// <param name="Choice">Index of the choice, part of the generator's key.</param>
public readonly record struct SamplingParameters(float Temperature, float TopP, int TopK, ulong Seed, int Choice)
{
    /// <summary>Smallest and largest <see cref="RepetitionPenalty"/>: beyond them a logit might leave the range of a float.</summary>
    public const float MinRepetitionPenalty = 0.01f;
    public const float MaxRepetitionPenalty = 100;

    /// <summary>Largest amount of <see cref="PresencePenalty"/>, <see cref="FrequencyPenalty"/> and a <see cref="TokenBias"/>.</summary>
    public const float MaxLogitChange = 100;

    /// <summary>Ids stay whose probability is at least this share of the likeliest one's, in [0, 1]; 0: all.</summary>
    public float MinP { get; init; }

    /// <summary>Divides the positive and multiplies the negative logits of ids in prompt and output; 1: none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken from the logits of ids in the output; 0: none.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Taken from the logits of ids in the output once for each time; 0: none.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of single ids before everything else.</summary>
    public ReadOnlyMemory<TokenBias> LogitBias { get; init; }

    /// <summary>Before so many tokens of output no stop id is drawn; 0: from the first.</summary>
    public int MinTokens { get; init; }

    /// <summary>Whether a row must be changed before one is drawn from it.</summary>
    internal bool ChangesLogits =>
        RepetitionPenalty != 1 || PresencePenalty != 0 || FrequencyPenalty != 0 || MinTokens > 0 || !LogitBias.IsEmpty;
}

/// <summary>A change of one id's logit.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Bias">Added, in [-100, 100].</param>
public readonly record struct TokenBias(int Id, float Bias);
