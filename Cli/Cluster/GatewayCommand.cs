using System.CommandLine;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Gateway;
using GlmCluster.Gateway.Health;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Cluster;

/// <summary><c>glm gateway</c>: the HTTP side of a cluster. It needs neither model files nor native code.</summary>
internal static class GatewayCommand
{
    public static readonly string[] Examples =
    [
        "glm gateway --database \"Host=localhost;Database=glm;Username=glm\"",
        "glm gateway --host 0.0.0.0 --port 8000 --database @/run/secrets/glm-database",
    ];

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.Gateway);
        var command = new Command(
            "gateway",
            "Serves clients of a cluster over HTTP; its silos run the models. Every option can also be set in glm.json or the environment.");
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            using var signals = new ShutdownSignals();
            return await RunAsync(settings, signals);
        });
        return command;
    }

    /// <returns>Exit code: 0 also when told to stop while still starting.</returns>
    private static async Task<int> RunAsync(ServeSettings settings, ShutdownSignals signals)
    {
        try
        {
            await ServeAsync(settings, signals);
        }
        catch (OperationCanceledException) when (signals.Stopping.IsCancellationRequested)
        {
            Console.WriteLine("Stopped while starting.");
        }

        return 0;
    }

    private static async Task ServeAsync(ServeSettings settings, ShutdownSignals signals)
    {
        CancellationToken stopping = signals.Stopping;
        using ILoggerFactory logging = LoggerFactory.Create(builder => WebServer.ConfigureLogging(builder, settings));
        logging.CreateLogger("GlmCluster.Cli").SettingsInForce(SettingTable.Show(settings, SettingTable.Gateway));
        string name = $"{Environment.MachineName}:{settings.Port}";
        await using ClusterFabric cluster = await ClusterFabric.OpenAsync(settings, name, liveUrl: null, logging, stopping);
        await using WebApplication application = Build(settings, cluster.Fabric);
        await WebServer.StartAsync(application, settings.Host, settings.Port, prefix: "", stopping);
        Console.WriteLine($"Gateway  of the cluster at {ConnectionText.Describe(settings.Database!)}");
        Console.WriteLine($"Models   {Models(cluster.Fabric)}");
        Console.WriteLine($"Listening on {new Uri(application.Urls.First()).GetLeftPart(UriPartial.Authority)}");
        await Task.Delay(Timeout.Infinite, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
        Console.WriteLine("Stopping: open requests may end; then clients can go on with their streams at another gateway.");
        await signals.FinishAsync(settings.DrainTimeout, application.Services.GetRequiredService<GatewayDrain>().DrainAsync);
        await application.StopAsync(CancellationToken.None);
    }

    private static WebApplication Build(ServeSettings settings, PostgresFabric fabric)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(settings, kestrel => WebServer.ListenForClients(kestrel, settings));
        builder.Services
            .AddSingleton<IGenerationClient>(fabric)
            .AddSingleton<IConversationStore>(fabric)
            .AddSingleton<IModelDirectory>(fabric)
            .AddSingleton<IEmbedder>(fabric)
            .AddGateway(new GatewayOptions { SlowReaderTimeout = settings.SlowReaderTimeout, Aliases = settings.Aliases, TruncatesEmbeddings = settings.CutsLongEmbeddings });
        WebApplication application = builder.Build();
        application.MapGateway();
        return application;
    }

    private static string Models(PostgresFabric fabric) => fabric.Offered.IsEmpty
        ? "none yet: start a silo with the same database"
        : string.Join(", ", fabric.Offered.Select(card => card.Model.Name).Distinct());
}
