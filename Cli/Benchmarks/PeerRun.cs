using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Serving;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Benchmarks;

/// <summary>Our server and another one with the same API, in turns, with the same requests.</summary>
/// <param name="subject">What we serve.</param>
/// <param name="peer">The other; it must rest while it has no requests.</param>
/// <param name="clients">Numbers of clients, one measurement each.</param>
/// <param name="rounds">Turns; a machine's speed changes, so a ratio is taken within each and the median counts.</param>
internal sealed class PeerRun(BenchModel subject, ChatServer peer, IReadOnlyList<int> clients, int rounds)
{
    private const int MostTokens = 64;

    public async Task<BenchReport> RunAsync(CancellationToken cancellationToken)
    {
        using LoadedModel model = await subject.LoadAsync(cancellationToken);
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(subject.Settings, model, progress: null, cancellationToken);
        Side[] sides =
        [
            new("GlmCluster", new HttpLoad(await ChatServer.FindAsync(server.Url, model.Card.Model.Name, cancellationToken))),
            new($"{peer.Model} at {peer.Url.Authority}", new HttpLoad(peer)),
        ];
        foreach (Side side in sides)
        {
            BenchModel.Announce($"nothing yet: warming {side.Name} up");
            await side.Load.RunAsync(BenchPrompts.Messages(8), concurrency: 4, maxTokens: 16, cancellationToken);
        }

        double busy = await MachineLoad.MeasureAsync(TimeSpan.FromSeconds(1), cancellationToken);
        foreach (int count in clients)
        {
            for (int round = 0; round < rounds; round++)
            {
                foreach (Side side in sides)
                {
                    BenchModel.Announce($"{count} clients, round {round + 1} of {rounds}, {side.Name}");
                    side.Add(count, await side.Load.RunAsync(BenchPrompts.Messages(count), count, MostTokens, cancellationToken));
                }
            }
        }

        return Report(model, sides, busy);
    }

    private BenchReport Report(LoadedModel model, Side[] sides, double busy)
    {
        string idle = double.IsNaN(busy) ? "not measured" : busy.ToString("P0", CultureInfo.InvariantCulture);
        var report = new BenchReport(
            $"glm bench: {subject.Title} beside {peer.Model}",
            [
                .. subject.Facts(model),
                ("peer", sides[1].Name),
                ("setting", BenchModel.Invariant($"greedy, at most {MostTokens} tokens each, {rounds} rounds in alternation, medians")),
                ("processors busy while neither had requests", idle),
            ]);
        report.AddTable(
            "server", "clients", "tokens/s", "ratio", "first token p50, ms", "p95, ms", "between tokens p50, ms", "p95, ms", "prompt tokens", "answer tokens");
        foreach (int count in clients)
        {
            double ratio = BenchAmounts.Median(sides[0].Runs[count].Zip(sides[1].Runs[count], (ours, theirs) => ours.TokensPerSecond / theirs.TokensPerSecond));
            report.AddRow(Row(sides[0], count, ratio));
            report.AddRow(Row(sides[1], count, ratio: 1));
        }

        return report;
    }

    private static string[] Row(Side side, int count, double ratio)
    {
        List<HttpRun> runs = side.Runs[count];
        HttpRun all = HttpRun.Join(runs);
        return
        [
            side.Name,
            BenchModel.Invariant($"{count}"),
            BenchModel.Invariant($"{BenchAmounts.Median(runs.Select(run => run.TokensPerSecond)):N1}"),
            BenchModel.Invariant($"{ratio:N2}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(all.Firsts, 0.5):N1}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(all.Firsts, 0.95):N1}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(all.Gaps, 0.5):N1}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(all.Gaps, 0.95):N1}"),
            BenchModel.Invariant($"{all.PromptTokens:N0}"),
            BenchModel.Invariant($"{all.Tokens:N0}"),
        ];
    }

    private sealed record Side(string Name, HttpLoad Load)
    {
        /// <summary>By number of clients.</summary>
        public Dictionary<int, List<HttpRun>> Runs { get; } = [];

        public void Add(int count, HttpRun run)
        {
            Runs.TryAdd(count, []);
            Runs[count].Add(run);
        }
    }
}
