using System.CommandLine;
using System.CommandLine.Parsing;
using GlmCluster.Bench;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary><c>glm bench cluster</c>: what gateways, silos and PostgreSQL cost beside one process, measured in turns on this machine.</summary>
internal static class ClusterBenchCommand
{
    private static readonly ModelShape DefaultShape = new("edge-1.5b", Layers: 4);

    private static readonly IReadOnlyDictionary<string, Func<ClusterBench, BenchReport, CancellationToken, Task>> Parts =
        new Dictionary<string, Func<ClusterBench, BenchReport, CancellationToken, Task>>(StringComparer.Ordinal)
        {
            ["pace"] = PaceCost.MeasureAsync,
            ["rate"] = RateCost.MeasureAsync,
            ["silos"] = SiloScaling.MeasureAsync,
            ["synthetic"] = SiloScaling.MeasureSyntheticAsync,
            ["streams"] = StreamCheck.MeasureAsync,
        };

    public static Command Create()
    {
        var shape = new ShapeOptions();
        Option<string[]> part = new("--part")
        {
            Description = $"What to measure, with commas between: {string.Join(", ", Parts.Keys)}. Default: all.",
            HelpName = "LIST",
            CustomParser = ParseParts,
            DefaultValueFactory = _ => [.. Parts.Keys],
        };
        Option<int> rounds = BenchCommand.Rounds();
        var output = new Option<FileInfo?>("--output") { Description = "File for the Markdown report; it is printed in any case.", HelpName = "FILE" };
        var options = new SettingOptions(SettingTable.All.Where(setting => setting.Name is "threads" or "weights" or "device"));
        var command = new Command("cluster", "Measures what a cluster costs beside one process. It starts PostgreSQL, gateways and silos for itself.") { part, rounds, output };
        shape.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess())).ForEmbeddedServer();
            var bench = new ClusterBench(
                settings with { Weights = settings.Weights ?? WeightFormat.Int8 }, shape.Read(parsed) ?? DefaultShape, parsed.GetValue(rounds));
            using var signals = new ShutdownSignals();
            BenchReport report = await bench.CreateReportAsync(signals.Stopping);
            foreach (string name in parsed.GetValue(part)!)
            {
                await Parts[name](bench, report, signals.Stopping);
            }

            await parsed.InvocationConfiguration.Output.WriteLineAsync(report.ToString());
            if (parsed.GetValue(output) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, report.ToString(), signals.Stopping);
            }

            return 0;
        });
        return command;
    }

    private static string[]? ParseParts(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        string[] names = text.Split(',');
        if (names.All(Parts.ContainsKey))
        {
            return [.. names.Distinct()];
        }

        result.AddError($"--part is \"{text}\". Allowed: {string.Join(", ", Parts.Keys)}, several with commas between.");
        return null;
    }
}
