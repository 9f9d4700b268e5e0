using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Kernels;

public sealed unsafe class Int4ProductTests
{
    /// <summary>Vector bits, outputs, columns, columns that share a scale, rows: whole and partial tiles, groups and steps of rows.</summary>
    public static TheoryData<int, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, int, int, int>();
            foreach (int bits in new[] { 128, 256, 512 })
            {
                data.Add(bits, 64, 128, 32, 1);
                data.Add(bits, 64, 256, 128, 4);
                data.Add(bits, 33, 200, 32, 3);
                data.Add(bits, 75, 200, 128, 7);
                data.Add(bits, 5, 30, 32, 2);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_AnyWidth_BitsOfTheFormula(int bits, int outputs, int columns, int groupColumns, int rows)
    {
        var width = (SimdWidth)bits;
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width} vectors.");
        var layout = new Int4Layout(outputs, columns, groupColumns);
        Matrix matrix = Matrix.Random(layout, seed: bits + rows);
        float[] input = [.. Numbers(rows * columns, seed: 2)];
        float[] bias = [.. Numbers(outputs, seed: 3)];

        float[] result = Run(width, layout, matrix, input, bias, rows);

        for (int i = 0; i < result.Length; i++)
        {
            float[] row = input[(i / outputs * columns)..((i / outputs * columns) + columns)];
            Assert.Equal(Formula(layout, matrix, row, i % outputs) + bias[i % outputs], result[i]);
        }
    }

    /// <summary>The largest numbers there are, with signs that add up, must not overflow 16 bits.</summary>
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Multiply_LargestNumbers_Exact(int bits)
    {
        var width = (SimdWidth)bits;
        Assert.SkipUnless(width.IsSupported(), $"This machine has no {width} vectors.");
        var layout = new Int4Layout(32, 32, 32);
        foreach ((byte pair, float value, float expected) in new[] { ((byte)0x00, 127f, -8f), ((byte)0x00, -127f, 8f), ((byte)0xFF, 127f, 7f), ((byte)0xFF, -127f, -7f) })
        {
            var matrix = new Matrix([.. Enumerable.Repeat(pair, 32 * 16)], [.. Enumerable.Repeat(1f, 32)]);
            float[] result = Run(width, layout, matrix, [.. Enumerable.Repeat(value, 32)], new float[32], rows: 1);

            Assert.All(result, sum => Assert.Equal(expected * 127 * 32, sum));
        }
    }

    [Fact]
    public void Multiply_NotANumber_OnlyItsOwnRowIs()
    {
        var layout = new Int4Layout(40, 64, 32);
        float[] input = [.. Numbers(3 * 64, seed: 5)];
        input[64 + 40] = float.NaN;

        float[] result = Run(SimdWidths.Widest, layout, Matrix.Random(layout, seed: 1), input, new float[40], rows: 3);

        Assert.All(result[..40], value => Assert.False(float.IsNaN(value)));
        Assert.All(result[40..80], value => Assert.True(float.IsNaN(value)));
        Assert.All(result[80..], value => Assert.False(float.IsNaN(value)));
    }

    /// <summary>Σ over blocks of 32 columns: (Σ byte · number) · (scale · weight scale), each added with one rounding where the machine can.</summary>
    private static float Formula(Int4Layout layout, Matrix matrix, float[] row, int output)
    {
        float total = 0;
        for (int block = 0; block < layout.Blocks; block++)
        {
            float[] values = [.. row.Skip(block * 32).Take(32)];
            float maximum = values.Length == 0 ? 0 : values.Max(MathF.Abs);
            float factor = maximum > 0 ? 127 / maximum : 0;
            int sum = 0;
            for (int i = 0; i < values.Length; i++)
            {
                sum += (int)MathF.Round(values[i] * factor) * matrix.Number(layout, output, (block * 32) + i);
            }

            float weightScale = matrix.Scales[(output * layout.Groups) + (block * 32 / layout.GroupColumns)];
            float scale = weightScale * (maximum / 127);
            total = Fma.IsSupported || AdvSimd.IsSupported ? MathF.FusedMultiplyAdd(sum, scale, total) : (sum * scale) + total;
        }

        return total;
    }

    private static float[] Run(SimdWidth width, Int4Layout layout, Matrix matrix, float[] input, float[] bias, int rows)
    {
        float[] output = new float[rows * layout.Outputs];
        int blocks = rows * layout.Blocks;
        using var packed = new PageMemory((long)layout.Tiles * layout.TileBytes);
        using var values = new PageMemory(blocks * 32);
        using var scales = new PageMemory(blocks * sizeof(float));
        using var corrections = new PageMemory(blocks * sizeof(int));
        var quantized = new Int4Rows
        {
            Values = (sbyte*)values.Address,
            Scales = (float*)scales.Address,
            Corrections = (int*)corrections.Address,
            Blocks = layout.Blocks,
        };
        Int4Product product = Int4Product.Create(width, layout);
        fixed (byte* nibbles = matrix.Nibbles)
        fixed (float* weightScales = matrix.Scales, inputData = input, outputData = output, biasData = bias)
        {
            for (int row = 0; row < rows; row++)
            {
                product.Quantize(inputData + (row * layout.Columns), quantized, row);
            }

            for (int tile = 0; tile < layout.Tiles; tile++)
            {
                byte* weights = (byte*)packed.Address + ((long)tile * layout.TileBytes);
                layout.Pack(tile, nibbles, weightScales, weights);
                int first = tile * Int4Layout.TileOutputs;
                product.Multiply(
                    quantized, rows, weights, biasData + first, outputData + first, layout.Outputs, Math.Min(Int4Layout.TileOutputs, layout.Outputs - first));
            }
        }

        return output;
    }

    private static IEnumerable<float> Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 6) - 3).ToArray();
    }

    private sealed record Matrix(byte[] Nibbles, float[] Scales)
    {
        public static Matrix Random(Int4Layout layout, int seed)
        {
            byte[] nibbles = new byte[layout.Outputs * layout.Groups * layout.GroupColumns / 2];
            new Random(seed).NextBytes(nibbles);
            return new Matrix(nibbles, [.. Numbers(layout.Outputs * layout.Groups, seed)]);
        }

        public int Number(Int4Layout layout, int output, int column)
        {
            byte pair = Nibbles[((output * layout.Groups * layout.GroupColumns) + column) / 2];
            return (column % 2 == 0 ? pair & 15 : pair >> 4) - 8;
        }
    }
}
