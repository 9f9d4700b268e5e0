using System.CommandLine;
using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Routing;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Cli.Benchmarks;

/// <summary><c>glm bench routing</c>: the routing policies over simulated workers.</summary>
internal static class RoutingBenchCommand
{
    public static Command Create()
    {
        Option<int> workers = Number("--workers", "Simulated workers.", 200, 1, 2000);
        Option<int> seconds = Number("--seconds", "Simulated time; the first third is not counted.", 180, 3, 3600);
        Option<int> seed = Number("--seed", "Of the simulated conversations.", 1, 0, int.MaxValue);
        var output = new Option<FileInfo?>("--output") { Description = "File for the Markdown report; it is printed in any case.", HelpName = "FILE" };
        var command = new Command("routing", "Compares the routing policies over simulated workers, in cache hits and spread of load.") { workers, seconds, seed, output };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            int count = parsed.GetValue(workers);
            var load = new RoutingLoad
            {
                Workers = count,
                ConversationsPerSecond = count * 0.4,
                Seconds = parsed.GetValue(seconds),
                RandomSeed = parsed.GetValue(seed),
            };
            string page = await Task.Run(() => Report(load).ToString(), cancellationToken);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(page);
            if (parsed.GetValue(output) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, page, cancellationToken);
            }

            return 0;
        });
        return command;
    }

    private static BenchReport Report(RoutingLoad load)
    {
        var report = new BenchReport(
            "Routing policies over simulated workers",
            [
                ("workers", string.Create(CultureInfo.InvariantCulture, $"{load.Workers}, {load.Slots} sequences and {load.CacheBlocks} KV blocks each")),
                ("tenants", string.Create(CultureInfo.InvariantCulture, $"{load.Tenants}, the n-th asks as often as 1/n; a system prompt of 256 to 2,048 tokens each")),
                ("conversations", string.Create(CultureInfo.InvariantCulture, $"{load.ConversationsPerSecond:0.#} begin in a second; 5 turns on average, 15 s apart")),
                ("time", string.Create(CultureInfo.InvariantCulture, $"{load.Seconds} s, the last two thirds counted; seed {load.RandomSeed}")),
                ("simulated", "arrivals, times and caches; policies, router, block names and digests are the real ones"),
            ]);
        report.AddTable("policy", "requests", "prompt tokens found, %", "fullest ÷ mean", "first token p50, ms", "first token p99, ms");
        foreach (string policy in RoutingPolicies.Names)
        {
            RoutingResult result = RoutingSimulation.Run(load, policy);
            report.AddRow(
                policy,
                result.Requests.ToString(CultureInfo.InvariantCulture),
                (result.HitRate * 100).ToString("F1", CultureInfo.InvariantCulture),
                result.MaxOverMean.ToString("F2", CultureInfo.InvariantCulture),
                (result.MedianWait * 1000).ToString("F0", CultureInfo.InvariantCulture),
                (result.LongWait * 1000).ToString("F0", CultureInfo.InvariantCulture));
        }

        return report;
    }

    private static Option<int> Number(string name, string description, int usual, int least, int most)
    {
        var option = new Option<int>(name) { Description = $"{description} Default: {usual.ToString(CultureInfo.InvariantCulture)}.", HelpName = "N", DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            int value = result.GetValueOrDefault<int>();
            if (value < least || value > most)
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}. Allowed: {least} to {most}."));
            }
        });
        return option;
    }
}
