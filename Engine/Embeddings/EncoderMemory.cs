using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Embeddings;

/// <summary>Memory that an encoder takes, as pure functions of its sizes.</summary>
public static class EncoderMemory
{
    /// <summary>Numbers that were trained; a pooler that files also have is not counted.</summary>
    public static long Parameters(EncoderConfiguration configuration) => EncoderLayout.Create(configuration).All().Sum(slot => slot.Elements);

    /// <summary>Bytes of the layers' matrices in the given format; norms, biases and tables are not counted.</summary>
    public static long WeightBytes(EncoderConfiguration configuration, WeightFormat format) => EncoderLayout.Create(configuration).Layers
        .SelectMany(layer => (LinearTensors<TensorSlot>[])[layer.QueryKeyValue, layer.AttentionOutput, layer.Up, layer.Down])
        .SelectMany(linear => linear.Weight)
        .Sum(slot => format.MatrixBytes(slot.Shape[0], slot.Shape[1]));

    /// <summary>Numbers of the tables that words, positions and types are looked up in.</summary>
    public static long TableElements(EncoderConfiguration configuration)
    {
        EncoderTensors<TensorSlot> layout = EncoderLayout.Create(configuration);
        return layout.Words.Elements + layout.Positions.Elements + layout.TokenTypes.Elements;
    }
}
