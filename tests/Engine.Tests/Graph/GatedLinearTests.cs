using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Graph;

/// <summary>A product with gated rows is the product with rows that were gated before, bit for bit.</summary>
public sealed unsafe class GatedLinearTests
{
    private const int Rows = 9;
    private const int Columns = 130;
    private const int Outputs = 75;

    [Fact]
    public void AddGated_F32_AsGatedBefore() => Check(loader => new FloatLinear(loader));

    [Fact]
    public void AddGated_Int8_AsGatedBefore() => Check(loader => new Int8Linear(loader, Int8Probe.Choose(OnnxRuntimeLibrary.Load())));

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void AddGated_Int4_AsGatedBefore(int blockColumns) => Check(loader => new Int4Linear(loader, blockColumns));

    private static void Check(Func<WeightLoader, LinearFormat> create)
    {
        float[] input = LinearHarness.Numbers(Rows * 2 * Columns, seed: 1);
        float[] gated = new float[Rows * Columns];
        fixed (float* source = input, target = gated)
        {
            for (int row = 0; row < Rows; row++)
            {
                GatedActivation.Create(SimdWidths.Widest).Compute(source + (row * 2 * Columns), Columns, target + (row * Columns));
            }
        }

        float[] expected = LinearHarness.Run(create, gated, Rows, Outputs);

        Assert.Equal(expected, LinearHarness.Run(create, input, Rows, Outputs, isGated: true));
    }
}
