using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Tests.Decoding;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Engine.Tests.Verification;

/// <summary>Fidelity: every golden folder of the supported architectures, against Hugging Face transformers.</summary>
public sealed class GoldenVerifierTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("glm")]
    [InlineData("chatglm")]
    [InlineData("glm-edge")]
    [InlineData("glm4")]
    [InlineData("glm4_moe")]
    [InlineData("glm4_moe-air")]
    [InlineData("glm4_moe_lite")]
    public void Verify_GoldenFolderInF32_LogitsWithinLimitAndGreedyEqual(string name)
    {
        string folder = TestModel.GoldenFolder(name);
        using TestModel model = TestModel.Load(folder);
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, GoldenVerifier.FileName));

        GoldenReport report = GoldenVerifier.Verify(model.Runner, golden, TestModel.StepTokens);

        output.WriteLine($"{name}: {report}");
        Assert.True(report.LargestDifference <= 2e-4f, report.ToString());
        Assert.True(report.GreedyTokens > 32, report.ToString());
        Assert.Equal(report.GreedyTokens, report.GreedyMatches);
    }

    /// <summary>By the way that <c>glm model verify</c> goes: its prefixes go in in one step, and special ids are not chosen.</summary>
    [Fact]
    public void Verify_ChatGlm1Folder_LogitsWithinLimitAndGreedyEqual()
    {
        GoldenReport report = FolderVerifier.Verify(TestModel.GoldenFolder("chatglm-v1"), libraryPath: null, threads: 2, progress: null);

        output.WriteLine($"{report}");
        Assert.True(report.Passes(2e-4f), report.ToString());
        Assert.True(report.GreedyTokens > 32, report.ToString());
    }

    [Fact]
    public void Verify_OtherModelsReference_FailsAndSaysWhere()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("glm4"));
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(TestModel.GoldenFolder("glm"), GoldenVerifier.FileName));

        GoldenReport report = GoldenVerifier.Verify(model.Runner, golden, TestModel.StepTokens);

        Assert.True(report.LargestDifference > 0.01f, report.ToString());
        Assert.NotEqual(default, report.Where);
        Assert.False(report.Passes(2e-4f));
    }

    [Fact]
    public void Verify_FileWithoutPrompts_Throws()
    {
        string folder = TestModel.GoldenFolder("glm");
        using TestModel model = TestModel.Load(folder);
        using WeightFolder weights = WeightFolder.Open(folder);

        CheckpointException error = Assert.Throws<CheckpointException>(() => GoldenVerifier.Verify(model.Runner, weights, TestModel.StepTokens));

        Assert.Contains("input_ids_0", error.Message, StringComparison.Ordinal);
    }
}
