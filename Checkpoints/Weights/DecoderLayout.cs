using System.Collections.Immutable;
using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>What a tensor is for, as far as making one up needs to know.</summary>
public enum TensorRole
{
    /// <summary>A matrix that is kept in the chosen weight format.</summary>
    Matrix,

    /// <summary>A matrix that is kept in f32 whatever the weight format.</summary>
    Router,
    Bias,
    Norm,
}

/// <summary>A tensor that a family stores: its name and the shape the configuration asks for.</summary>
public sealed record TensorSlot(string Name, TensorRole Role, ImmutableArray<long> Shape)
{
    public long Elements => Shape.Aggregate(1L, (product, dimension) => product * dimension);
}

/// <summary>Names and shapes of all tensors of a decoder; the counterpart of <see cref="DecoderWeights"/> before anything is read.</summary>
public sealed record DecoderLayout(
    TensorSlot Embedding, TensorSlot Head, NormTensors<TensorSlot> FinalNorm, ImmutableArray<LayerTensors<TensorSlot>> Layers)
{
    public static DecoderLayout For(DecoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.Family.CreateLayout(configuration);
    }

    public IEnumerable<TensorSlot> Slots =>
        Layers.SelectMany(layer => layer.All()).Concat(new[] { Embedding, Head, FinalNorm.Weight, FinalNorm.Bias }.OfType<TensorSlot>());
}
