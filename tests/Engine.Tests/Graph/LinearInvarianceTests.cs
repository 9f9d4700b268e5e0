using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Graph;

/// <summary>A row's product does not depend on how many rows are multiplied with it.</summary>
public sealed class LinearInvarianceTests
{
    private const int Columns = 200;
    private const int Outputs = 330;
    private const int MostRows = 512;

    private static readonly int[] RowCounts =
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 127, 129, 255, 256, 257, 400, 511];

    [Fact]
    public void Run_F32AnyRowCount_SameBits() => CheckRowCounts(loader => new FloatLinear(loader));

    [Fact]
    public void Run_Int8AnyRowCount_SameBits() => CheckRowCounts(loader => new Int8Linear(loader, Int8Probe.Choose(OnnxRuntimeLibrary.Load())));

    [Fact]
    public void Run_Int8UnsignedAnyRowCount_SameBits() => CheckRowCounts(loader => new Int8Linear(loader, Int8Weights.Unsigned));

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void Run_Int4AnyRowCount_SameBits(int blockColumns) => CheckRowCounts(loader => new Int4Linear(loader, blockColumns));

    private static void CheckRowCounts(Func<WeightLoader, LinearFormat> create)
    {
        float[] input = LinearHarness.Numbers(MostRows * Columns, seed: 3);
        float[] whole = LinearHarness.Run(create, input, MostRows, Outputs);
        foreach (int rows in RowCounts)
        {
            float[] part = LinearHarness.Run(create, input[..(rows * Columns)], rows, Outputs);
            Assert.Equal(whole[..(rows * Outputs)], part);
        }
    }
}
