using System.CommandLine;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using GlmCluster.Cli.Control;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Gateway.Cluster;
using GlmCluster.Grains.Postgres;
using GlmCluster.Silo.Embeddings;
using GlmCluster.Silo.Hosting;
using GlmCluster.Silo.Loading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Cluster;

/// <summary><c>glm silo</c>: runs models for the gateways of a cluster.</summary>
internal static class SiloCommand
{
    public static readonly string[] Examples =
    [
        "glm silo --database \"Host=localhost;Database=glm;Username=glm\"",
        "glm silo --model ~/models/glm-4-9b-chat --live-host 0.0.0.0 --database @/run/secrets/glm-database",
        "glm silo --synthetic --steps-per-second 30",
    ];

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.Silo);
        var command = new Command(
            "silo",
            "Runs models for the gateways of a cluster. Every option can also be set in glm.json or the environment.");
        options.AddTo(command);
        var madeUp = new SiloModelOptions();
        madeUp.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            using var signals = new ShutdownSignals();
            return await RunAsync(settings, madeUp.Read(parsed), signals);
        });
        return command;
    }

    /// <returns>Exit code: 0 also when told to stop while still starting.</returns>
    private static async Task<int> RunAsync(ServeSettings settings, MadeUpModel madeUp, ShutdownSignals signals)
    {
        try
        {
            await ServeAsync(settings, madeUp, signals);
        }
        catch (OperationCanceledException) when (signals.Stopping.IsCancellationRequested)
        {
            Console.WriteLine("Stopped while starting.");
        }

        return 0;
    }

    private static async Task ServeAsync(ServeSettings settings, MadeUpModel madeUp, ShutdownSignals signals)
    {
        CancellationToken stopping = signals.Stopping;
        ClusterFabric.Database(settings);
        using ILoggerFactory logging = LoggerFactory.Create(builder => WebServer.ConfigureLogging(builder, settings));
        ILogger logger = logging.CreateLogger("GlmCluster.Cli");
        logger.SettingsInForce(SettingTable.Show(settings, SettingTable.Silo));
        await using SiloHealth health = await SiloHealth.StartAsync(settings, stopping);
        var live = new LiveEndpoint();
        await using WebApplication application = Build(settings, live);
        await WebServer.StartAsync(application, settings.LiveHost, settings.LivePort, prefix: "live-", stopping);
        var listening = new Uri(application.Urls.First());
        var url = new UriBuilder(Uri.UriSchemeHttp, Advertised(settings), listening.Port, live.Path).Uri;
        string name = $"{Environment.MachineName}/{settings.Device}:{listening.Port}";
        await using ClusterFabric cluster = await ClusterFabric.OpenAsync(settings, name, url, logging, stopping);
        live.Open(cluster.Fabric);
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        using LoadedModel? made = await madeUp.LoadAsync(settings, progress, stopping);
        ILogger siloLogger = logging.CreateLogger("GlmCluster.Silo");
        await using var embeddings = new EmbeddingHost(cluster.Fabric, cluster.Fabric, name, TimeProvider.System, siloLogger);
        await using var models = new ModelHost(cluster.Fabric, cluster.Fabric, name, TimeProvider.System, siloLogger);
        await LoadAsync(models, embeddings, settings, made, progress, stopping);
        Array.ForEach([.. models.Models], model => logger.ModelLoaded(model.Model));
        await using ControlServer? control = await ControlServer.StartAsync(models, settings, $"silo-{listening.Port}", logger, stopping);
        Console.WriteLine($"Silo    of the cluster at {ConnectionText.Describe(settings.Database!)}");
        Array.ForEach(
            [.. models.Models.SelectMany(model => ModelDescription.Lines(model.Model)), .. embeddings.Models.SelectMany(ModelDescription.Lines)],
            Console.WriteLine);
        health.IsReady = true;
        Console.WriteLine($"Control {control?.Path ?? "off"}");
        Console.WriteLine($"Health  {health.Url}");
        Console.WriteLine($"Working; gateways reach it at {url.GetLeftPart(UriPartial.Authority)}");
        await Task.Delay(Timeout.Infinite, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
        health.IsReady = false;
        Console.WriteLine("Stopping: running answers go on at other silos.");
        await signals.FinishAsync(settings.DrainTimeout, models.DrainAsync);
    }

    private static WebApplication Build(ServeSettings settings, LiveEndpoint live)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(settings, kestrel =>
        {
            // A gateway's request stays open, has no size, and may be silent for hours in both directions.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Parse(settings.LiveHost), settings.LivePort, listen => listen.Protocols = HttpProtocols.Http2);
        });
        WebApplication application = builder.Build();
        live.Map(application);
        return application;
    }

    private static Task LoadAsync(
        ModelHost models, EmbeddingHost embeddings, ServeSettings settings, LoadedModel? madeUp, LoadProgressLine? progress, CancellationToken stopping) =>
        madeUp is null
            ? ModelSets.LoadAsync(settings, models, embeddings, progress, stopping)
            : models.AddAsync(madeUp, settings.MaxQueued, stopping);

    /// <summary>What others call this machine.</summary>
    private static string Advertised(ServeSettings settings)
    {
        if (settings.Advertise is { } name)
        {
            return name;
        }

        var address = IPAddress.Parse(settings.LiveHost);
        if (!address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any))
        {
            return settings.LiveHost;
        }

        return NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .FirstOrDefault(found => found.AddressFamily == AddressFamily.InterNetwork)?.ToString()
            ?? throw new ImpossibleSettingException("advertise is not set and this machine has no network address. Set --advertise NAME.");
    }
}
