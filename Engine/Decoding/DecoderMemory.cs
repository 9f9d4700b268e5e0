using GlmCluster.Checkpoints.Configuration;
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
        long matrices = WeightBytes(configuration, WeightFormat.F32) / sizeof(float);
        long embedding = configuration.TiedHead ? 0 : (long)configuration.VocabularySize * configuration.HiddenSize;
        long biases = configuration.QkvBias ? (configuration.Heads + (2L * configuration.KvHeads)) * configuration.HeadDim : 0;
        long normsPerLayer = (configuration.Family == DecoderFamily.Glm4 ? 4L : 2L) * configuration.HiddenSize;
        return matrices + embedding + (configuration.Layers * (biases + normsPerLayer)) + configuration.HiddenSize;
    }

    /// <summary>Bytes of a KV block over all layers, keys and values.</summary>
    public static long BlockBytes(DecoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return LayerBlockBytes(configuration) * 2 * configuration.Layers;
    }

    /// <summary>Bytes of the matrices in the given format; norms, biases and the embedding, which stays in its file, are not counted.</summary>
    public static long WeightBytes(DecoderConfiguration configuration, WeightFormat format)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        long hidden = configuration.HiddenSize;
        long queries = (long)configuration.Heads * configuration.HeadDim;
        long packed = queries + (2L * configuration.KvHeads * configuration.HeadDim);
        long feedForward = configuration.FeedForwardSize;
        long layer = format.MatrixBytes(packed, hidden)
            + format.MatrixBytes(hidden, queries)
            + format.MatrixBytes(2 * feedForward, hidden)
            + format.MatrixBytes(hidden, feedForward);
        return (configuration.Layers * layer) + format.MatrixBytes(configuration.VocabularySize, hidden);
    }

    /// <summary>Bytes of a block's keys, or values, in one layer.</summary>
    internal static long LayerBlockBytes(DecoderConfiguration configuration) =>
        (long)AttentionShape.PageTokens * configuration.KvHeads * configuration.HeadDim * sizeof(float);
}
