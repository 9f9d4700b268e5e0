using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>Names and shapes of an encoder's tensors, and where a folder has them.</summary>
public static class EncoderLayout
{
    /// <summary>The names of Hugging Face transformers, without a prefix.</summary>
    public static EncoderTensors<TensorSlot> Create(EncoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        (long hidden, long width) = (configuration.HiddenSize, configuration.FeedForwardSize);
        return new EncoderTensors<TensorSlot>(
            Table("word", configuration.VocabularySize, hidden),
            Table("position", configuration.Positions, hidden),
            Table("token_type", configuration.TokenTypes, hidden),
            Norm("embeddings.", hidden),
            [.. Enumerable.Range(0, configuration.Layers).Select(index => Layer($"encoder.layer.{index}.", hidden, width))]);
    }

    /// <summary>Finds the tensors, with or without the family's prefix, norms also under their old names; reads no element.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or not as the configuration asks; names it.</exception>
    public static EncoderTensors<TensorView> Read(EncoderConfiguration configuration, IWeightSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Create(configuration).Map(slot => Find(configuration.Family, slot, source));
    }

    private static TensorView Find(EncoderFamily family, TensorSlot slot, IWeightSource source)
    {
        string old = slot.Name
            .Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
            .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);
        foreach (string name in (ReadOnlySpan<string>)[slot.Name, family.TensorPrefix + slot.Name, old, family.TensorPrefix + old])
        {
            if (source.Find(name) is TensorView tensor)
            {
                return DecoderWeightsReader.Check(slot with { Name = name }, tensor, source);
            }
        }

        throw new CheckpointException(
            $"The weights lack tensor \"{slot.Name}\" {DecoderWeightsReader.Shown(slot.Shape)}, which config.json asks for; "
            + $"its name may begin with \"{family.TensorPrefix}\".");
    }

    private static EncoderLayerTensors<TensorSlot> Layer(string prefix, long hidden, long width) => new(
        Linear([prefix + "attention.self.query", prefix + "attention.self.key", prefix + "attention.self.value"], hidden, hidden),
        Linear([prefix + "attention.output.dense"], hidden, hidden),
        Norm(prefix + "attention.output.", hidden),
        Linear([prefix + "intermediate.dense"], width, hidden),
        Linear([prefix + "output.dense"], hidden, width),
        Norm(prefix + "output.", hidden));

    private static TensorSlot Table(string name, long rows, long hidden) =>
        new($"embeddings.{name}_embeddings.weight", TensorRole.Matrix, [rows, hidden]);

    private static LinearTensors<TensorSlot> Linear(string[] names, long rows, long columns) => new(
        [.. names.Select(name => new TensorSlot(name + ".weight", TensorRole.Matrix, [rows, columns]))],
        [.. names.Select(name => new TensorSlot(name + ".bias", TensorRole.Bias, [rows]))]);

    private static NormTensors<TensorSlot> Norm(string prefix, long hidden) => new(
        new TensorSlot(prefix + "LayerNorm.weight", TensorRole.Norm, [hidden]),
        new TensorSlot(prefix + "LayerNorm.bias", TensorRole.Bias, [hidden]));
}
