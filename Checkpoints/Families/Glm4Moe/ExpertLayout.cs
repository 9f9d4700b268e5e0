using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.Glm4Moe;

/// <summary>Tensor names of a feed-forward with experts; every expert has three matrices.</summary>
internal static class ExpertLayout
{
    /// <summary>An ordinary feed-forward in the first layers, experts in the others.</summary>
    public static FeedForwardTensors<TensorSlot> FeedForward(DecoderConfiguration c, int layer, string prefix)
    {
        ExpertConfiguration experts = c.Experts!;
        return layer < experts.DenseLayers
            ? Gated(c, prefix, c.FeedForwardSize)
            : new ExpertFeedForwardTensors<TensorSlot>(
                new TensorSlot(prefix + "gate.weight", TensorRole.Router, [experts.Count, c.HiddenSize]),
                new TensorSlot(prefix + "gate.e_score_correction_bias", TensorRole.Bias, [experts.Count]),
                [.. Enumerable.Range(0, experts.Count).Select(expert => Gated(c, $"{prefix}experts.{expert}.", experts.Width))],
                experts.SharedWidth > 0 ? Gated(c, prefix + "shared_experts.", experts.SharedWidth) : null);
    }

    private static GatedFeedForwardTensors<TensorSlot> Gated(DecoderConfiguration c, string prefix, int width)
    {
        TensorSlot Matrix(string name, int rows, int columns) => new($"{prefix}{name}_proj.weight", TensorRole.Matrix, [rows, columns]);
        return new GatedFeedForwardTensors<TensorSlot>(
            new LinearTensors<TensorSlot>([Matrix("gate", width, c.HiddenSize), Matrix("up", width, c.HiddenSize)], []),
            new LinearTensors<TensorSlot>(Matrix("down", c.HiddenSize, width)));
    }
}
