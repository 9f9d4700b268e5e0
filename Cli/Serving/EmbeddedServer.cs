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
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Serving;

/// <summary>The whole server inside this process: fabric with its store, gateway, and a worker for one model.</summary>
/// <remarks>It listens while the model still loads, so that <c>/health</c> answers and <c>/ready</c> says not yet.</remarks>
internal sealed class EmbeddedServer : IAsyncDisposable
{
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
        WebApplicationBuilder builder = WebServer.CreateBuilder(settings, kestrel => WebServer.ListenForClients(kestrel, settings));
        using ILoggerFactory storeLogging = LoggerFactory.Create(logging => WebServer.ConfigureLogging(logging, settings));
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
            .AddGateway(new GatewayOptions { Aliases = settings.Aliases });
        var server = new EmbeddedServer(fabric, builder.Build());
        try
        {
            server._application.MapGateway();
            server._application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("GlmCluster.Cli").SettingsInForce(SettingTable.Show(settings, SettingTable.Serve));
            await WebServer.StartAsync(server._application, settings.Host, settings.Port, prefix: "", cancellationToken);
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

    private async Task LoadAsync(
        ServeSettings settings, LoadedModel? loaded, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var loader = new ModelLoader(settings.ToLoadOptions(), TimeProvider.System, progress);
        _ownsModel = loaded is null;
        _model = loaded ?? await Task.Run(() => loader.LoadFolderAsync(cancellationToken), cancellationToken);
        ILoggerFactory logging = _application.Services.GetRequiredService<ILoggerFactory>();
        LogLoad(logging.CreateLogger("GlmCluster.Cli"), _model);
        ILogger logger = logging.CreateLogger("GlmCluster.Silo");
        string workerName = $"{Environment.MachineName}/{settings.Device}";
        _supervisor = await WorkerSupervisor.StartAsync(
            _fabric, _fabric, _model, workerName, settings.MaxQueued, TimeProvider.System, logger, cancellationToken);
    }

    private static void LogLoad(ILogger logger, LoadedModel model)
    {
        logger.ModelLoaded(model.LoadTime, WeightLoadText.Describe(model.WeightLoad));
        foreach (string note in model.WeightLoad.Notes)
        {
            logger.WeightCacheNote(note);
        }
    }
}
