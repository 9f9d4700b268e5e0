using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>ChatGLM's own int8 and int4 releases: their numbers are used as they are.</summary>
public sealed class QuantizedCheckpointTests
{
    private const string ChatGlm6B = "chatglm-v1";
    private const int Tokens = 40;

    /// <summary>Each generation's releases, in either kind of file.</summary>
    public static TheoryData<string, int, bool> Releases { get; } = new(
        from family in new[] { "chatglm", ChatGlm6B }
        from bits in new[] { 8, 4 }
        from asTorch in new[] { false, true }
        select (family, bits, asTorch));

    [Theory]
    [MemberData(nameof(Releases))]
    public void Load_QuantizedFolderInF32_SameBitsAsNumbersTimesScales(string family, int bits, bool asTorch)
    {
        using var quantized = new QuantizedFolder(bits, asFloats: false, family, asTorch);
        using var floats = new QuantizedFolder(bits, asFloats: true, family);

        Assert.Equal(Run(floats, WeightFormat.F32), Run(quantized, WeightFormat.F32));
    }

    /// <summary>Activations are rounded to 8 bits, and the head, which these releases keep as floats, to the format's.</summary>
    [Theory]
    [InlineData("chatglm", 8, WeightFormat.Int8, 0.05)]
    [InlineData("chatglm", 4, WeightFormat.Int8, 0.05)]
    [InlineData("chatglm", 4, WeightFormat.Int4Block32, 0.15)]
    [InlineData("chatglm", 4, WeightFormat.Int4Block128, 0.15)]
    [InlineData(ChatGlm6B, 8, WeightFormat.Int8, 0.05)]
    [InlineData(ChatGlm6B, 4, WeightFormat.Int4Block32, 0.15)]
    [InlineData(ChatGlm6B, 4, WeightFormat.Int4Block128, 0.15)]
    public void Load_QuantizedFolderInItsOwnBits_NearNumbersTimesScales(string family, int bits, WeightFormat format, double most)
    {
        using var quantized = new QuantizedFolder(bits, asFloats: false, family);
        using var floats = new QuantizedFolder(bits, asFloats: true, family);
        float[] expected = Run(floats, WeightFormat.F32);
        float[] found = Run(quantized, format);

        double error = expected.Zip(found, (a, b) => Math.Pow(a - b, 2)).Sum() / expected.Sum(value => value * value);
        Assert.InRange(Math.Sqrt(error), 0, most);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public unsafe void QuantizeRows_StoredNumbers_AreTakenOver(int bits)
    {
        using var folder = new QuantizedFolder(bits, asFloats: false);
        using var checkpoint = Checkpoint.Open(folder.Path);
        TensorView down = ((GatedFeedForwardTensors<TensorView>)checkpoint.ReadDecoder().Layers[0].FeedForward).Down.Weight[0];
        (int rows, int columns) = ((int)down.Shape[0], (int)down.Shape[1]);

        Int8Matrix matrix = new WeightLoader(threads: 2, totalBytes: 1, progress: null).QuantizeRows(new WeightMatrix(down));

        sbyte[] numbers = new sbyte[columns];
        for (int row = 0; row < rows; row++)
        {
            Assert.Equal(QuantizedTensors.ReadNumbers(down, row, numbers), ((float*)matrix.Scales.Address)[row]);
            for (int column = 0; column < columns; column++)
            {
                Assert.Equal(numbers[column], ((sbyte*)matrix.Values.Address)[(column * rows) + row]);
            }
        }

        matrix.Values.Dispose();
        matrix.Scales.Dispose();
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public unsafe void QuantizeBlocks_StoredNibbles_AreTakenOverWithTheRowsScale(int blockColumns)
    {
        using var folder = new QuantizedFolder(bits: 4, asFloats: false);
        using var checkpoint = Checkpoint.Open(folder.Path);
        TensorView down = ((GatedFeedForwardTensors<TensorView>)checkpoint.ReadDecoder().Layers[0].FeedForward).Down.Weight[0];
        (int rows, int columns) = ((int)down.Shape[0], (int)down.Shape[1]);

        Int4Matrix matrix = new WeightLoader(threads: 2, totalBytes: 1, progress: null).QuantizeBlocks(new WeightMatrix(down), blockColumns);

        sbyte[] numbers = new sbyte[columns];
        int rowBytes = matrix.Blocks * blockColumns / 2;
        for (int row = 0; row < rows; row++)
        {
            float scale = QuantizedTensors.ReadNumbers(down, row, numbers);
            for (int column = 0; column < columns; column++)
            {
                byte pair = ((byte*)matrix.Values.Address)[(row * rowBytes) + (column / 2)];
                Assert.Equal(numbers[column], (column % 2 == 0 ? pair & 15 : pair >> 4) - Int4Matrix.ZeroPoint);
                Assert.Equal(scale, ((float*)matrix.Scales.Address)[(row * matrix.Blocks) + (column / blockColumns)]);
            }
        }

        matrix.Values.Dispose();
        matrix.Scales.Dispose();
    }

    [Fact]
    public void ReadDecoder_NumbersWithoutScales_NamesBoth()
    {
        using var folder = new QuantizedFolder(bits: 8, asFloats: false);
        string file = Path.Combine(folder.Path, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        int at = bytes.AsSpan().IndexOf("dense.weight_scale"u8);
        bytes[at] = (byte)'x';
        File.WriteAllBytes(file, bytes);
        using var checkpoint = Checkpoint.Open(folder.Path);

        CheckpointException error = Assert.Throws<CheckpointException>(checkpoint.ReadDecoder);

        Assert.Contains("dense.weight_scale", error.Message, StringComparison.Ordinal);
    }

    private static float[] Run(QuantizedFolder folder, WeightFormat format)
    {
        using TestModel model = TestModel.Load(folder.Path, options => options with { WeightFormat = format });
        long[] ids = TestPart.RandomIds(Tokens, model.Runner.VocabularySize, seed: 1);
        StepBatch batch = TestBatch.Create(model.Runner.BlockTokens, TestPart.Whole(ids, [0, 1]));
        if (model.Configuration.Prefix is not null)
        {
            (batch.PrefixLengths[0], batch.MaskPositions[0]) = (Tokens - 1, Tokens - 2);
        }

        return model.Runner.Run(batch).ToArray();
    }
}
