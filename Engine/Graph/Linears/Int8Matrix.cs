using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>A matrix [rows, columns] of signed bytes from -127 to 127 with one scale per row: weight ≈ byte · scale.</summary>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Values">Shape (columns, rows): transposed, as the integer product takes it.</param>
/// <param name="Scales">Shape (rows,), f32; 0 for a row of zeros.</param>
internal sealed record Int8Matrix(int Rows, int Columns, PageMemory Values, PageMemory Scales)
{
    public static long ValueBytes(int rows, int columns) => (long)rows * columns;

    public static long ScaleBytes(int rows) => (long)rows * sizeof(float);

    public static Int8Matrix Allocate(int rows, int columns) =>
        new(rows, columns, new PageMemory(ValueBytes(rows, columns)), new PageMemory(ScaleBytes(rows)));
}
