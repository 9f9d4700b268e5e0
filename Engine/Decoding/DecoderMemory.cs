using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Decoding;

/// <summary>Memory that a decoder takes, as pure functions of its sizes.</summary>
public static class DecoderMemory
{
    /// <summary>Tokens of a KV block on CPU.</summary>
    public const int BlockTokens = AttentionShape.PageTokens;

    /// <summary>Numbers that were trained: matrices, embedding (once more where the head is its own), norms and biases.</summary>
    public static long Parameters(DecoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var layout = DecoderLayout.For(configuration);
        return layout.Slots.Sum(slot => slot.Elements) - (configuration.TiedHead ? layout.Head.Elements : 0);
    }

    /// <summary>Those of <see cref="Parameters"/> that a token meets: of the routed experts only as many as it goes to.</summary>
    public static long ParametersPerToken(DecoderConfiguration configuration)
    {
        long all = Parameters(configuration);
        return configuration.Experts is not { } experts
            ? all
            : all - DecoderLayout.For(configuration).Layers
                .Select(layer => layer.FeedForward).OfType<ExpertFeedForwardTensors<TensorSlot>>()
                .Sum(layer => layer.Experts.Skip(experts.PerToken).SelectMany(Slots).Sum(slot => slot.Elements));
    }

    /// <summary>Bytes of a KV block over all layers.</summary>
    public static long BlockBytes(DecoderConfiguration configuration, KvFormat format)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return KvCacheLayout.Of(configuration).Sum(cache => cache.BlockBytes(format));
    }

    /// <summary>Bytes of the matrices in the given format; norms, biases and the embedding, which stays in its file, are not counted.</summary>
    public static long WeightBytes(DecoderConfiguration configuration, WeightFormat format)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return LayerWeightBytes(configuration, format).Sum() + HeadBytes(configuration, format);
    }

    /// <summary>Bytes of each layer's matrices.</summary>
    internal static long[] LayerWeightBytes(DecoderConfiguration configuration, WeightFormat format) =>
        [.. DecoderLayout.For(configuration).Layers.Select(layer => layer.All().Sum(slot => MatrixBytes(slot, format)))];

    /// <summary>Bytes of the matrix that gives logits.</summary>
    internal static long HeadBytes(DecoderConfiguration configuration, WeightFormat format) =>
        MatrixBytes(DecoderLayout.For(configuration).Head, format);

    private static IEnumerable<TensorSlot> Slots(GatedFeedForwardTensors<TensorSlot> expert) => [.. expert.GateUp.Weight, .. expert.Down.Weight];

    private static long MatrixBytes(TensorSlot slot, WeightFormat format) => slot.Role switch
    {
        TensorRole.Matrix => format.MatrixBytes(slot.Shape[0], slot.Shape[1]),
        TensorRole.Router => WeightFormat.F32.MatrixBytes(slot.Shape[0], slot.Shape[1]),
        _ => 0,
    };
}
