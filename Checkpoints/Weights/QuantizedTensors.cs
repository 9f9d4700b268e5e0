namespace GlmCluster.Checkpoints.Weights;

/// <summary>
/// Matrices as ChatGLM's own int8 and int4 releases store them: a <c>weight</c> of whole numbers [out, in·bits/8] and a <c>weight_scale</c> [out];
/// weight = number · scale. Layout: quantization.py of the THUDM/chatglm2-6b-int4 repository.
/// </summary>
public static class QuantizedTensors
{
    /// <summary>One row's numbers as they are stored.</summary>
    /// <param name="tensor">With <see cref="TensorView.RowScales"/>.</param>
    /// <param name="row">Index of the row.</param>
    /// <param name="numbers">Receives as many numbers as the row has.</param>
    /// <returns>The row's scale.</returns>
    public static unsafe float ReadNumbers(TensorView tensor, long row, Span<sbyte> numbers)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(tensor.RowScales);
        long columns = tensor.Shape[1];
        ArgumentOutOfRangeException.ThrowIfNotEqual(numbers.Length, columns);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)tensor.Shape[0], nameof(row));
        if (tensor.IsNibbles)
        {
            Unpack(new ReadOnlySpan<byte>((byte*)tensor.Address + (row * columns / 2), (int)columns / 2), numbers);
        }
        else
        {
            new ReadOnlySpan<sbyte>((sbyte*)tensor.Address + (row * columns), (int)columns).CopyTo(numbers);
        }

        Span<float> scale = stackalloc float[1];
        TensorConverter.Read(tensor.RowScales, row, scale);
        return scale[0];
    }

    /// <exception cref="CheckpointException">The matrix has no scales, or a shape that the configuration does not ask for.</exception>
    internal static TensorView Read(TensorSlot slot, TensorView tensor, IWeightSource source)
    {
        string scaleName = $"{slot.Name}_scale";
        TensorView scales = source.Find(scaleName)
            ?? throw new CheckpointException($"Tensor \"{slot.Name}\" has type I8, and there is no \"{scaleName}\" with its scales.");
        (long rows, long columns) = (slot.Shape[0], slot.Shape[1]);
        bool isNibbles = tensor.Shape is [var storedRows, var storedColumns] && storedRows == rows && storedColumns * 2 == columns;
        if (!isNibbles && !tensor.Shape.AsSpan().SequenceEqual(slot.Shape.AsSpan()))
        {
            throw new CheckpointException(
                $"Tensor \"{slot.Name}\" has shape {DecoderWeightsReader.Shown(tensor.Shape)}, but config.json asks for "
                + $"{DecoderWeightsReader.Shown(slot.Shape)}, or half as many columns with 4 bits.");
        }

        if (scales.Type is not (TensorType.F32 or TensorType.F16 or TensorType.BF16) || !scales.Shape.AsSpan().SequenceEqual([rows]))
        {
            throw new CheckpointException(
                $"Tensor \"{scaleName}\" has type {scales.Type} and shape {DecoderWeightsReader.Shown(scales.Shape)}; expected: F32, F16 or BF16 and [{rows}].");
        }

        return tensor with { Shape = slot.Shape, RowScales = scales, IsNibbles = isNibbles };
    }

    /// <summary>Widens one row.</summary>
    internal static void ReadRow(TensorView tensor, long firstElement, Span<float> destination)
    {
        if (destination.Length != tensor.Shape[1] || firstElement % tensor.Shape[1] != 0)
        {
            throw new ArgumentException($"Tensor \"{tensor.Name}\" has row scales and is read a row at a time.", nameof(destination));
        }

        sbyte[] numbers = new sbyte[destination.Length];
        float scale = ReadNumbers(tensor, firstElement / tensor.Shape[1], numbers);
        for (int i = 0; i < numbers.Length; i++)
        {
            destination[i] = numbers[i] * scale;
        }
    }

    private static void Unpack(ReadOnlySpan<byte> pairs, Span<sbyte> numbers)
    {
        for (int i = 0; i < pairs.Length; i++)
        {
            numbers[2 * i] = (sbyte)((sbyte)pairs[i] >> 4);
            numbers[(2 * i) + 1] = (sbyte)((sbyte)(pairs[i] << 4) >> 4);
        }
    }
}
