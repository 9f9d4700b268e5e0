using GlmCluster.Checkpoints.Tests.Files;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests;

public sealed class CheckpointTests
{
    [Theory]
    [InlineData("chatglm", TensorType.F32, 24)]
    [InlineData("glm", TensorType.F32, 36)]
    [InlineData("glm-edge", TensorType.F16, 26)]
    [InlineData("glm4", TensorType.BF16, 42)]
    [InlineData("glm4_moe", TensorType.BF16, 97)]
    [InlineData("glm4_moe_lite", TensorType.BF16, 91)]
    [InlineData("chatglm-v1", TensorType.F16, 40)]
    public void ReadDecoder_GoldenFolder_HasAllTensors(string name, TensorType type, int tensors)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Golden(name));

        DecoderWeights weights = checkpoint.ReadDecoder();

        Assert.Equal((3, tensors), (weights.Layers.Length, checkpoint.Weights.Names.Count));
        Assert.Equal(type, weights.Layers[2].InputNorm.Weight.Type);
        Assert.Equal([128L, 128L], weights.Embedding.Shape);
        Assert.Equal(name == "glm-edge", weights.Head == weights.Embedding);
    }

    [Fact]
    public void ReadDecoder_SameNetworkInTwoLayouts_HasTheSameBytes()
    {
        using Checkpoint fused = Checkpoint.Open(Golden("chatglm"));
        using Checkpoint parts = Checkpoint.Open(Golden("glm"));
        DecoderWeights left = fused.ReadDecoder();
        DecoderWeights right = parts.ReadDecoder();

        Assert.Equal(Bytes(left.Embedding), Bytes(right.Embedding));
        Assert.Equal(Bytes(left.Head), Bytes(right.Head));
        Assert.Equal(Bytes(left.FinalNorm.Weight), Bytes(right.FinalNorm.Weight));
        foreach ((LayerTensors<TensorView> a, LayerTensors<TensorView> b) in left.Layers.Zip(right.Layers))
        {
            LinearTensors<TensorView> packed = ((GroupedAttentionTensors<TensorView>)a.Attention).QueryKeyValue;
            LinearTensors<TensorView> apart = ((GroupedAttentionTensors<TensorView>)b.Attention).QueryKeyValue;
            Assert.Equal((1, 3), (packed.Weight.Length, apart.Weight.Length));
            Assert.Equal(Bytes([.. packed.Bias]), Bytes([.. apart.Bias]));
            Assert.Equal(Bytes([.. a.All()]), Bytes([.. b.All()]));
        }
    }

    [Fact]
    public void Open_BundledModel_IsWhole()
    {
        using Checkpoint checkpoint = Checkpoint.Open(RepositoryFolder.Path("assets", "glm-nano"));
        Assert.Equal(6, checkpoint.ReadDecoder().Layers.Length);
        Assert.Equal(4096, checkpoint.Configuration.VocabularySize);
    }

    [Fact]
    public void Open_MissingFolder_NamesIt()
    {
        using var folder = new TempFolder();
        string message = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.File("gone"))).Message;
        Assert.Equal($"There is no model folder {folder.File("gone")}. `glm model pull ORG/NAME` fetches a published model.", message);
    }

    [Fact]
    public void ReadDecoder_WeightsOfAnotherModel_NamesFolderAndTensor()
    {
        using TempFolder folder = new TempFolder().CopyFrom(Golden("glm"));
        File.Copy(Path.Combine(Golden("glm-edge"), "model.safetensors"), folder.File("model.safetensors"), overwrite: true);
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        string message = Assert.Throws<CheckpointException>(checkpoint.ReadDecoder).Message;

        Assert.StartsWith($"{folder.Path}: The weights lack tensor \"lm_head.weight\" [128, 128]", message, StringComparison.Ordinal);
    }

    private static string Golden(string name) => RepositoryFolder.Path("tests", "data", "golden", name);

    private static unsafe byte[] Bytes(params TensorView[] tensors) =>
        [.. tensors.SelectMany(tensor => new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteLength).ToArray())];
}
