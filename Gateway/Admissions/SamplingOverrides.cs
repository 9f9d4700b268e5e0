using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Admissions;

/// <summary>The client's sampling; null members are the model's own. Ranges are those of <see cref="SamplingSettings"/>.</summary>
internal sealed record SamplingOverrides
{
    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public int? TopK { get; init; }

    public float? MinP { get; init; }

    public float? RepetitionPenalty { get; init; }

    public float? PresencePenalty { get; init; }

    public float? FrequencyPenalty { get; init; }

    public ImmutableArray<TokenBias> LogitBias { get; init; } = [];

    public int? MinTokens { get; init; }

    /// <summary>Null: drawn at admission.</summary>
    public ulong? Seed { get; init; }

    /// <param name="defaults">The model's own.</param>
    /// <param name="drawSeed">Called where the client sent no seed.</param>
    public SamplingSettings ApplyTo(SamplingSettings defaults, Func<ulong> drawSeed) => new()
    {
        Temperature = Temperature ?? defaults.Temperature,
        TopP = TopP ?? defaults.TopP,
        TopK = TopK ?? defaults.TopK,
        MinP = MinP ?? defaults.MinP,
        RepetitionPenalty = RepetitionPenalty ?? defaults.RepetitionPenalty,
        PresencePenalty = PresencePenalty ?? defaults.PresencePenalty,
        FrequencyPenalty = FrequencyPenalty ?? defaults.FrequencyPenalty,
        LogitBias = LogitBias,
        MinTokens = MinTokens ?? defaults.MinTokens,
        Seed = Seed ?? drawSeed(),
    };
}
