namespace GlmCluster.Checkpoints.Configuration;

/// <summary>A mixture of experts: the feed-forward of all layers but the first few.</summary>
/// <param name="Count">Routed experts of a layer.</param>
/// <param name="PerToken">Routed experts that a token goes to.</param>
/// <param name="Width">Width of a routed expert's gated feed-forward.</param>
/// <param name="SharedWidth">Width of the feed-forward that every token goes to besides; 0: none.</param>
/// <param name="DenseLayers">First layers that have an ordinary feed-forward instead.</param>
/// <param name="Groups">Groups of neighbouring experts; divides <paramref name="Count"/>.</param>
/// <param name="TopGroups">Groups that a token may choose from.</param>
/// <param name="NormalizesWeights">Whether a token's weights are divided by their sum.</param>
/// <param name="WeightScale">Factor of the routed experts' sum.</param>
public sealed record ExpertConfiguration(
    int Count,
    int PerToken,
    int Width,
    int SharedWidth,
    int DenseLayers,
    int Groups,
    int TopGroups,
    bool NormalizesWeights,
    float WeightScale);
