using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Silo.Inspection;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Tests.Inspection;

public sealed class ModelInspectorTests
{
    private const long GiB = 1L << 30;

    /// <summary>Published counts: 9.4 billion for GLM-4-9B; 106 and 12 billion for GLM-4.5-Air (arXiv:2508.06471), whose MTP layer is not counted here.</summary>
    [Theory]
    [InlineData("4-9b", 9.40e9, 9.40e9)]
    [InlineData("4.5-air", 106.8e9, 13.4e9)]
    public void Inspect_PublishedShape_CountsItsParameters(string shape, double all, double perToken)
    {
        ModelInspection inspection = Inspect(shape, 64 * GiB);

        Assert.InRange(inspection.Parameters, all * 0.99, all * 1.01);
        Assert.InRange(inspection.ParametersPerToken, perToken * 0.99, perToken * 1.01);
    }

    /// <summary>GLM-4-9B caches 40 layers · 2 · 2 heads · 128 numbers a token; GLM-4.7-Flash 47 layers · 576, whatever its heads.</summary>
    [Theory]
    [InlineData("4-9b", 40 * 512)]
    [InlineData("4.7-flash", 47 * 576)]
    public void Inspect_KvFormats_NeedBytesOfWhatIsCached(string shape, int numbersPerToken)
    {
        ModelInspection inspection = Inspect(shape, 64 * GiB);

        KvNeed need = inspection.Kv.Single(kv => kv.Format == "bf16");
        Assert.Equal(1024L * 2 * numbersPerToken, need.BytesPer1kTokens);
        Assert.Equal(2L * numbersPerToken * inspection.Dimensions.ContextTokens, need.BytesAtFullContext);
        Assert.Equal(2 * need.BytesPer1kTokens, inspection.Kv.Single(kv => kv.Format == "f32").BytesPer1kTokens);
    }

    [Fact]
    public void Inspect_SmallMachine_SaysWhatFitsAsTheServerDoes()
    {
        MachineFit machine = Inspect("4-9b", 8 * GiB).Machine;

        Assert.All(machine.Pairs.Where(pair => pair.Weights is "f32" or "int8"), pair => Assert.Equal(0, pair.ContextTokens));
        FormatFit fits = machine.Pairs.Single(pair => pair is { Weights: "int4-128", Kv: "int8" });
        Assert.InRange(fits.ContextTokens, 1, 131072);
        Assert.InRange(fits.Bytes, 1, 8 * GiB);
        Assert.Null(machine.Automatic); // int8 weights
        Assert.Equal(12, machine.Pairs.Length);
    }

    [Fact]
    public void Inspect_ConfigurationAlone_SaysWhatIsMissing()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-inspect-");
        File.Copy(TestKit.RepositoryFolder.Path("assets", "glm-nano", "config.json"), Path.Combine(folder.FullName, "config.json"));

        ModelInspection inspection = ModelInspector.Inspect(folder.FullName);

        Assert.Equal("glm", inspection.Architecture);
        Assert.Contains("no weights", inspection.WeightFiles.Problem, StringComparison.Ordinal);
        Assert.Contains("no tokenizer", inspection.Text.TokenizerProblem, StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    /// <summary>bge-large-zh: 24 layers of 4 · 1,024² + 2 · 1,024 · 4,096 weights; 326 million parameters with the pooler, which is not counted.</summary>
    [Fact]
    public void Inspect_Encoder_NeedsMatricesAndNoCache()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-inspect-");
        File.WriteAllText(Path.Combine(folder.FullName, "config.json"), """
            {"model_type": "bert", "num_hidden_layers": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "vocab_size": 21128,
             "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}
            """);

        ModelInspection inspection = ModelInspector.Inspect(folder.FullName);

        Assert.Equal(("embedding", "bert", 512), (inspection.Kind, inspection.Architecture, inspection.Dimensions.ContextTokens));
        Assert.Equal(4L * 24 * ((4 * 1024 * 1024) + (2 * 1024 * 4096)), inspection.Weights.Single(need => need.Format == "f32").Bytes);
        Assert.InRange(inspection.Parameters, 324_000_000, 325_000_000);
        Assert.Empty(inspection.Kv);
        folder.Delete(recursive: true);
    }

    private static ModelInspection Inspect(string shape, long memoryBytes) => ModelInspector.Inspect(
        ModelShapes.Get(shape), new WeightFileReport(0, 0, null, "none"), new TextReport(0, "none", "none"), new MachineMemory(memoryBytes, IsLimit: true));
}
