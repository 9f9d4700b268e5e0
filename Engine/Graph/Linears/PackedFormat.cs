using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Brings matrices into the form that our own kernels take, <see cref="PackedMatrix"/>, in a weight format.</summary>
/// <remarks>Products are of f32 activations and weights widened on the way: activations are not rounded.</remarks>
internal sealed unsafe class PackedFormat(WeightLoader loader, WeightFormat format)
{
    /// <summary>The value of the operator's attribute.</summary>
    public PackedElement Element => format switch
    {
        WeightFormat.F32 => PackedElement.F32,
        WeightFormat.Int8 => PackedElement.Bits8,
        _ when format.BlockColumns() is not null => PackedElement.Bits4,
        _ => throw new NotSupportedException($"Matrices cannot be packed as {format}."),
    };

    /// <summary>Columns that share a scale, for the operator's attribute; 0 where a row has one or none.</summary>
    public int ScaleColumns => format.BlockColumns() ?? 0;

    /// <summary>Adds matrices, all [rows, columns], as two constants.</summary>
    /// <returns>Names of the values and of the scales.</returns>
    public (string Values, string Scales) Add(GraphBuilder graph, string name, ImmutableArray<WeightMatrix> matrices)
    {
        (PageMemory values, PageMemory scales) = Pack(matrices);
        (int rows, int columns) = (matrices[0].Rows, matrices[0].Columns);
        return (
            graph.Constant($"{name}.weight", TensorElement.U8, [matrices.Length, rows, PackedMatrix.BytesOfRow(Element, columns)], values),
            graph.Constant($"{name}.scale", TensorElement.F32, [matrices.Length, rows, RowScales(columns)], scales));
    }

    /// <summary>Makes the form of <see cref="PackedMatrix"/>.</summary>
    public (PageMemory Values, PageMemory Scales) Pack(ImmutableArray<WeightMatrix> matrices)
    {
        (int rows, int columns) = (matrices[0].Rows, matrices[0].Columns);
        long valueBytes = matrices.Length * rows * PackedMatrix.BytesOfRow(Element, columns);
        long scaleBytes = (long)matrices.Length * rows * RowScales(columns) * sizeof(float);
        QuantizedPages pages = loader.FindOrQuantize(
            $"{matrices[0].Name} and {matrices.Length - 1} more, packed",
            [.. matrices.SelectMany(matrix => matrix.Parts)],
            valueBytes,
            scaleBytes,
            () => Quantize(matrices, new PageMemory(valueBytes), new PageMemory(scaleBytes)));
        return (pages.Values, pages.Scales);
    }

    private QuantizedPages Quantize(ImmutableArray<WeightMatrix> matrices, PageMemory values, PageMemory scales)
    {
        (int rows, int columns) = (matrices[0].Rows, matrices[0].Columns);
        long rowBytes = PackedMatrix.BytesOfRow(Element, columns);
        int rowScales = RowScales(columns);
        (nint valueAddress, nint scaleAddress) = (values.Address, scales.Address);
        for (int matrix = 0; matrix < matrices.Length; matrix++)
        {
            long firstRow = (long)matrix * rows;
            loader.ReadRows(matrices[matrix], PackedMatrix.PadColumns(columns), (row, weights) => Write(
                weights,
                columns,
                (byte*)valueAddress + ((firstRow + row) * rowBytes),
                (float*)scaleAddress + ((firstRow + row) * rowScales)));
        }

        return new QuantizedPages(values, scales);
    }

    /// <summary>Scales of a row; f32 rows have one that nobody reads, for a constant must not be empty.</summary>
    private int RowScales(int columns) => format.BlockColumns() is int block ? (columns + block - 1) / block : 1;

    /// <param name="weights">A row, filled up with zeros; overwritten.</param>
    private void Write(Span<float> weights, int columns, byte* values, float* scales)
    {
        switch (Element)
        {
            case PackedElement.F32:
                weights[..columns].CopyTo(new Span<float>(values, columns));
                break;
            case PackedElement.Bits8:
                scales[0] = RowQuantization.Quantize(weights, new Span<sbyte>(values, weights.Length));
                break;
            default:
                WriteBits4(weights, values, scales);
                break;
        }
    }

    private void WriteBits4(Span<float> weights, byte* values, float* scales)
    {
        int block = format.BlockColumns()!.Value;
        Span<byte> pairs = stackalloc byte[block / 2];
        for (int first = 0, index = 0; first < weights.Length; first += block, index++)
        {
            Span<float> part = weights[first..Math.Min(weights.Length, first + block)];
            scales[index] = BlockQuantization.Quantize(part, pairs[..(part.Length / 2)]);
            for (int i = 0; i < part.Length; i++)
            {
                int number = (pairs[i / 2] >> (i % 2 * 4)) & 0x0F;
                int column = (first + i) % PackedMatrix.RowStep;
                byte* target = values + ((first + i - column) / 2) + (column % (PackedMatrix.RowStep / 2));
                *target = (byte)(column < PackedMatrix.RowStep / 2 ? number : *target | (number << 4));
            }
        }
    }
}
