using GlmCluster.Checkpoints;
using GlmCluster.Cli.Settings;
using GlmCluster.Gateway;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.InProcess;
using GlmCluster.Silo.Embeddings;
using GlmCluster.Silo.Hosting;
using GlmCluster.Silo.Loading;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Serving;

/// <summary>The whole server inside this process: fabric with its store, gateway, and workers for its models.</summary>
/// <remarks>It listens while the model still loads, so that <c>/health</c> answers and <c>/ready</c> says not yet.</remarks>
internal sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly InProcessFabric _fabric;
    private readonly WebApplication _application;

    private EmbeddedServer(InProcessFabric fabric, WebApplication application, ServeSettings settings)
    {
        _fabric = fabric;
        _application = application;
        ILogger logger = application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("GlmCluster.Silo");
        string workerName = $"{Environment.MachineName}/{settings.Device}";
        Models = new ModelHost(fabric, fabric, workerName, TimeProvider.System, logger);
        Embeddings = new EmbeddingHost(fabric, fabric, workerName, TimeProvider.System, logger);
    }

    /// <summary>Where it listens; a port of 0 has become the real one.</summary>
    public Uri Url => new(_application.Urls.First());

    public ModelHost Models { get; }

    public EmbeddingHost Embeddings { get; }

    /// <summary>Log of the program itself.</summary>
    public ILogger Logger => _application.Services.GetRequiredService<ILoggerFactory>().CreateLogger("GlmCluster.Cli");

    /// <summary>Starts everything; on return its models can generate.</summary>
    /// <param name="settings">What to serve and where.</param>
    /// <param name="loaded">A model that is ready and stays the caller's; null: the folders of the settings are loaded.</param>
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
            Routing = settings.Routing,
            CallerLimits = settings.CallerLimits,
        };
        InProcessFabric fabric = await InProcessFabric.OpenAsync(
            fabricOptions, TimeProvider.System, storeLogging.CreateLogger<InProcessFabric>(), cancellationToken);
        builder.Services
            .AddSingleton<IGenerationClient>(fabric)
            .AddSingleton<IConversationStore>(fabric)
            .AddSingleton<IModelDirectory>(fabric)
            .AddSingleton<IEmbedder>(fabric)
            .AddGateway(new GatewayOptions { SlowReaderTimeout = settings.SlowReaderTimeout, Aliases = settings.Aliases, TruncatesEmbeddings = settings.CutsLongEmbeddings });
        var server = new EmbeddedServer(fabric, builder.Build(), settings);
        try
        {
            server._application.MapGateway();
            server.Logger.SettingsInForce(SettingTable.Show(settings, SettingTable.Serve));
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
        await Models.DisposeAsync();
        await Embeddings.DisposeAsync();
        await _fabric.DisposeAsync();
        await _application.DisposeAsync();
    }

    private async Task LoadAsync(
        ServeSettings settings, LoadedModel? loaded, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        if (loaded is not null)
        {
            await Models.AddAsync(loaded, settings.MaxQueued, cancellationToken);
            return;
        }

        await ModelSets.LoadAsync(settings.WithEmbeddingModel(), Models, Embeddings, progress, cancellationToken);
        foreach (HostedModel model in Models.Models)
        {
            Logger.ModelLoaded(model.Model);
        }
    }
}
