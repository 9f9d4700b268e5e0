using System.Collections.Immutable;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>All tensors of an encoder by role. The pooler that files also have is not used.</summary>
/// <typeparam name="T"><see cref="TensorSlot"/> before anything is read, <see cref="TensorView"/> after.</typeparam>
/// <param name="Words">[vocabulary, hidden].</param>
/// <param name="Positions">[positions, hidden].</param>
/// <param name="TokenTypes">[types, hidden]; texts have type 0.</param>
/// <param name="EmbeddingNorm">Of the sum of the three.</param>
/// <param name="Layers">In order.</param>
public sealed record EncoderTensors<T>(
    T Words, T Positions, T TokenTypes, NormTensors<T> EmbeddingNorm, ImmutableArray<EncoderLayerTensors<T>> Layers)
    where T : class
{
    public EncoderTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class =>
        new(map(Words), map(Positions), map(TokenTypes), EmbeddingNorm.Map(map), [.. Layers.Select(layer => layer.Map(map))]);

    /// <summary>All tensors, each once.</summary>
    public IReadOnlyList<T> All()
    {
        List<T> all = [];
        Map(tensor =>
        {
            all.Add(tensor);
            return tensor;
        });
        return all;
    }
}

/// <summary>One layer: x = norm(x + attention(x)), then x = norm(x + down · gelu(up · x)). All linear layers have a bias.</summary>
/// <param name="QueryKeyValue">Rows q, k, v: [3·hidden, hidden].</param>
/// <param name="AttentionOutput">[hidden, hidden].</param>
/// <param name="AttentionNorm">After attention.</param>
/// <param name="Up">[width, hidden].</param>
/// <param name="Down">[hidden, width].</param>
/// <param name="FeedForwardNorm">After the feed-forward.</param>
public sealed record EncoderLayerTensors<T>(
    LinearTensors<T> QueryKeyValue,
    LinearTensors<T> AttentionOutput,
    NormTensors<T> AttentionNorm,
    LinearTensors<T> Up,
    LinearTensors<T> Down,
    NormTensors<T> FeedForwardNorm)
    where T : class
{
    public EncoderLayerTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class => new(
        QueryKeyValue.Map(map), AttentionOutput.Map(map), AttentionNorm.Map(map), Up.Map(map), Down.Map(map), FeedForwardNorm.Map(map));
}
