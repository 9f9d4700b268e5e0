using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Synthetic;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>What the way through a cluster adds to a token: a synthetic model's steps end on a clock that the clients read too.</summary>
internal static class PaceCost
{
    private const int Streams = 64;
    private const int TokensEach = 150;
    private const double StepsPerSecond = 30;
    private const double MostAddedP50 = 2; // ms
    private const double MostAddedP99 = 10; // ms

    public static async Task MeasureAsync(ClusterBench bench, BenchReport report, CancellationToken cancellationToken)
    {
        ServeSettings settings = bench.Settings with { MaxSequences = Streams };
        using LoadedModel model = ClusterBench.CreateSynthetic(settings, StepsPerSecond);
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(settings, model, progress: null, cancellationToken);
        await using BenchCluster cluster = await BenchCluster.StartAsync(
            settings, gateways: 1, silos: 1, planned: 1, ClusterBench.SyntheticArguments(StepsPerSecond), cancellationToken);
        (List<HttpRun> inProcess, List<HttpRun> far, ClusterUse use) = await bench.CompareAsync(
            server, model.Card.Model.Name, cluster, BenchPrompts.Messages(Streams), TokensEach, cancellationToken);

        List<TimeSpan> near = Lags(inProcess);
        List<TimeSpan> cost = Lags(far);
        report.AddTable(
            BenchModel.Invariant($"from the end of its step to the client, {Streams} streams, {StepsPerSecond} steps/s"), "p50, ms", "p90, ms", "p99, ms", "largest, ms", "tokens");
        AddRow(report, "in process", near);
        AddRow(report, "gateway and silo", cost);
        report.AddRow("added", Added(0.5), Added(0.9), Added(0.99), Added(1), "");
        report.AddRow("limit", BenchModel.Invariant($"{MostAddedP50:N1}"), "", BenchModel.Invariant($"{MostAddedP99:N1}"), "", "");
        ClusterBench.AddUse(report, BenchModel.Invariant($"{Streams} streams, {StepsPerSecond} steps/s"), use, far.Sum(run => run.Tokens));

        string Added(double quantile) => BenchModel.Invariant($"{HttpRun.MillisecondsAt(cost, quantile) - HttpRun.MillisecondsAt(near, quantile):N2}");
    }

    /// <summary>Of all tokens, ascending.</summary>
    private static List<TimeSpan> Lags(List<HttpRun> runs)
    {
        long period = SyntheticModel.StepTicks(StepsPerSecond, TimeProvider.System);
        return [.. runs.SelectMany(run => run.Answers).SelectMany(answer => TokenLags.Of(answer.Pieces, period)).Order()];
    }

    private static void AddRow(BenchReport report, string what, List<TimeSpan> lags)
    {
        string At(double quantile) => BenchModel.Invariant($"{HttpRun.MillisecondsAt(lags, quantile):N2}");
        report.AddRow(what, At(0.5), At(0.9), At(0.99), At(1), BenchModel.Invariant($"{lags.Count:N0}"));
    }
}
