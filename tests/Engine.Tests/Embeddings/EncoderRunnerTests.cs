using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Engine.Tests.Embeddings;

/// <summary>The encoder against Hugging Face transformers, against a plain computation, and against itself in other company.</summary>
public sealed class EncoderRunnerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("bert")]
    [InlineData("xlm-roberta")]
    public void Verify_GoldenFolderInF32_WithinLimit(string name)
    {
        EncoderReport report = EncoderVerifier.Verify(TestEncoder.GoldenFolder(name), libraryPath: null, threads: 2, progress: null);

        output.WriteLine($"{name}: {report}");
        Assert.Equal(3, report.Texts);
        Assert.True(report.Tokens is > 12 and < 36, report.ToString());
        Assert.True(report.Passes(2e-4f), report.ToString());
    }

    [Fact]
    public void Verify_OtherModelsReference_Fails()
    {
        string folder = Directory.CreateTempSubdirectory("glm-encoder").FullName;
        foreach (string file in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(Path.Combine(TestEncoder.GoldenFolder("bert"), file), Path.Combine(folder, file));
        }

        File.Copy(Path.Combine(TestEncoder.GoldenFolder("xlm-roberta"), "golden.safetensors"), Path.Combine(folder, "golden.safetensors"));

        EncoderReport report = EncoderVerifier.Verify(folder, libraryPath: null, threads: 1, progress: null);

        Assert.False(report.Passes(0.01f), report.ToString());
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Texts of lengths around pages, tiles and spans: 1 to 512 tokens.</summary>
    [Theory]
    [InlineData(WeightFormat.F32)]
    [InlineData(WeightFormat.Int8)]
    [InlineData(WeightFormat.Int4Block32)]
    public void Run_AloneOrInAnyBatchOnAnyThreads_SameBits(WeightFormat format)
    {
        using var one = new TestEncoder(TestEncoder.NanoFolder, format, threads: 1);
        using var four = new TestEncoder(TestEncoder.NanoFolder, format, threads: 4);
        int[][] texts = [.. new[] { 3, 1, 512, 31, 32, 33, 64, 200, 5, 17, 127, 400, 3 }.Select(Text)];

        float[][] alone = [.. texts.Select(text => one.Embed(text)[0])];
        float[][] together = one.Embed(texts);
        float[][] reversed = [.. four.Embed([.. texts.Reverse()]).Reverse()];

        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(Bits(alone[i]), Bits(together[i]));
            Assert.Equal(Bits(alone[i]), Bits(reversed[i]));
        }
    }

    [Fact]
    public void Run_Int8_EqualsPlainComputationOverTheSameNumbers()
    {
        using var encoder = new TestEncoder(TestEncoder.GoldenFolder("bert"), WeightFormat.Int8);
        using var weights = WeightFolder.Open(TestEncoder.GoldenFolder("bert"));
        int[] text = [2, 17, 99, 4, 120, 64, 3];

        float[] found = encoder.Embed(text)[0];
        float[] expected = PlainEncoder.MeanInInt8(encoder.Checkpoint.Configuration, encoder.Checkpoint.ReadEncoder(), text);

        float difference = found.Zip(expected, (left, right) => MathF.Abs(left - right)).Max();
        output.WriteLine($"largest difference {difference:E2}");
        Assert.True(difference < 2e-4f, $"{difference}");
    }

    [Fact]
    public void Run_IdOutOfRangeOrTextTooLong_Throws()
    {
        using var encoder = new TestEncoder(TestEncoder.GoldenFolder("bert"));

        ArgumentException unknown = Assert.Throws<ArgumentException>(() => encoder.Embed([2, 128, 3]));
        ArgumentException tooLong = Assert.Throws<ArgumentException>(() => encoder.Embed(new int[129]));

        Assert.Contains("0 to 127", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("128", tooLong.Message, StringComparison.Ordinal);
    }

    private static int[] Text(int tokens) => [.. Enumerable.Range(0, tokens).Select(i => 200 + (int)((uint)(i + 1) * 2654435761 % 20000))];

    private static int[] Bits(float[] vector) => [.. vector.Select(BitConverter.SingleToInt32Bits)];
}
