using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels.Experts;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Experts;

/// <summary>Brings experts' matrices into the form that <see cref="ExpertFeedForwardOperator"/> takes, in a weight format.</summary>
/// <remarks>Products are of f32 activations and weights widened on the way: activations are not rounded.</remarks>
internal sealed unsafe class ExpertFormat(WeightLoader loader, WeightFormat format)
{
    /// <summary>The value of the operator's attribute.</summary>
    public ExpertElement Element => format switch
    {
        WeightFormat.F32 => ExpertElement.F32,
        WeightFormat.Int8 => ExpertElement.Bits8,
        _ when format.BlockColumns() is not null => ExpertElement.Bits4,
        _ => throw new NotSupportedException($"Experts cannot be kept as {format}."),
    };

    /// <summary>Columns that share a scale, for the operator's attribute; 0 where a row has one or none.</summary>
    public int ScaleColumns => format.BlockColumns() ?? 0;

    /// <summary>Adds the matrices of all experts of a layer, each [rows, columns], as two constants.</summary>
    /// <returns>Names of the values and of the scales.</returns>
    public (string Values, string Scales) Add(GraphBuilder graph, string name, ImmutableArray<WeightMatrix> experts)
    {
        (PageMemory values, PageMemory scales) = Pack(experts);
        (int rows, int columns) = (experts[0].Rows, experts[0].Columns);
        return (
            graph.Constant($"{name}.weight", TensorElement.U8, [experts.Length, rows, ExpertMatrix.BytesOfRow(Element, columns)], values),
            graph.Constant($"{name}.scale", TensorElement.F32, [experts.Length, rows, RowScales(columns)], scales));
    }

    /// <summary>Makes the form of <see cref="ExpertMatrix"/>.</summary>
    public (PageMemory Values, PageMemory Scales) Pack(ImmutableArray<WeightMatrix> experts)
    {
        (int rows, int columns) = (experts[0].Rows, experts[0].Columns);
        long rowBytes = ExpertMatrix.BytesOfRow(Element, columns);
        int rowScales = RowScales(columns);
        var values = new PageMemory(experts.Length * rows * rowBytes);
        var scales = new PageMemory((long)experts.Length * rows * rowScales * sizeof(float));
        (nint valueAddress, nint scaleAddress) = (values.Address, scales.Address);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            long firstRow = (long)expert * rows;
            loader.ReadRows(experts[expert], ExpertMatrix.PadColumns(columns), (row, weights) => Write(
                weights,
                columns,
                (byte*)valueAddress + ((firstRow + row) * rowBytes),
                (float*)scaleAddress + ((firstRow + row) * rowScales)));
        }

        return (values, scales);
    }

    /// <summary>Scales of a row; f32 rows have one that nobody reads, for a constant must not be empty.</summary>
    private int RowScales(int columns) => format.BlockColumns() is int block ? (columns + block - 1) / block : 1;

    /// <param name="weights">A row, filled up with zeros; overwritten.</param>
    private void Write(Span<float> weights, int columns, byte* values, float* scales)
    {
        switch (Element)
        {
            case ExpertElement.F32:
                weights[..columns].CopyTo(new Span<float>(values, columns));
                break;
            case ExpertElement.Bits8:
                scales[0] = RowQuantization.Quantize(weights, offset: 0, new Span<byte>(values, weights.Length));
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
                int column = (first + i) % ExpertMatrix.RowStep;
                byte* target = values + ((first + i - column) / 2) + (column % (ExpertMatrix.RowStep / 2));
                *target = (byte)(column < ExpertMatrix.RowStep / 2 ? number : *target | (number << 4));
            }
        }
    }
}
