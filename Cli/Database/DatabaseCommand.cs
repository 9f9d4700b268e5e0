using System.CommandLine;
using GlmCluster.Cli.Cluster;
using GlmCluster.Cli.Settings;
using GlmCluster.Grains.Postgres;

namespace GlmCluster.Cli.Database;

/// <summary><c>glm db</c>: the cluster's database.</summary>
internal static class DatabaseCommand
{
    public static readonly string[] Examples = ["glm db migrate --database \"Host=localhost;Database=glm;Username=owner\""];

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.All.Where(setting => setting.Name == "database"));
        var migrate = new Command(
            "migrate",
            "Brings the schema up to date, also where that takes something away that older programs use. Gateways and silos do the rest by themselves.");
        options.AddTo(migrate);
        migrate.SetAction(async (parsed, cancellationToken) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            int version = await PostgresFabric.MigrateAsync(ClusterFabric.Database(settings), cancellationToken);
            Console.WriteLine($"The schema at {ConnectionText.Describe(settings.Database!)} has version {version}.");
            return 0;
        });
        return new Command("db", "Looks after the cluster's database.") { migrate };
    }
}
