using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>
/// A matrix [rows, columns] of 4-bit numbers with one scale per block of a row's columns, before any operator's own packing:
/// weight ≈ (nibble - 8) · scale.
/// </summary>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs. The last block of a row is filled up with zeros, which are nibbles of 8.</param>
/// <param name="BlockColumns">Columns that share a scale; even.</param>
/// <param name="Values">Shape (rows, blocks, block columns / 2) of bytes: the even column in the low nibble.</param>
/// <param name="Scales">Shape (rows, blocks), f32; may be negative, 0 for a block of zeros.</param>
internal sealed record Int4Matrix(int Rows, int Columns, int BlockColumns, PageMemory Values, PageMemory Scales)
{
    /// <summary>The nibble of zero.</summary>
    public const byte ZeroPoint = 8;

    /// <summary>Blocks of a row.</summary>
    public int Blocks => BlocksOf(Columns, BlockColumns);

    public static long ValueBytes(int rows, int columns, int blockColumns) => (long)rows * BlocksOf(columns, blockColumns) * (blockColumns / 2);

    public static long ScaleBytes(int rows, int columns, int blockColumns) => (long)rows * BlocksOf(columns, blockColumns) * sizeof(float);

    public static Int4Matrix Allocate(int rows, int columns, int blockColumns) => new(
        rows, columns, blockColumns, new PageMemory(ValueBytes(rows, columns, blockColumns)), new PageMemory(ScaleBytes(rows, columns, blockColumns)));

    private static int BlocksOf(int columns, int blockColumns) => (columns + blockColumns - 1) / blockColumns;
}
