using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Tests.Decoding;

public sealed class DecoderMemoryTests
{
    private static readonly DecoderConfiguration Nano = DecoderConfigurationReader.Read(TestModel.NanoFolder);

    /// <summary>6 layers · (256·512 + 256·256 + 3·256·704) + 4096·256 elements.</summary>
    [Fact]
    public void WeightBytes_NanoF32_MatricesTimesFour() => Assert.Equal(5_472_256L * 4, DecoderMemory.WeightBytes(Nano, WeightFormat.F32));

    /// <summary>One byte per element, and 6 · (512 + 256 + 1408 + 256) + 4096 scales.</summary>
    [Fact]
    public void WeightBytes_NanoInt8_BytesAndScales() => Assert.Equal(5_472_256L + (4 * 18_688L), DecoderMemory.WeightBytes(Nano, WeightFormat.Int8));

    /// <summary>Half a byte per element and a scale per 32 columns.</summary>
    [Fact]
    public void WeightBytes_NanoInt4_NibblesAndBlockScales() =>
        Assert.Equal((5_472_256L / 2) + (5_472_256L / 32 * 4), DecoderMemory.WeightBytes(Nano, WeightFormat.Int4Block32));

    /// <summary>704 columns are 5.5 blocks, so the down matrices have one half block per row more.</summary>
    [Fact]
    public void WeightBytes_NanoInt4WideBlocks_LastBlockOfARowFilledUp() =>
        Assert.Equal((5_472_256L + (6 * 256 * 64)) / 128 * (64 + 4), DecoderMemory.WeightBytes(Nano, WeightFormat.Int4Block128));

    /// <summary>32 tokens · 2 heads · 64 · 4 bytes · keys and values · 6 layers.</summary>
    [Fact]
    public void BlockBytes_Nano_AllLayers() => Assert.Equal(32L * 2 * 64 * 4 * 2 * 6, DecoderMemory.BlockBytes(Nano, KvFormat.F32));

    /// <summary>Half of it; and a byte per element with a scale per token and head.</summary>
    [Theory]
    [InlineData(KvFormat.BF16, 32L * 2 * 64 * 2 * 2 * 6)]
    [InlineData(KvFormat.Int8, 32L * 2 * (64 + 4) * 2 * 6)]
    public void BlockBytes_SmallerFormats_AsDocumented(KvFormat format, long bytes) => Assert.Equal(bytes, DecoderMemory.BlockBytes(Nano, format));

    /// <summary>The matrices of the file itself, all experts among them, but for the embedding.</summary>
    [Theory]
    [InlineData("glm4_moe")]
    [InlineData("glm4_moe_lite")]
    [InlineData("chatglm-v1")]
    public void WeightBytes_F32_AllMatricesOfTheFolder(string name)
    {
        string folder = TestModel.GoldenFolder(name);
        using WeightFolder weights = WeightFolder.Open(folder);
        long elements = weights.Names.Where(tensor => !tensor.Contains("embed", StringComparison.Ordinal)).Select(tensor => weights.Find(tensor)!)
            .Where(tensor => tensor.Shape.Length == 2).Sum(tensor => tensor.Shape[0] * tensor.Shape[1]);

        Assert.Equal(elements * 4, DecoderMemory.WeightBytes(DecoderConfigurationReader.Read(folder), WeightFormat.F32));
    }

    /// <summary>32 tokens · (latent 32 + key 16) · 4 bytes · 3 layers, however many heads.</summary>
    [Fact]
    public void BlockBytes_LatentAttention_OneRowPerTokenAndLayer() => Assert.Equal(
        32L * (32 + 16) * 4 * 3, DecoderMemory.BlockBytes(DecoderConfigurationReader.Read(TestModel.GoldenFolder("glm4_moe_lite")), KvFormat.F32));
}
