using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>One layer of a decoder by role, whatever the family calls its tensors.</summary>
/// <typeparam name="T"><see cref="TensorSlot"/> before anything is read, <see cref="TensorView"/> after.</typeparam>
/// <param name="InputNorm">Before attention.</param>
/// <param name="Attention">Which kind it is says what is computed.</param>
/// <param name="AttentionOutputNorm">On the attention's output; null: none.</param>
/// <param name="FeedForwardNorm">Before the feed-forward.</param>
/// <param name="FeedForward">Which kind it is says what is computed.</param>
/// <param name="FeedForwardOutputNorm">On the feed-forward's output; null: none.</param>
public sealed record LayerTensors<T>(
    NormTensors<T> InputNorm,
    AttentionTensors<T> Attention,
    NormTensors<T>? AttentionOutputNorm,
    NormTensors<T> FeedForwardNorm,
    FeedForwardTensors<T> FeedForward,
    NormTensors<T>? FeedForwardOutputNorm)
    where T : class
{
    /// <summary>The same layer of other things, each made from one of these.</summary>
    public LayerTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class => new(
        InputNorm.Map(map),
        Attention.Map(map),
        AttentionOutputNorm?.Map(map),
        FeedForwardNorm.Map(map),
        FeedForward.Map(map),
        FeedForwardOutputNorm?.Map(map));

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

/// <summary>A norm over the hidden width: a weight and, where it centres too, a bias, both of shape [width].</summary>
public sealed record NormTensors<T>(T Weight, T? Bias = null)
    where T : class
{
    public NormTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class => new(map(Weight), Bias is null ? null : map(Bias));
}

/// <summary>A matrix [out, in] in parts whose rows follow one another, and its bias [out] in as many parts; empty: none.</summary>
public sealed record LinearTensors<T>(ImmutableArray<T> Weight, ImmutableArray<T> Bias)
    where T : class
{
    public LinearTensors(T weight)
        : this([weight], [])
    {
    }

    public LinearTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class => new([.. Weight.Select(map)], [.. Bias.Select(map)]);
}

/// <summary>An attention's tensors.</summary>
/// <param name="Output">[hidden, heads · value width].</param>
public abstract record AttentionTensors<T>(LinearTensors<T> Output)
    where T : class
{
    public abstract AttentionTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class;
}

/// <summary>Heads in groups that share a key and value head.</summary>
/// <param name="QueryKeyValue">Rows q, k, v: [(heads + 2·kvHeads)·headDim, hidden].</param>
/// <param name="QueryNorm">[headDim], of every query head; null: none.</param>
/// <param name="KeyNorm">[headDim], of every key head; null: none.</param>
public sealed record GroupedAttentionTensors<T>(
    LinearTensors<T> QueryKeyValue, LinearTensors<T> Output, NormTensors<T>? QueryNorm = null, NormTensors<T>? KeyNorm = null)
    : AttentionTensors<T>(Output)
    where T : class
{
    public override AttentionTensors<TOther> Map<TOther>(Func<T, TOther> map) =>
        new GroupedAttentionTensors<TOther>(QueryKeyValue.Map(map), Output.Map(map), QueryNorm?.Map(map), KeyNorm?.Map(map));
}

/// <summary>Multi-head latent attention; widths as in <see cref="Configuration.LatentConfiguration"/>.</summary>
/// <param name="QueryDown">[queryWidth, hidden].</param>
/// <param name="QueryNorm">[queryWidth].</param>
/// <param name="QueryUp">Per head plain and rotated rows: [heads·(plainDim + rotaryDim), queryWidth].</param>
/// <param name="KeyValueDown">[latentWidth + rotaryDim, hidden].</param>
/// <param name="KeyValueNorm">[latentWidth].</param>
/// <param name="KeyValueUp">Per head rows of keys and of values: [heads·(plainDim + valueDim), latentWidth].</param>
public sealed record LatentAttentionTensors<T>(
    LinearTensors<T> QueryDown,
    NormTensors<T> QueryNorm,
    LinearTensors<T> QueryUp,
    LinearTensors<T> KeyValueDown,
    NormTensors<T> KeyValueNorm,
    LinearTensors<T> KeyValueUp,
    LinearTensors<T> Output) : AttentionTensors<T>(Output)
    where T : class
{
    public override AttentionTensors<TOther> Map<TOther>(Func<T, TOther> map) => new LatentAttentionTensors<TOther>(
        QueryDown.Map(map),
        QueryNorm.Map(map),
        QueryUp.Map(map),
        KeyValueDown.Map(map),
        KeyValueNorm.Map(map),
        KeyValueUp.Map(map),
        Output.Map(map));
}

/// <summary>A feed-forward's tensors.</summary>
public abstract record FeedForwardTensors<T>
    where T : class
{
    public abstract FeedForwardTensors<TOther> Map<TOther>(Func<T, TOther> map)
        where TOther : class;
}

/// <summary>down · (silu(gate) ⊙ up).</summary>
/// <param name="GateUp">[2·width, hidden], gate rows first.</param>
/// <param name="Down">[hidden, width].</param>
public sealed record GatedFeedForwardTensors<T>(LinearTensors<T> GateUp, LinearTensors<T> Down) : FeedForwardTensors<T>
    where T : class
{
    public override FeedForwardTensors<TOther> Map<TOther>(Func<T, TOther> map) =>
        new GatedFeedForwardTensors<TOther>(GateUp.Map(map), Down.Map(map));
}

/// <summary>down · gelu(up).</summary>
/// <param name="Up">[width, hidden].</param>
/// <param name="Down">[hidden, width].</param>
public sealed record PlainFeedForwardTensors<T>(LinearTensors<T> Up, LinearTensors<T> Down) : FeedForwardTensors<T>
    where T : class
{
    public override FeedForwardTensors<TOther> Map<TOther>(Func<T, TOther> map) => new PlainFeedForwardTensors<TOther>(Up.Map(map), Down.Map(map));
}

/// <summary>A mixture of experts: Σ weight · expert(x) + shared(x).</summary>
/// <param name="Router">[experts, hidden]; its products are always in f32.</param>
/// <param name="Correction">[experts], counts for the choice of experts only.</param>
/// <param name="Experts">All of one shape.</param>
/// <param name="Shared">What every token goes to besides; null: nothing.</param>
public sealed record ExpertFeedForwardTensors<T>(
    T Router, T Correction, ImmutableArray<GatedFeedForwardTensors<T>> Experts, GatedFeedForwardTensors<T>? Shared) : FeedForwardTensors<T>
    where T : class
{
    public override FeedForwardTensors<TOther> Map<TOther>(Func<T, TOther> map) => new ExpertFeedForwardTensors<TOther>(
        map(Router),
        map(Correction),
        [.. Experts.Select(expert => (GatedFeedForwardTensors<TOther>)expert.Map(map))],
        (GatedFeedForwardTensors<TOther>?)Shared?.Map(map));
}
