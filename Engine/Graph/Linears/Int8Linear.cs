using System.Numerics.Tensors;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Weights as bytes with one scale per output row; activations are quantised per token. Products are summed exactly in integers.</summary>
/// <remarks>The bias is a node of its own: inside the product it would be multiplied by the token's scale.</remarks>
internal sealed class Int8Linear(WeightLoader loader, Int8Weights form) : LinearFormat
{
    public override string Add(GraphBuilder graph, string name, string input, WeightMatrix matrix, string? bias) =>
        Add(graph, name, input, RowActivation.None, matrix, bias);

    public override string AddGated(GraphBuilder graph, string name, string gateUp, WeightMatrix matrix, string? bias) =>
        Add(graph, name, gateUp, RowActivation.SwiGlu, matrix, bias);

    public override string AddActivated(GraphBuilder graph, string name, string up, WeightMatrix matrix, string? bias) =>
        Add(graph, name, up, RowActivation.Gelu, matrix, bias);

    private string Add(GraphBuilder graph, string name, string input, RowActivation activation, WeightMatrix matrix, string? bias)
    {
        Int8Matrix quantized = loader.QuantizeRows(matrix);
        if (form == Int8Weights.Unsigned)
        {
            MakeUnsigned(quantized.Values);
        }

        string weights = graph.Constant($"{name}.weight", form.Element(), [matrix.Columns, matrix.Rows], quantized.Values);
        string weightScales = graph.Constant($"{name}.scale", TensorElement.F32, [matrix.Rows], quantized.Scales);

        (string rows, string rowScales) = (graph.Fresh("rows"), graph.Fresh("scales"));
        graph.Node(GraphBuilder.Own, QuantizeRowsOperator.OperatorName, [input], [rows, rowScales], new NodeAttribute(QuantizeRowsOperator.Activation, (long)activation));
        string product = form.AddProduct(graph, name, rows, rowScales, weights, weightScales);
        return bias is null ? product : graph.Node(GraphBuilder.Standard, "Add", [product, bias]);
    }

    private static unsafe void MakeUnsigned(PageMemory values)
    {
        const int ChunkBytes = 1 << 30;
        for (long offset = 0; offset < values.ByteLength; offset += ChunkBytes)
        {
            var chunk = new Span<byte>((byte*)values.Address + offset, (int)Math.Min(ChunkBytes, values.ByteLength - offset));
            TensorPrimitives.Add(chunk, QuantizeRowsOperator.ZeroPoint, chunk);
        }
    }
}
