using System.Diagnostics;
using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Loop;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>What several silos give together.</summary>
internal static class SiloScaling
{
    private const int Silos = 2;
    private const double StepsPerSecond = 30;
    private const int SyntheticSequences = 32;
    private const int SyntheticClients = 96; // more than both run, so that neither waits for work
    private const int SyntheticRequests = 288;
    private const int SyntheticTokens = 40;

    /// <summary>Two silos of one thread beside two engines of one thread that know nothing of each other.</summary>
    public static async Task MeasureAsync(ClusterBench bench, BenchReport report, CancellationToken cancellationToken)
    {
        using LoadedModel first = await bench.Shape.LoadAsync(bench.Settings with { Threads = 1 }, progress: null, cancellationToken);
        using LoadedModel second = await bench.Shape.LoadAsync(bench.Settings with { Threads = 1 }, progress: null, cancellationToken);
        await using BenchCluster cluster = await BenchCluster.StartAsync(
            bench.Settings with { Threads = Silos }, gateways: 1, Silos, Silos, bench.ShapeArguments, cancellationToken);
        List<string> messages = BenchPrompts.Messages(Silos * RateCost.Streams);
        var load = new HttpLoad(cluster.Servers);
        await load.RunAsync(messages, messages.Count, maxTokens: 8, cancellationToken); // warm-up
        List<double> alone = [];
        List<double> together = [];
        for (int round = 0; round < bench.Rounds; round++)
        {
            BenchModel.Announce($"two engines and two silos, round {round + 1} of {bench.Rounds}");
            alone.Add(await RunEnginesAsync([first, second], messages));
            together.Add((await load.RunAsync(messages, messages.Count, RateCost.TokensEach, cancellationToken)).TokensPerSecond);
        }

        report.AddTable(BenchModel.Invariant($"{bench.Shape}, {first.Card.WeightFormat}, one thread each, {messages.Count} streams"), "tokens/s", "ratio", "limit");
        report.AddRow("two engines without a fabric", Number(BenchAmounts.Median(alone), "N1"), "1.00", "");
        double ratio = BenchAmounts.Median(together.Zip(alone, (one, other) => one / other));
        report.AddRow("two silos behind a gateway", Number(BenchAmounts.Median(together), "N1"), Number(ratio, "N2"), "0.95");
    }

    /// <summary>Two synthetic silos beside one.</summary>
    public static async Task MeasureSyntheticAsync(ClusterBench bench, BenchReport report, CancellationToken cancellationToken)
    {
        ServeSettings settings = bench.Settings with { MaxSequences = SyntheticSequences };
        await using BenchCluster cluster = await BenchCluster.StartAsync(
            settings, gateways: 1, silos: 1, Silos, ClusterBench.SyntheticArguments(StepsPerSecond), cancellationToken);
        var load = new HttpLoad(cluster.Servers);
        BenchModel.Announce($"one synthetic silo");
        double one = await RateAsync();
        await cluster.AddSiloAsync(cancellationToken);
        BenchModel.Announce($"two synthetic silos");
        double two = await RateAsync();

        report.AddTable(BenchModel.Invariant($"synthetic, {StepsPerSecond} steps/s, {SyntheticSequences} sequences in a step, {SyntheticClients} clients"), "tokens/s", "ratio", "limit");
        report.AddRow("one silo", Number(one, "N0"), "1.00", "");
        report.AddRow("two silos", Number(two, "N0"), Number(two / one, "N2"), "1.90");

        async Task<double> RateAsync() => SteadyRate(
            await load.RunAsync(BenchPrompts.Messages(SyntheticRequests), SyntheticClients, SyntheticTokens, cancellationToken));
    }

    /// <summary>Tokens per second while all has work: between the first fifth of the tokens and the last.</summary>
    private static double SteadyRate(HttpRun run)
    {
        ContentPiece[] pieces = [.. run.Answers.SelectMany(answer => answer.Pieces).OrderBy(piece => piece.Arrival)];
        ContentPiece[] steady = pieces[(pieces.Length / 5)..(4 * pieces.Length / 5)];
        return steady.Skip(1).Sum(piece => piece.Bytes) / Stopwatch.GetElapsedTime(steady[0].Arrival, steady[^1].Arrival).TotalSeconds;
    }

    /// <returns>Tokens per second of both.</returns>
    private static async Task<double> RunEnginesAsync(LoadedModel[] models, List<string> messages)
    {
        List<GenerationEngine> engines = [];
        try
        {
            List<EngineBenchmark> benchmarks = [];
            foreach (LoadedModel model in models)
            {
                engines.Add(BenchRun.StartEngine(model, out EngineBenchmark benchmark));
                benchmarks.Add(benchmark);
            }

            int share = messages.Count / models.Length;
            long start = Stopwatch.GetTimestamp();
            EngineRun[] runs = await Task.WhenAll(benchmarks.Select((benchmark, index) =>
                benchmark.ChatsAsync(messages.GetRange(index * share, share), share, RateCost.TokensEach)));
            return runs.Sum(run => run.Tokens) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        finally
        {
            engines.ForEach(engine => engine.Dispose());
        }
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
