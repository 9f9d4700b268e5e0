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

    /// <summary>Bytes of a KV block over all layers, keys and values.</summary>
    public static long BlockBytes(DecoderConfiguration configuration, KvFormat format)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return LayerBlockBytes(configuration, format) * 2 * configuration.Layers;
    }

    /// <summary>Bytes of the matrices in the given format; norms, biases and the embedding, which stays in its file, are not counted.</summary>
    public static long WeightBytes(DecoderConfiguration configuration, WeightFormat format)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var layout = DecoderLayout.For(configuration);
        return layout.Layers.SelectMany(layer => layer.All()).Append(layout.Head)
            .Where(slot => slot.Role is TensorRole.Matrix or TensorRole.Router)
            .Sum(slot => (slot.Role == TensorRole.Router ? WeightFormat.F32 : format).MatrixBytes(slot.Shape[0], slot.Shape[1]));
    }

    /// <summary>Bytes of a block's keys, or values, in one layer.</summary>
    internal static long LayerBlockBytes(DecoderConfiguration configuration, KvFormat format) =>
        (long)AttentionShape.PageTokens * configuration.KvHeads * format.TokenBytes(configuration.HeadDim);
}
