using GlmCluster.Checkpoints.Tests.Files;
using GlmCluster.Checkpoints.Weights;
using static GlmCluster.Checkpoints.Tests.Weights.SafetensorsBytes;

namespace GlmCluster.Checkpoints.Tests.Weights;

public sealed class WeightFolderTests : IDisposable
{
    private const string Index = "model.safetensors.index.json";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_Shards_FindsEachTensorInItsFile()
    {
        _folder.Write("model-00001-of-00002.safetensors", File($"{{{Entry("a", "U8", "[3]", 0, 3)}}}", 3));
        _folder.Write("model-00002-of-00002.safetensors", File($"{{{Entry("b", "U8", "[5]", 0, 5)},{Entry("unlisted", "U8", "[1]", 5, 6)}}}", 6));
        WriteIndex("\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"");

        using WeightFolder weights = WeightFolder.Open(_folder.Path);

        Assert.Equal(["a", "b"], weights.Names.Order());
        Assert.Equal((3L, 5L), (weights.Find("a")!.ByteLength, weights.Find("b")!.ByteLength));
        Assert.Null(weights.Find("c"));
    }

    [Fact]
    public void Open_SingleFileBesideIndex_ReadsTheSingleFile()
    {
        _folder.Write("model.safetensors", File($"{{{Entry("a", "U8", "[3]", 0, 3)}}}", 3));
        WriteIndex("\"b\":\"gone.safetensors\"");

        using WeightFolder weights = WeightFolder.Open(_folder.Path);

        Assert.Equal(["a"], weights.Names);
        Assert.Equal(["model.safetensors"], WeightFolder.FileNames(_folder.Path));
    }

    [Theory]
    [InlineData("../x.safetensors")]
    [InlineData("/etc/x.safetensors")]
    [InlineData("sub/x.safetensors")]
    [InlineData("..\\\\x.safetensors")]
    [InlineData("C:x.safetensors")]
    [InlineData("x\\u0000.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("..")]
    [InlineData("")]
    public void Open_ShardNameThatIsNoPlainFile_NamesTensor(string shard)
    {
        WriteIndex($"\"layer.3\":\"{shard}\"");
        AssertRefused("weight_map.layer.3", "same folder");
    }

    [Fact]
    public void Open_MissingShard_NamesIt()
    {
        WriteIndex("\"a\":\"model-00001-of-00002.safetensors\"");
        AssertRefused("model-00001-of-00002.safetensors does not exist");
    }

    [Fact]
    public void Open_ShardWithoutItsTensor_NamesBoth()
    {
        _folder.Write("one.safetensors", File($"{{{Entry("a", "U8", "[3]", 0, 3)}}}", 3));
        WriteIndex("\"b\":\"one.safetensors\"");
        AssertRefused(Index, "one.safetensors", "\"b\"");
    }

    [Theory]
    [InlineData("{}", "\"weight_map\" is missing")]
    [InlineData("{\"weight_map\":7}", "\"weight_map\" is 7")]
    [InlineData("{\"weight_map\":{\"a\":7}}", "\"weight_map.a\" is 7")]
    [InlineData("[]", "supported: a JSON object")]
    [InlineData("{", "not valid JSON")]
    public void Open_BrokenIndex_SaysWhat(string json, string fault)
    {
        _folder.Write(Index, json);
        AssertRefused(Index, fault);
    }

    [Fact]
    public void Open_OnlyPyTorchFiles_SaysWhatWasFoundAndIsSupported()
    {
        _folder.Write("pytorch_model-00001-of-00002.bin", "x");
        _folder.Write("pytorch_model-00002-of-00002.bin", "x");
        AssertRefused("pytorch_model-00001-of-00002.bin and 1 more", "supported: model.safetensors", "pytorch_model.bin.index.json");
    }

    [Fact]
    public void Open_NoWeights_SaysSo() => AssertRefused("has no weights", "supported: model.safetensors");

    [Fact]
    public void Open_MissingFolder_NamesIt() => Assert.Contains(
        "no folder",
        Assert.Throws<CheckpointException>(() => WeightFolder.Open(_folder.File("gone"))).Message,
        StringComparison.Ordinal);

    private void WriteIndex(string map) => _folder.Write(Index, $"{{\"metadata\":{{\"total_size\":9}},\"weight_map\":{{{map}}}}}");

    private void AssertRefused(params string[] parts)
    {
        string message = Assert.Throws<CheckpointException>(() => WeightFolder.Open(_folder.Path)).Message;
        Assert.All([_folder.Path, .. parts], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }
}
