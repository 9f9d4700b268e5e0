using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Serving;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>Tokens per second through gateway and silo processes, beside the same model in one process.</summary>
internal static class RateCost
{
    public const int Streams = 16;
    public const int TokensEach = 64;

    public static async Task MeasureAsync(ClusterBench bench, BenchReport report, CancellationToken cancellationToken)
    {
        using LoadedModel model = await bench.Shape.LoadAsync(bench.Settings, progress: null, cancellationToken);
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(bench.Settings, model, progress: null, cancellationToken);
        await using BenchCluster cluster = await BenchCluster.StartAsync(
            bench.Settings, gateways: 1, silos: 1, planned: 1, bench.ShapeArguments, cancellationToken);
        (List<HttpRun> inProcess, List<HttpRun> far, ClusterUse use) = await bench.CompareAsync(
            server, model.Card.Model.Name, cluster, BenchPrompts.Messages(Streams), TokensEach, cancellationToken);

        report.AddTable(BenchModel.Invariant($"{bench.Shape}, {model.Card.WeightFormat}, {Streams} streams of {TokensEach} tokens"), "tokens/s", "ratio", "limit");
        report.AddRow("in process", Median(inProcess.Select(run => run.TokensPerSecond)), "1.00", "");
        report.AddRow(
            "gateway and silo",
            Median(far.Select(run => run.TokensPerSecond)),
            BenchModel.Invariant($"{BenchAmounts.Median(far.Zip(inProcess, (one, other) => one.TokensPerSecond / other.TokensPerSecond)):N2}"),
            "0.95");
        ClusterBench.AddUse(report, BenchModel.Invariant($"{bench.Shape}, {Streams} streams"), use, far.Sum(run => run.Tokens));
    }

    private static string Median(IEnumerable<double> rates) => BenchModel.Invariant($"{BenchAmounts.Median(rates):N1}");
}
