using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Tests.Kernels;

public sealed unsafe class KvPagesTests
{
    private static readonly AttentionShape Shape = new(Heads: 4, KvHeads: 2, HeadDim: 40, RotaryDim: 8);

    [Theory]
    [InlineData(KvFormat.F32)]
    [InlineData(KvFormat.BF16)]
    [InlineData(KvFormat.Int8)]
    public void Write_AnyWidth_RoundedNumbersInPlace(KvFormat format)
    {
        float[] rows = Rows(seed: 1);
        float[] expected = [.. rows.Chunk(Shape.HeadDim).SelectMany(row => Rounded(format, row))];

        foreach (SimdWidth width in Enum.GetValues<SimdWidth>().Where(SimdWidths.IsSupported))
        {
            (float[] keys, float[] values) = WriteAndRead(format, width, rows);

            Assert.Equal(expected, values);
            Assert.Equal(expected, Enumerable.Range(0, rows.Length).Select(i => keys[(i % Shape.HeadDim * 32) + (i / Shape.HeadDim)]));
        }
    }

    [Theory]
    [InlineData(0x3F808000u, 0x3F80u)] // a tie goes to the even number below
    [InlineData(0x3F818000u, 0x3F82u)] // and above
    [InlineData(0x3F808001u, 0x3F81u)]
    [InlineData(0x7F7FFFFFu, 0x7F80u)] // the largest float is nearest to infinity
    [InlineData(0xFF800000u, 0xFF80u)]
    [InlineData(0x7F800001u, 0x7FC0u)] // not a number, although its upper half is infinity's
    public void Write_BFloat16_RoundedToNearest(uint bits, uint expected)
    {
        float[] rows = new float[32 * Shape.HeadDim];
        rows[5] = BitConverter.UInt32BitsToSingle(bits);

        (_, float[] values) = WriteAndRead(KvFormat.BF16, SimdWidths.Widest, rows);

        Assert.Equal(expected << 16, BitConverter.SingleToUInt32Bits(values[5]));
    }

    private static float[] Rounded(KvFormat format, float[] row)
    {
        float scale = row.Max(MathF.Abs) / 127;
        float factor = 127 / row.Max(MathF.Abs);
        return format switch
        {
            KvFormat.F32 => row,
            KvFormat.BF16 => [.. row.Select(value => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x8000) & 0xFFFF0000))],
            _ => [.. row.Select(value => MathF.Round(value * factor) * scale)],
        };
    }

    private static (float[] Keys, float[] Values) WriteAndRead(KvFormat format, SimdWidth width, float[] rows)
    {
        var pages = KvPages.Create(format, width, Shape);
        byte[] keyPage = new byte[pages.PageBytes];
        byte[] valuePage = new byte[pages.PageBytes];
        fixed (float* rowData = rows)
        fixed (byte* keyData = keyPage, valueData = valuePage)
        {
            for (int slot = 0; slot < 32; slot++)
            {
                pages.WriteKey(keyData, slot, rowData + (slot * Shape.HeadDim));
                pages.WriteValue(valueData, slot, rowData + (slot * Shape.HeadDim));
            }

            return (Read(format, keyData, index => index % 32), Read(format, valueData, index => index / Shape.HeadDim));
        }
    }

    /// <summary>Numbers of a page, as its format defines them.</summary>
    /// <param name="slotOf">Whose scale a number has.</param>
    private static float[] Read(KvFormat format, byte* page, Func<int, int> slotOf)
    {
        float[] numbers = new float[32 * Shape.HeadDim];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = format switch
            {
                KvFormat.F32 => ((float*)page)[i],
                KvFormat.BF16 => BitConverter.Int32BitsToSingle(((ushort*)page)[i] << 16),
                _ => ((sbyte*)page)[(32 * sizeof(float)) + i] * ((float*)page)[slotOf(i)],
            };
        }

        return numbers;
    }

    /// <summary>32 rows of numbers that are no ties in bf16.</summary>
    private static float[] Rows(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 32 * Shape.HeadDim).Select(_ => (random.NextSingle() - 0.5f) * 6)];
    }
}
