using System.Net;
using System.Net.Sockets;
using GlmCluster.Checkpoints;
using GlmCluster.Cli.Settings;
using GlmCluster.Gateway;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.InProcess;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Workers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Serving;

/// <summary>The whole server inside this process: fabric with its store, gateway, and a worker for one model.</summary>
/// <remarks>It listens while the model still loads, so that <c>/health</c> answers and <c>/ready</c> says not yet.</remarks>
internal sealed class EmbeddedServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    private readonly InProcessFabric _fabric;
    private readonly WebApplication _application;
    private LoadedModel? _model;
    private bool _ownsModel;
    private WorkerSupervisor? _supervisor;

    private EmbeddedServer(InProcessFabric fabric, WebApplication application)
    {
        _fabric = fabric;
        _application = application;
    }

    /// <summary>Where it listens; a port of 0 has become the real one.</summary>
    public Uri Url => new(_application.Urls.First());

    public LoadedModel Model => _model ?? throw new InvalidOperationException("The model is not loaded yet.");

    /// <summary>Starts everything; on return the model can generate.</summary>
    /// <param name="settings">What to serve and where.</param>
    /// <param name="loaded">A model that is ready and stays the caller's; null: the folder of the settings is loaded.</param>
    /// <param name="progress">Told how loading goes; null: nobody.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<EmbeddedServer> StartAsync(
        ServeSettings settings,
        LoadedModel? loaded,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = CreateBuilder(settings);
        using ILoggerFactory storeLogging = LoggerFactory.Create(logging => ConfigureLogging(logging, settings));
        var fabricOptions = new InProcessFabricOptions
        {
            StorePath = settings.StoreFile,
            ResumeWindow = settings.ResumeWindow,
            ConversationTtl = settings.ConversationTtl,
        };
        InProcessFabric fabric = await InProcessFabric.OpenAsync(
            fabricOptions, TimeProvider.System, storeLogging.CreateLogger<InProcessFabric>(), cancellationToken);
        builder.Services
            .AddSingleton<IGenerationClient>(fabric)
            .AddSingleton<IConversationStore>(fabric)
            .AddSingleton<IModelDirectory>(fabric)
            .AddGateway(new GatewayOptions());
        var server = new EmbeddedServer(fabric, builder.Build());
        try
        {
            server._application.MapGateway();
            server._application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("GlmCluster.Cli").SettingsInForce(SettingTable.Show(settings));
            await server.ListenAsync(settings, cancellationToken);
            await server.LoadAsync(settings, loaded, progress, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Streams get their closing event, what is unfinished is parked, then the store is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(CancellationToken.None);
        if (_supervisor is not null)
        {
            await _supervisor.DisposeAsync();
        }

        await _fabric.DisposeAsync();
        await _application.DisposeAsync();
        if (_ownsModel)
        {
            _model?.Dispose();
        }
    }

    private async Task ListenAsync(ServeSettings settings, CancellationToken cancellationToken)
    {
        try
        {
            await _application.StartAsync(cancellationToken);
        }
        catch (IOException inUse) when (inUse.InnerException is AddressInUseException)
        {
            throw new ImpossibleSettingException(
                $"port {settings.Port} on {settings.Host} is in use; is another server running? Stop it, or choose another with --port.");
        }
        catch (SocketException refused)
        {
            throw new ImpossibleSettingException(
                $"host {settings.Host} and port {settings.Port} cannot be listened on: {refused.Message}. Choose others with --host and --port.");
        }
    }

    private async Task LoadAsync(
        ServeSettings settings, LoadedModel? loaded, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var loader = new ModelLoader(settings.ToLoadOptions(), TimeProvider.System, progress);
        _ownsModel = loaded is null;
        _model = loaded ?? await Task.Run(() => loader.LoadFolderAsync(cancellationToken), cancellationToken);
        ILogger logger = _application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("GlmCluster.Silo");
        string workerName = $"{Environment.MachineName}/{settings.Device}";
        _supervisor = await WorkerSupervisor.StartAsync(
            _fabric, _fabric, _model, workerName, settings.MaxQueued, TimeProvider.System, logger, cancellationToken);
    }

    // The empty builder reads no files and no environment of the framework's own: settings come from one place.
    private static WebApplicationBuilder CreateBuilder(ServeSettings settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        ConfigureLogging(builder.Logging, settings);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Listen(kestrel, settings);
        });
        // Nothing of ours blocks, so what is flushed is sent by the thread that flushes, without a task for it.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        return builder;
    }

    private static void Listen(KestrelServerOptions kestrel, ServeSettings settings)
    {
        if (settings.Host != "localhost")
        {
            kestrel.Listen(IPAddress.Parse(settings.Host), settings.Port);
        }
        else if (settings.Port == 0)
        {
            kestrel.Listen(IPAddress.Loopback, 0); // one free port for both address families cannot be had
        }
        else
        {
            kestrel.ListenLocalhost(settings.Port);
        }
    }

    /// <summary>Logs go to standard error, one line each: standard output is for people.</summary>
    private static void ConfigureLogging(ILoggingBuilder logging, ServeSettings settings) =>
        logging
            .SetMinimumLevel(settings.LogLevel)
            .AddFilter("Microsoft", settings.LogLevel > LogLevel.Warning ? settings.LogLevel : LogLevel.Warning)
            // What stops the start is thrown too, and reported without a stack trace.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            })
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
}
