using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>4-bit weights with a scale per block; activations are quantised to 8 bits per block of a token, inside the operator.</summary>
/// <remarks>
/// The operator always gets blocks of 32, a wider block as several with one scale: with wide blocks its results for a row depend on how many
/// rows there are (measured: blocks of 128, and accuracy level 0).
/// </remarks>
internal sealed unsafe class Int4Linear(WeightLoader loader, int blockColumns) : LinearFormat
{
    private const int OperatorBlock = 32;

    /// <summary>Multiply integers: the accuracy level that has fast kernels.</summary>
    private const int IntegerProducts = 4;

    public override string Add(GraphBuilder graph, string name, string input, WeightMatrix matrix, string? bias)
    {
        (PageMemory values, PageMemory blockScales) = Pack(loader.QuantizeBlocks(matrix, blockColumns));
        int blocks = Blocks(matrix.Columns);
        string weights = graph.Constant($"{name}.weight", TensorElement.U8, [matrix.Rows, blocks, OperatorBlock / 2], values);
        string scales = graph.Constant($"{name}.scale", TensorElement.F32, [matrix.Rows, blocks], blockScales);
        string product = graph.Node(
            GraphBuilder.Microsoft,
            "MatMulNBits",
            [input, weights, scales],
            new NodeAttribute("K", matrix.Columns),
            new NodeAttribute("N", matrix.Rows),
            new NodeAttribute("bits", 4),
            new NodeAttribute("block_size", OperatorBlock),
            new NodeAttribute("accuracy_level", IntegerProducts));
        return bias is null ? product : graph.Node(GraphBuilder.Standard, "Add", [product, bias]);
    }

    private static int Blocks(int columns) => (columns + OperatorBlock - 1) / OperatorBlock;

    /// <summary>Cuts blocks into the operator's; takes the matrix over.</summary>
    private static (PageMemory Values, PageMemory Scales) Pack(Int4Matrix matrix)
    {
        if (matrix.BlockColumns == OperatorBlock)
        {
            return (matrix.Values, matrix.Scales);
        }

        var packed = Int4Matrix.Allocate(matrix.Rows, matrix.Columns, OperatorBlock);
        int rowBytes = packed.Blocks * OperatorBlock / 2;
        int storedRowBytes = matrix.Blocks * matrix.BlockColumns / 2;
        for (long row = 0; row < matrix.Rows; row++)
        {
            new ReadOnlySpan<byte>((byte*)matrix.Values.Address + (row * storedRowBytes), rowBytes)
                .CopyTo(new Span<byte>((byte*)packed.Values.Address + (row * rowBytes), rowBytes));
            for (int block = 0; block < packed.Blocks; block++)
            {
                ((float*)packed.Scales.Address)[(row * packed.Blocks) + block] =
                    ((float*)matrix.Scales.Address)[(row * matrix.Blocks) + (block * OperatorBlock / matrix.BlockColumns)];
            }
        }

        matrix.Values.Dispose();
        matrix.Scales.Dispose();
        return (packed.Values, packed.Scales);
    }
}
