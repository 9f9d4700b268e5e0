using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>A kind of attention: what it needs from outside and what it adds per layer, up to its output projection.</summary>
internal abstract class AttentionPart
{
    /// <summary>Declares the caches and constants that all its layers use.</summary>
    /// <param name="layers">Which are there.</param>
    /// <param name="positions">Most tokens of a sequence.</param>
    /// <param name="blocks">Blocks of the KV cache.</param>
    public abstract void AddInputs(LayerRange layers, int positions, int blocks, KvFormat kvFormat);

    /// <summary>Adds one layer's attention.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="normed">Shape (tokens, hidden).</param>
    /// <returns>Shape (tokens, heads · value width).</returns>
    public abstract string Add(int layer, AttentionTensors<TensorView> tensors, string normed);

    /// <summary>Chooses by the tensors.</summary>
    public static AttentionPart For(AttentionTensors<TensorView> tensors, DecoderNodes nodes) => tensors switch
    {
        GroupedAttentionTensors<TensorView> => new GroupedAttentionPart(nodes),
        _ => throw new ArgumentException($"There is no part for {tensors.GetType().Name}.", nameof(tensors)),
    };
}
