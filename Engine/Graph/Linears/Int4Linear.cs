using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>4-bit weights with a scale per block; activations are quantised to 8 bits per 32 columns of a token, inside the operator.</summary>
/// <remarks>
/// ONNX Runtime's <c>MatMulNBits</c> is not used: it stays near 100 GFLOP/s a core, half of what this operator reaches, and with blocks of 128
/// its results for a row depend on how many rows there are.
/// </remarks>
internal sealed unsafe class Int4Linear(WeightLoader loader, int blockColumns) : LinearFormat
{
    public override string Add(GraphBuilder graph, string name, string input, WeightMatrix matrix, string? bias) =>
        Add(graph, name, input, isGated: false, matrix, bias);

    public override string AddGated(GraphBuilder graph, string name, string gateUp, WeightMatrix matrix, string? bias) =>
        Add(graph, name, gateUp, isGated: true, matrix, bias);

    private string Add(GraphBuilder graph, string name, string input, bool isGated, WeightMatrix matrix, string? bias)
    {
        var layout = new Int4Layout(matrix.Rows, matrix.Columns, blockColumns);
        PageMemory packed = Pack(layout, loader.QuantizeBlocks(matrix, blockColumns));
        string weights = graph.Constant($"{name}.weight", TensorElement.U8, [layout.Tiles, layout.TileBytes], packed);
        return graph.Node(
            GraphBuilder.Own,
            Int4MatMulOperator.OperatorName,
            bias is null ? [input, weights] : [input, weights, bias],
            new NodeAttribute(Int4MatMulOperator.OutputCount, layout.Outputs),
            new NodeAttribute(Int4MatMulOperator.GroupColumns, layout.GroupColumns),
            new NodeAttribute(Int4MatMulOperator.Gated, isGated ? 1 : 0));
    }

    /// <summary>Arranges a matrix for the operator; takes it over.</summary>
    private PageMemory Pack(Int4Layout layout, Int4Matrix matrix)
    {
        var packed = new PageMemory((long)layout.Tiles * layout.TileBytes);
        (nint source, nint scales, nint target) = (matrix.Values.Address, matrix.Scales.Address, packed.Address);
        loader.ForEach(layout.Tiles, tile => layout.Pack(tile, (byte*)source, (float*)scales, (byte*)target + ((long)tile * layout.TileBytes)));
        matrix.Values.Dispose();
        matrix.Scales.Dispose();
        return packed;
    }
}
