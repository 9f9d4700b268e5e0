using GlmCluster.Cli.Settings;
using GlmCluster.Gateway.Cluster;
using GlmCluster.Grains.Postgres;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Cluster;

/// <summary>This process's place in the cluster, with what it needs for that. Disposing leaves the cluster.</summary>
internal sealed class ClusterFabric : IAsyncDisposable
{
    private readonly HttpLiveConnector _connector;

    private ClusterFabric(PostgresFabric fabric, HttpLiveConnector connector)
    {
        Fabric = fabric;
        _connector = connector;
    }

    public PostgresFabric Fabric { get; }

    /// <param name="settings">Which database.</param>
    /// <param name="name">This process, for operators.</param>
    /// <param name="liveUrl">Where gateways reach it; null: it is a gateway.</param>
    /// <param name="logging">Where events go.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<ClusterFabric> OpenAsync(
        ServeSettings settings, string name, Uri? liveUrl, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        var options = new PostgresFabricOptions
        {
            ConnectionString = Database(settings),
            ProcessName = name,
            LiveUrl = liveUrl,
            MaxConnections = liveUrl is null ? 5 : 3,
            ResumeWindow = settings.ResumeWindow,
            ConversationTtl = settings.ConversationTtl,
            Routing = settings.Routing,
            CallerLimits = settings.CallerLimits,
        };
        var connector = new HttpLiveConnector();
        try
        {
            PostgresFabric fabric = await PostgresFabric.OpenAsync(
                options, connector, TimeProvider.System, logging.CreateLogger("GlmCluster.Grains"), cancellationToken);
            return new ClusterFabric(fabric, connector);
        }
        catch
        {
            connector.Dispose();
            throw;
        }
    }

    /// <exception cref="ImpossibleSettingException">None is set.</exception>
    public static string Database(ServeSettings settings) => settings.Database ?? throw new ImpossibleSettingException(
        "database is not set. Give the cluster's PostgreSQL in GLM_DATABASE, in glm.json, or with --database, for example "
        + "\"Host=db.example.com;Database=glm;Username=glm;SSL Mode=VerifyFull\"; a password never on the command line.");

    public async ValueTask DisposeAsync()
    {
        await Fabric.DisposeAsync();
        _connector.Dispose();
    }
}
