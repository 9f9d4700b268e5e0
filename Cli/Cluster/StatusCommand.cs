using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Members;

namespace GlmCluster.Cli.Cluster;

/// <summary><c>glm status</c>: who is in the cluster and what it does.</summary>
internal static class StatusCommand
{
    public static readonly string[] Examples =
    [
        "glm status --database \"Host=localhost;Database=glm;Username=glm\"",
        "glm status --watch",
        "glm status --json",
    ];

    private static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.All.Where(setting => setting.Name == "database"));
        var json = new Option<bool>("--json") { Description = "One JSON object instead of tables." };
        var watch = new Option<bool>("--watch") { Description = "Shows it again every second, until Ctrl+C." };
        var command = new Command("status", "Shows a cluster: gateways, silos, models, and their load.") { json, watch };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            string database = ClusterFabric.Database(settings);
            using var signals = new ShutdownSignals();
            await ShowAsync(database, parsed.GetValue(json), parsed.GetValue(watch), signals.Stopping);
            return 0;
        });
        return command;
    }

    private static async Task ShowAsync(string database, bool asJson, bool watch, CancellationToken stopping)
    {
        do
        {
            ClusterStatus status = await PostgresFabric.ReadStatusAsync(database, stopping);
            string text = asJson
                ? JsonSerializer.Serialize(status, StatusJsonContext.Default.ClusterStatus) + Environment.NewLine
                : StatusTable.Format(status, ConnectionText.Describe(database));
            Console.Write(watch && !asJson && !Console.IsOutputRedirected ? $"\e[H\e[J{text}" : text);
            if (watch)
            {
                await Task.Delay(WatchPeriod, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
        while (watch && !stopping.IsCancellationRequested);
    }
}

/// <summary>The tables that people read.</summary>
internal static class StatusTable
{
    private const int HashDigits = 12;

    public static string Format(ClusterStatus status, string database)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"Cluster at {database}");
        Write(text, ["GATEWAY", "STREAMS", "LAST BEAT"], status.Gateways.Select(gateway =>
            new[] { gateway.Name, Number(gateway.Streams), Age(gateway.BeatAgeSeconds) }));
        Write(text, ["SILO", "MODEL", "WEIGHTS", "LOAD", "FREE KV BLOCKS", "LAST BEAT"], status.Silos.Select(silo => new[]
        {
            silo.Name, silo.Model, silo.ContentHash[..Math.Min(HashDigits, silo.ContentHash.Length)],
            $"{Number(silo.Assigned)} of {Number(silo.MaxSequences)}", Number(silo.FreeBlocks), Age(silo.BeatAgeSeconds),
        }));
        Write(text, ["MODEL", "WEIGHTS", "WORKERS", "RUNNING", "WAITING", "PARKED", "FINISHED", "CACHE HITS"], status.Models.Select(model => new[]
        {
            model.Name, model.ContentHash[..Math.Min(HashDigits, model.ContentHash.Length)], Number(model.Workers), Number(model.Running),
            Number(model.Waiting), Number(model.Parked), Number(model.Finished), model.CacheHitRate.ToString("P0", CultureInfo.InvariantCulture),
        }));
        return text.ToString();
    }

    private static void Write(StringWriter text, string[] head, IEnumerable<string[]> rows)
    {
        List<string[]> lines = [head, .. rows];
        int[] widths = [.. Enumerable.Range(0, head.Length).Select(column => lines.Max(line => line[column].Length))];
        text.WriteLine();
        foreach (string[] line in lines)
        {
            text.WriteLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        if (lines.Count == 1)
        {
            text.WriteLine("none");
        }
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Age(double seconds) => seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s ago";
}

/// <summary>The JSON form of <c>glm status --json</c>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ClusterStatus))]
internal sealed partial class StatusJsonContext : JsonSerializerContext;
