using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>The tensors of a decoder by their role, whatever the family calls them; shapes already checked against the configuration.</summary>
public sealed record DecoderWeights
{
    /// <summary>[vocabulary, hidden].</summary>
    public required TensorView Embedding { get; init; }

    /// <summary>[vocabulary, hidden]; the embedding itself where it is tied and no head is stored.</summary>
    public required TensorView Head { get; init; }

    public required NormTensors<TensorView> FinalNorm { get; init; }

    public required ImmutableArray<LayerTensors<TensorView>> Layers { get; init; }

    /// <summary>All tensors; a head that is the embedding counts twice, for it is stored once more where it is multiplied by.</summary>
    public IEnumerable<TensorView> All =>
        Layers.SelectMany(layer => layer.All()).Concat(new[] { Embedding, Head, FinalNorm.Weight, FinalNorm.Bias }.OfType<TensorView>());
}
