using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.Grains.Stores;

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
            string text = await ReadAsync(database, asJson, watch, stopping);
            Console.Write(watch && !asJson && !Console.IsOutputRedirected ? StatusTable.Redraw(text) : text);
            if (watch)
            {
                await Task.Delay(StatusTable.WatchPeriod, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
        while (watch && !stopping.IsCancellationRequested);
    }

    private static async Task<string> ReadAsync(string database, bool asJson, bool watch, CancellationToken stopping)
    {
        try
        {
            ClusterStatus status = await PostgresFabric.ReadStatusAsync(database, stopping);
            return asJson
                ? JsonSerializer.Serialize(status, StatusJsonContext.Default.ClusterStatus) + Environment.NewLine
                : StatusTable.Format(status, ConnectionText.Describe(database));
        }
        catch (StoreException away) when (watch)
        {
            await Console.Error.WriteLineAsync(away.Message); // whoever watches wants to see it come back
            return "";
        }
    }
}

/// <summary>The JSON form of <c>glm status --json</c>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ClusterStatus))]
internal sealed partial class StatusJsonContext : JsonSerializerContext;
