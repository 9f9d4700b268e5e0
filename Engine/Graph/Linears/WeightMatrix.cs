using System.Collections.Immutable;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>A stored matrix [rows = out, columns = in], in parts whose rows follow one another.</summary>
internal sealed class WeightMatrix
{
    public WeightMatrix(params ImmutableArray<TensorView> parts)
    {
        Parts = parts;
        Columns = checked((int)parts[0].Shape[^1]);
        Rows = checked((int)parts.Sum(part => part.Shape[0]));
    }

    public ImmutableArray<TensorView> Parts { get; }

    /// <summary>Names of the parts: what matrices are told apart by.</summary>
    public string Name => string.Join('+', Parts.Select(part => part.Name));

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Elements.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>Widens one row to f32.</summary>
    public void ReadRow(int row, Span<float> target)
    {
        foreach (TensorView part in Parts)
        {
            if (row < part.Shape[0])
            {
                TensorConverter.Read(part, (long)row * Columns, target);
                return;
            }

            row -= (int)part.Shape[0];
        }

        throw new ArgumentOutOfRangeException(nameof(row));
    }

    /// <summary>One row's numbers where the matrix is stored as whole numbers with a scale per row.</summary>
    /// <param name="numbers">As long as the row; overwritten only where the result is not null.</param>
    /// <returns>The scale; null where the row is stored otherwise, or with numbers beyond <paramref name="bits"/> bits.</returns>
    public float? TryReadNumbers(int row, int bits, Span<sbyte> numbers)
    {
        foreach (TensorView part in Parts)
        {
            if (row < part.Shape[0])
            {
                return part.RowScales is null || (bits == 4 && !part.IsNibbles) ? null : QuantizedTensors.ReadNumbers(part, row, numbers);
            }

            row -= (int)part.Shape[0];
        }

        throw new ArgumentOutOfRangeException(nameof(row));
    }

    /// <summary>Lets go of the memory that reading some rows has taken, where it is a file's.</summary>
    public void Release(int firstRow, int rows)
    {
        foreach (TensorView part in Parts)
        {
            long rowBytes = part.ByteLength / part.Shape[0];
            long first = Math.Clamp(firstRow, 0, part.Shape[0]);
            long end = Math.Clamp(firstRow + (long)rows, 0, part.Shape[0]);
            if (part.IsFileMapped)
            {
                FilePages.Release((nint)(part.Address + (first * rowBytes)), (end - first) * rowBytes);
            }

            firstRow -= (int)part.Shape[0];
        }
    }
}
