using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Verification;
using GlmCluster.Silo.Quality;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Quality;

/// <summary>What each weight format costs on the demo model: 200 dialogues that it was not trained on.</summary>
public sealed class QualityRunTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(WeightFormat.F32, 1.0)]
    [InlineData(WeightFormat.Int8, 0.99)]
    [InlineData(WeightFormat.Int4Block32, 0.9)]
    [InlineData(WeightFormat.Int4Block128, 0.9)]
    public void Compare_EvaluationDialogues_BestTokenAgrees(WeightFormat format, double least)
    {
        var run = new QualityRun(RepositoryFolder.Path("assets", "glm-nano"), libraryPath: null, threads: 2);

        QualityReport report = run.Compare(
            format, RepositoryFolder.Path("tests", "data", "nano", "eval.jsonl"), progress: null, TestContext.Current.CancellationToken);

        output.WriteLine($"{format}: {report}, agreement {report.Agreement:P2}");
        Assert.InRange(report.Agreement, least, 1);
    }
}
