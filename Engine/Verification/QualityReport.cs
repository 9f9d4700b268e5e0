namespace GlmCluster.Engine.Verification;

/// <summary>How far a model's predictions are from a reference's over the same texts, each text given and never what was predicted.</summary>
/// <param name="Texts">Texts that were run.</param>
/// <param name="Positions">Predictions compared.</param>
/// <param name="SameBest">Of them, predictions whose most probable token is the reference's.</param>
/// <param name="MeanDivergence">Mean over the positions of KL(reference ‖ model), in nats.</param>
/// <param name="HighDivergence">The divergence that 99 % of the positions do not exceed, in nats.</param>
/// <param name="LargestDivergence">The largest divergence, in nats.</param>
public sealed record QualityReport(
    int Texts, int Positions, int SameBest, double MeanDivergence, double HighDivergence, double LargestDivergence)
{
    /// <summary>Share of positions with the same most probable token, 0 to 1.</summary>
    public double Agreement => (double)SameBest / Positions;
}
