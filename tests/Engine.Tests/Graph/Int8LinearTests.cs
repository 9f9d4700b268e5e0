using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Graph;

public sealed class Int8LinearTests
{
    [Fact]
    public void Choose_ThisMachine_FindsExactForm() => Assert.True(Enum.IsDefined(Int8Probe.Choose(OnnxRuntimeLibrary.Load())));

    /// <summary>The form for processors whose signed products overflow must be right on every processor.</summary>
    [Fact]
    public void IsExact_UnsignedWeights_True() => Assert.True(Int8Probe.IsExact(OnnxRuntimeLibrary.Load(), Int8Weights.Unsigned));

    [Fact]
    public void Add_BothExactForms_SameBits()
    {
        Assert.SkipUnless(Int8Probe.IsExact(OnnxRuntimeLibrary.Load(), Int8Weights.Signed), "This processor's signed products overflow.");
        float[] input = LinearHarness.Numbers(9 * 130, seed: 1);

        Assert.Equal(
            LinearHarness.Run(loader => new Int8Linear(loader, Int8Weights.Signed), input, rows: 9, outputs: 75),
            LinearHarness.Run(loader => new Int8Linear(loader, Int8Weights.Unsigned), input, rows: 9, outputs: 75));
    }

    [Fact]
    public void Add_WithBias_NearF32()
    {
        float[] input = LinearHarness.Numbers(9 * 130, seed: 1);
        float[] exact = LinearHarness.Run(loader => new FloatLinear(loader), input, rows: 9, outputs: 75);
        Int8Weights form = Int8Probe.Choose(OnnxRuntimeLibrary.Load());
        float[] quantized = LinearHarness.Run(loader => new Int8Linear(loader, form), input, rows: 9, outputs: 75);

        double error = exact.Zip(quantized, (a, b) => Math.Pow(a - b, 2)).Sum() / exact.Sum(value => value * value);
        Assert.InRange(Math.Sqrt(error), 0, 0.02);
    }

    [Fact]
    public unsafe void Quantize_Matrix_TransposedWithRowScales()
    {
        float[] numbers = LinearHarness.Numbers(70 * 9, seed: 4);
        fixed (float* data = numbers)
        {
            var matrix = new WeightMatrix(new TensorView("w", TensorType.F32, [70, 9], (nint)data, numbers.Length * sizeof(float)));
            Int8Matrix quantized = new WeightLoader(threads: 2, totalBytes: 1, progress: null).QuantizeRows(matrix);
            (PageMemory weights, PageMemory scales) = (quantized.Values, quantized.Scales);
            using (weights)
            using (scales)
            {
                for (int i = 0; i < numbers.Length; i++)
                {
                    (int row, int column) = (i / 9, i % 9);
                    float scale = ((float*)scales.Address)[row];
                    float value = ((sbyte*)weights.Address)[(column * 70) + row] * scale;
                    Assert.InRange(value, numbers[i] - (0.51f * scale), numbers[i] + (0.51f * scale));
                }
            }
        }
    }
}
