using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Linears;

namespace GlmCluster.Engine.Tests.Graph;

public sealed class Int4LinearTests
{
    private const int Rows = 9;
    private const int Columns = 200; // no multiple of a block
    private const int Outputs = 75;

    /// <summary>The operator reads what the quantiser wrote: its product is the product with the numbers and scales of the matrix.</summary>
    [Theory]
    [InlineData(32, 0.12)]
    [InlineData(128, 0.14)]
    public void Add_WithBias_NearF32(int blockColumns, double most)
    {
        float[] input = LinearHarness.Numbers(Rows * Columns, seed: 1);
        float[] exact = LinearHarness.Run(loader => new FloatLinear(loader), input, Rows, Outputs);
        float[] quantized = LinearHarness.Run(loader => new Int4Linear(loader, blockColumns), input, Rows, Outputs);

        Assert.InRange(RelativeError(exact, quantized), 0, most);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public unsafe void QuantizeBlocks_Matrix_WithinAStep(int blockColumns)
    {
        float[] numbers = LinearHarness.Numbers(Outputs * Columns, seed: 4);
        fixed (float* data = numbers)
        {
            var matrix = new WeightMatrix(new TensorView("w", TensorType.F32, [Outputs, Columns], (nint)data, numbers.Length * sizeof(float)));
            Int4Matrix quantized = new WeightLoader(threads: 2, totalBytes: 1, progress: null).QuantizeBlocks(matrix, blockColumns);
            using (quantized.Values)
            using (quantized.Scales)
            {
                for (int i = 0; i < numbers.Length; i++)
                {
                    (float value, float scale) = Dequantize(quantized, i / Columns, i % Columns);

                    // Half a step, or more where the largest weights are cut off at -8 and 7.
                    Assert.InRange(value, numbers[i] - (1.2f * MathF.Abs(scale)), numbers[i] + (1.2f * MathF.Abs(scale)));
                }
            }
        }
    }

    [Fact]
    public void Quantize_WholeNumbersTimesScale_Exact()
    {
        float[] weights = [.. Enumerable.Range(0, 32).Select(i => 0.25f * ((i % 16) - 8))];
        byte[] target = new byte[16];

        float scale = BlockQuantization.Quantize(weights, target);

        Assert.Equal(0.25f, scale);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => i % 16), target.SelectMany(pair => new[] { pair & 15, pair >> 4 }));
    }

    [Fact]
    public void Quantize_Zeros_ZeroScale()
    {
        byte[] target = new byte[16];

        Assert.Equal(0, BlockQuantization.Quantize(new float[32], target));
        Assert.All(target, pair => Assert.Equal(0x88, pair));
    }

    internal static double RelativeError(float[] exact, float[] other) =>
        Math.Sqrt(exact.Zip(other, (a, b) => Math.Pow(a - b, 2)).Sum() / exact.Sum(value => value * value));

    private static unsafe (float Value, float Scale) Dequantize(Int4Matrix matrix, int row, int column)
    {
        int block = (row * matrix.Blocks) + (column / matrix.BlockColumns);
        byte pair = ((byte*)matrix.Values.Address)[((block * matrix.BlockColumns) + (column % matrix.BlockColumns)) / 2];
        float scale = ((float*)matrix.Scales.Address)[block];
        return (((column % 2 == 0 ? pair & 15 : pair >> 4) - Int4Matrix.ZeroPoint) * scale, scale);
    }
}
