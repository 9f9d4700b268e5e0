using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Kernels.Experts;

namespace GlmCluster.Engine.Tests.Kernels.Experts;

/// <summary>How fast an expert's quantised rows meet one token, beside reading them at all; asked for by name only, for times are no test.</summary>
public sealed unsafe class PackedMatrixMeasurement
{
    private const int Columns = 4096;
    private const int Rows = 32_768; // 128 MiB of bytes: more than any cache
    private const int Rounds = 20;

    [Theory(Explicit = true)]
    [InlineData((int)PackedElement.Bits8)]
    [InlineData((int)PackedElement.Bits4)]
    public void Measure_OneToken_WritesBytesPerSecond(int element)
    {
        long rowBytes = PackedMatrix.BytesOfRow((PackedElement)element, Columns);
        byte* values = (byte*)NativeMemory.AlignedAlloc((nuint)(Rows * rowBytes), 64);
        float* scales = (float*)NativeMemory.AlignedAlloc((nuint)(Rows * (Columns / 32)) * sizeof(float), 64);
        new Random(5).NextBytes(new Span<byte>(values, (int)(Rows * rowBytes)));
        new Span<float>(scales, Rows * (Columns / 32)).Fill(0.01f);
        var matrix = new PackedMatrix { Element = (PackedElement)element, Values = values, Scales = scales, Rows = Rows, Columns = Columns, RowScales = Columns / 32, ScaleColumns = 32 };

        double read = Speed(() => Read(values, Rows * rowBytes), Rows * rowBytes);
        double met = Speed(() => Meet(matrix), Rows * rowBytes);

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(PackedElement)element}: read {read:F1} GB/s, widened and multiplied {met:F1} GB/s, {met / read:P0}, one thread"));
        NativeMemory.AlignedFree(values);
        NativeMemory.AlignedFree(scales);
    }

    private static double Meet(PackedMatrix matrix)
    {
        float* memory = (float*)NativeMemory.AlignedAlloc(5 * Columns * sizeof(float), 64);
        new Span<float>(memory, 5 * Columns).Fill(1);
        byte* pointers = stackalloc byte[WeightRows.ByteLength];
        var rows = new WeightRows(pointers, isForOne: true);
        float* sums = stackalloc float[2 * RowProduct.WeightRows];
        new Span<float>(sums, 2 * RowProduct.WeightRows).Clear();
        var product = RowProduct.Create(SimdWidths.Widest);
        double sum = 0;
        for (int row = 0; row < Rows; row += RowProduct.WeightRows)
        {
            rows.Take(matrix, 0, row, RowProduct.WeightRows, memory);
            rows.Multiply(product, memory + (4 * Columns), null, Columns, sums);
            sum += sums[0];
        }

        NativeMemory.AlignedFree(memory);
        return sum;
    }

    private static double Read(byte* values, long bytes)
    {
        Vector<ulong> a = default, b = default;
        for (long at = 0; at < bytes; at += 2 * Vector<byte>.Count)
        {
            a ^= Vector.Load((ulong*)(values + at));
            b ^= Vector.Load((ulong*)(values + at + Vector<byte>.Count));
        }

        return Vector.Sum(a ^ b);
    }

    private static double Speed(Func<double> run, long bytes)
    {
        run();
        TimeSpan best = Enumerable.Range(0, Rounds).Min(_ =>
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            run();
            return Environment.CpuUsage.TotalTime - start; // other programs' turns do not count
        });
        return bytes / 1e9 / best.TotalSeconds;
    }
}
