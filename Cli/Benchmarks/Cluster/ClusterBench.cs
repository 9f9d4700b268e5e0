using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Synthetic;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>What the measurements of a cluster have in common.</summary>
/// <param name="Settings">Of all processes.</param>
/// <param name="Shape">Made-up weights, where arithmetic is measured.</param>
/// <param name="Rounds">Turns of the two sides.</param>
internal sealed record ClusterBench(ServeSettings Settings, ModelShape Shape, int Rounds)
{
    /// <summary>What a silo is told to run the shape.</summary>
    public IReadOnlyList<string> ShapeArguments => Shape.Layers is { } layers
        ? ["--shape", Shape.Name, "--layers", layers.ToString(CultureInfo.InvariantCulture)]
        : ["--shape", Shape.Name];

    /// <summary>What a silo is told to run without weights.</summary>
    public static IReadOnlyList<string> SyntheticArguments(double stepsPerSecond) =>
        ["--synthetic", "--steps-per-second", stepsPerSecond.ToString(CultureInfo.InvariantCulture)];

    /// <summary>The same model as such a silo's, in this process.</summary>
    public static LoadedModel CreateSynthetic(ServeSettings settings, double stepsPerSecond) =>
        SyntheticModel.Create(settings.ToLoadOptions() with { Name = "synthetic" }, stepsPerSecond, TimeProvider.System);

    public async Task<BenchReport> CreateReportAsync(CancellationToken cancellationToken)
    {
        double busy = await MachineLoad.MeasureAsync(TimeSpan.FromSeconds(1), cancellationToken);
        return new BenchReport(
            "glm bench cluster",
            [
                ("version", ProgramVersion.Text),
                ("setting", BenchModel.Invariant($"gateways, silos and PostgreSQL are processes on this machine; its clients and the in-process side share one; {Rounds} rounds in alternation")),
                ("processors busy before", double.IsNaN(busy) ? "not measured" : busy.ToString("P0", CultureInfo.InvariantCulture)),
            ]);
    }

    /// <summary>Sends the same messages to both in turns; a machine's speed changes.</summary>
    /// <returns>Runs of each, and what the cluster used for its own.</returns>
    public async Task<(List<HttpRun> InProcess, List<HttpRun> Cluster, ClusterUse Use)> CompareAsync(
        EmbeddedServer server, string model, BenchCluster cluster, IReadOnlyList<string> messages, int tokensEach, CancellationToken cancellationToken)
    {
        var near = new HttpLoad(new ChatServer(server.Url, model, cluster.Servers[0].IgnoresEnd));
        var far = new HttpLoad(cluster.Servers);
        foreach (HttpLoad load in (HttpLoad[])[near, far])
        {
            await load.RunAsync(messages, messages.Count, Math.Min(tokensEach, 16), cancellationToken); // warm-up
        }

        List<HttpRun> nearRuns = [];
        List<HttpRun> farRuns = [];
        ClusterUse? use = null;
        for (int round = 0; round < Rounds; round++)
        {
            BenchModel.Announce($"{messages.Count} streams, round {round + 1} of {Rounds}");
            nearRuns.Add(await near.RunAsync(messages, messages.Count, tokensEach, cancellationToken));
            ClusterUse before = await cluster.ReadUseAsync(cancellationToken);
            farRuns.Add(await far.RunAsync(messages, messages.Count, tokensEach, cancellationToken));
            ClusterUse used = await cluster.ReadUseAsync(cancellationToken) - before;
            use = use is null ? used : use + used;
        }

        return (nearRuns, farRuns, use!);
    }

    /// <summary>A table of what the cluster used per token.</summary>
    public static void AddUse(BenchReport report, string what, ClusterUse use, int tokens)
    {
        report.AddTable($"per token, {what}", "gateway CPU, µs", "silo CPU, µs", "PostgreSQL CPU, µs", "WAL, bytes", "transactions");
        report.AddRow(
            BenchModel.Invariant($"{tokens:N0} tokens"),
            PerToken(use.GatewayCpu.TotalMicroseconds, "N0"),
            PerToken(use.SiloCpu.TotalMicroseconds, "N0"),
            PerToken(use.DatabaseCpu.TotalMicroseconds, "N0"),
            PerToken(use.LogBytes, "N0"),
            PerToken(use.Transactions, "N3"));

        string PerToken(double value, string format) => (value / tokens).ToString(format, CultureInfo.InvariantCulture);
    }
}
