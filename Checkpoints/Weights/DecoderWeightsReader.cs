using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>Finds a decoder's tensors under their family's names and checks type and shape of each.</summary>
public static class DecoderWeightsReader
{
    /// <summary>Reads no element, only names and shapes.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or not as the configuration asks; names it.</exception>
    public static DecoderWeights Read(DecoderConfiguration configuration, IWeightSource source)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(source);
        DecoderLayout layout = DecoderLayout.For(configuration);
        TensorView embedding = Find(layout.Embedding, source);
        return new DecoderWeights
        {
            Embedding = embedding,

            // A stored head wins even where the flag says tied: published folders have both.
            Head = configuration.TiedHead ? TryFind(layout.Head, source) ?? embedding : Find(layout.Head, source),
            FinalNorm = layout.FinalNorm.Map(slot => Find(slot, source)),
            Layers = [.. layout.Layers.Select(layer => layer.Map(slot => Find(slot, source)))],
        };
    }

    private static TensorView Find(TensorSlot slot, IWeightSource source) => TryFind(slot, source)
        ?? throw new CheckpointException($"The weights lack tensor \"{slot.Name}\" {Shown(slot.Shape)}, which config.json asks for.");

    private static TensorView? TryFind(TensorSlot slot, IWeightSource source) =>
        source.Find(slot.Name) is TensorView tensor ? Check(slot, tensor, source) : null;

    /// <exception cref="CheckpointException">The tensor is not what belongs into the slot.</exception>
    internal static TensorView Check(TensorSlot slot, TensorView tensor, IWeightSource source)
    {
        if (tensor.Type == TensorType.I8 && slot.Role == TensorRole.Matrix)
        {
            return QuantizedTensors.Read(slot, tensor, source);
        }

        if (tensor.Type is not (TensorType.F32 or TensorType.F16 or TensorType.BF16))
        {
            throw new CheckpointException($"Tensor \"{slot.Name}\" has type {tensor.Type}; supported: F32, F16, BF16.");
        }

        return tensor.Shape.AsSpan().SequenceEqual(slot.Shape.AsSpan())
            ? tensor
            : throw new CheckpointException(
                $"Tensor \"{slot.Name}\" has shape {Shown(tensor.Shape)}, but config.json asks for {Shown(slot.Shape)}.");
    }

    internal static string Shown(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
