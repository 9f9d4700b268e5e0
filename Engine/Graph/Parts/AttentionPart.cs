using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>A kind of attention: the constants that it needs and what it adds per layer, up to its output projection.</summary>
internal abstract class AttentionPart
{
    /// <summary>Adds the constants that all its layers use.</summary>
    /// <param name="positions">Most tokens of a sequence.</param>
    public abstract void AddTables(int positions);

    /// <summary>Adds one layer's attention.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="normed">Shape (tokens, hidden).</param>
    /// <returns>Shape (tokens, heads · value width).</returns>
    public abstract string Add(int layer, AttentionTensors<TensorView> tensors, string normed);

    /// <summary>Chooses by the tensors.</summary>
    public static AttentionPart For(AttentionTensors<TensorView> tensors, DecoderNodes nodes) => tensors switch
    {
        GroupedAttentionTensors<TensorView> => new GroupedAttentionPart(nodes),
        LatentAttentionTensors<TensorView> => new LatentAttentionPart(nodes),
        _ => throw new ArgumentException($"There is no part for {tensors.GetType().Name}.", nameof(tensors)),
    };
}
