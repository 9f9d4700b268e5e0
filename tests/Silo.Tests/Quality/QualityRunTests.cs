using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Verification;
using GlmCluster.Silo.Quality;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Quality;

/// <summary>What each format costs on the demo model: 200 dialogues that it was not trained on.</summary>
public sealed class QualityRunTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(WeightFormat.Int8, KvFormat.BF16, 0.99)]
    [InlineData(WeightFormat.Int4Block32, KvFormat.BF16, 0.985)]
    [InlineData(WeightFormat.F32, KvFormat.Int8, 0.99)]
    public void Compare_EvaluationDialogues_BestTokenAgrees(WeightFormat format, KvFormat kvFormat, double least)
    {
        var run = new QualityRun(RepositoryFolder.Path("assets", "glm-nano"), libraryPath: null, threads: 2);

        QualityReport report = run.Compare(
            format, kvFormat, RepositoryFolder.Path("tests", "data", "nano", "eval.jsonl"), progress: null, TestContext.Current.CancellationToken);

        output.WriteLine($"{format}, KV {kvFormat}: {report}, agreement {report.Agreement:P2}");
        Assert.Equal(200, report.Texts);
        Assert.InRange(report.Agreement, least, 1);
    }

    [Fact]
    public void Compare_WithItself_NoDifference()
    {
        var run = new QualityRun(RepositoryFolder.Path("assets", "glm-nano"), libraryPath: null, threads: 2);

        QualityReport report = run.Compare(WeightFormat.F32, KvFormat.F32, textFile: null, progress: null, TestContext.Current.CancellationToken);

        Assert.Equal(report.Positions, report.SameBest);
        Assert.Equal(0, report.LargestDivergence);
    }
}
