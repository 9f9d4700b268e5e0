using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using GlmCluster.Checkpoints;
using GlmCluster.Cli.Help;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Hosting;
using GlmCluster.Silo.Loading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Control;

/// <summary>Takes the commands of <c>glm model load</c>, <c>unload</c> and <c>list</c> on a socket of this user: HTTP, with one JSON object a line as answer.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>Where models are listed and put.</summary>
    public const string ModelsPath = "/models";

    /// <summary>Most seconds that an unload waits for generations.</summary>
    public const string PatienceKey = "patience";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly ModelHost _models;
    private readonly ServeSettings _settings;
    private readonly ILogger _logger;
    private readonly WebApplication _application;
    private readonly CancellationTokenSource _stopping = new();

    private ControlServer(ModelHost models, ServeSettings settings, string path, ILogger logger)
    {
        _models = models;
        _settings = settings;
        _logger = logger;
        Path = path;
        _application = WebServer.CreateBuilder(settings, kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http1);
        }).Build();
        _application.MapGet(ModelsPath, (RequestDelegate)ListAsync);
        _application.MapPost(ModelsPath, (RequestDelegate)LoadAsync);
        _application.MapDelete(ModelsPath + "/{**name}", (RequestDelegate)UnloadAsync);
    }

    /// <summary>The socket.</summary>
    public string Path { get; }

    /// <param name="models">What it changes.</param>
    /// <param name="settings">Those of models that are loaded, where they say nothing themselves.</param>
    /// <param name="server">Names this server among those of the user.</param>
    /// <param name="logger">Where events go.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>Null: it is switched off, or the usual place cannot be used, which is logged.</returns>
    /// <exception cref="ImpossibleSettingException">The chosen place cannot be used.</exception>
    public static async Task<ControlServer?> StartAsync(
        ModelHost models, ServeSettings settings, string server, ILogger logger, CancellationToken cancellationToken)
    {
        if (settings.Control == ControlSocket.Off)
        {
            return null;
        }

        try
        {
            string path = ControlSocket.PathFor(settings.Control, server);
            await ControlSocket.PrepareAsync(path);
            var control = new ControlServer(models, settings, path, logger);
            await control._application.StartAsync(cancellationToken);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            return control;
        }
        catch (Exception failure) when (settings.Control is null && failure is IOException or UnauthorizedAccessException or ImpossibleSettingException)
        {
            logger.NoControlSocket(failure.Message);
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ImpossibleSettingException($"control is {settings.Control}, where no socket can be made: {failure.Message} Choose another file, or --control {ControlSocket.Off}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _application.StopAsync(CancellationToken.None);
        await _application.DisposeAsync();
        File.Delete(Path);
        _stopping.Dispose();
    }

    private async Task ListAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(
            http.Response.Body, [.. _models.Models.Select(RunningModel.Of)], ControlJson.Default.ImmutableArrayRunningModel, http.RequestAborted);
    }

    private async Task LoadAsync(HttpContext http)
    {
        LoadRequest? request = await JsonSerializer.DeserializeAsync(http.Request.Body, ControlJson.Default.LoadRequest, http.RequestAborted);
        var reports = new LatestProgress();
        await AnswerAsync(http, reports.Next, async () =>
        {
            ModelLoadOptions options = ToOptions(request ?? throw new SettingsException(["There is no model in the request."]));
            HostedModel loaded = await _models.LoadAsync(options, reports, _stopping.Token);
            _logger.ModelLoaded(loaded.Model);
            return loaded;
        });
    }

    private async Task UnloadAsync(HttpContext http)
    {
        string name = (string?)http.Request.RouteValues["name"] ?? "";
        TimeSpan patience = int.TryParse(http.Request.Query[PatienceKey], out int seconds) ? TimeSpan.FromSeconds(seconds) : _settings.DrainTimeout;
        HostedModel? leaving = _models.Find(name);
        await AnswerAsync(http, () => new ControlLine(Waiting: leaving?.Sequences ?? 0), async () =>
        {
            HostedModel gone = await _models.UnloadAsync(name, patience, _stopping.Token);
            _logger.ModelUnloaded(name);
            return gone;
        });
    }

    private ModelLoadOptions ToOptions(LoadRequest request)
    {
        var problems = new List<string>();
        ModelEntry entry = ModelText.Of(request.Folder, request.Name, request.Settings, "the model", problems);
        return problems.Count == 0
            ? (_settings with { ModelNameOverride = null }).Of(entry).ToLoadOptions()
            : throw new SettingsException(problems);
    }

    /// <summary>Does something that takes a while, and writes a line about it now and then. It is finished also when nobody listens any more.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The client is told, and what is not written for it is logged.")]
    private async Task AnswerAsync(HttpContext http, Func<ControlLine?> look, Func<Task<HostedModel>> work)
    {
        http.Response.ContentType = "application/x-ndjson";
        Task<HostedModel> working = work();
        while (await Task.WhenAny(working, Task.Delay(Interval, CancellationToken.None)) != working)
        {
            if (look() is { } line && !http.RequestAborted.IsCancellationRequested)
            {
                await WriteAsync(http, line);
            }
        }

        try
        {
            await WriteAsync(http, new ControlLine(Model: RunningModel.Of(await working)));
        }
        catch (Exception expected) when (ExpectedErrors.Include(expected) || expected is SettingsException or ImpossibleSettingException)
        {
            await WriteAsync(http, new ControlLine(Error: expected.Message));
        }
        catch (Exception bug)
        {
            _logger.ControlFailed(bug);
            await WriteAsync(http, new ControlLine(Error: "The server failed. The cause is in its log."));
        }
    }

    private static async Task WriteAsync(HttpContext http, ControlLine line)
    {
        await JsonSerializer.SerializeAsync(http.Response.Body, line, ControlJson.Default.ControlLine, http.RequestAborted);
        await http.Response.WriteAsync("\n", http.RequestAborted);
    }

    /// <summary>Keeps what was reported last. Thread-safe.</summary>
    private sealed class LatestProgress : IProgress<LoadProgress>
    {
        private LoadProgress? _latest;

        public void Report(LoadProgress value) => Volatile.Write(ref _latest, value);

        /// <returns>Null: nothing new.</returns>
        public ControlLine? Next() => Interlocked.Exchange(ref _latest, null) is { } latest
            ? new ControlLine(Progress: new ControlProgress(latest.Stage, latest.Done, latest.Total))
            : null;
    }
}
