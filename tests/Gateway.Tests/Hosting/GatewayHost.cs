using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.InProcess;
using GlmCluster.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Gateway.Tests.Hosting;

/// <summary>A gateway behind a real Kestrel on a free port, over the real in-process fabric, with a worker that answers as a test says.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    private static readonly TimeSpan HangGuard = TimeSpan.FromSeconds(60);

    private readonly WebApplication _application;

    private GatewayHost(WebApplication application, InProcessFabric fabric, ScriptedWorker? worker, ManualTimeProvider time, RecordedLogs logs)
    {
        Logs = logs;
        _application = application;
        Fabric = fabric;
        Worker = worker!;
        Time = time;
        Address = new Uri(application.Urls.Single());
        Client = new HttpClient { BaseAddress = Address, Timeout = HangGuard };
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public InProcessFabric Fabric { get; }

    public ScriptedWorker Worker { get; }

    /// <summary>The gateway's clock; the fabric has the real one.</summary>
    public ManualTimeProvider Time { get; }

    /// <summary>What the gateway and the server logged, at every level.</summary>
    public RecordedLogs Logs { get; }

    public static Task<GatewayHost> StartAsync(IEnumerable<int> answer, GatewayHostOptions? options = null) =>
        StartAsync(_ => answer, options);

    public static Task<GatewayHost> StartAsync(Func<RunGeneration, IEnumerable<int>> answer, GatewayHostOptions? options = null) =>
        StartAsync((run, _) => answer(run), options);

    /// <summary>With an answer for each choice.</summary>
    public static async Task<GatewayHost> StartAsync(Func<RunGeneration, int, IEnumerable<int>> answer, GatewayHostOptions? options = null)
    {
        options ??= new GatewayHostOptions();
        InProcessFabric fabric = await InProcessFabric.OpenAsync(
            new InProcessFabricOptions { StorePath = options.StorePath },
            TimeProvider.System,
            NullLogger<InProcessFabric>.Instance,
            CancellationToken.None);
        ScriptedWorker? worker = !options.HasWorker ? null : await ScriptedWorker.JoinAsync(
            fabric, fabric, options.Card, options.TextAssets, answer, options.Paused, options.MaxSequences, options.MaxQueued);

        var time = new ManualTimeProvider();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var logs = new RecordedLogs();
        builder.Logging.AddProvider(logs).SetMinimumLevel(LogLevel.Trace);
        builder.Services
            .AddSingleton<IGenerationClient>(options.Generations?.Invoke(fabric) ?? fabric)
            .AddSingleton<IConversationStore>(fabric)
            .AddSingleton<IModelDirectory>(fabric)
            .AddSingleton<IEmbedder>(fabric)
            .AddSingleton<TimeProvider>(time)
            .AddGateway(options.Gateway);
        WebApplication application = builder.Build();
        application.MapGateway();
        await application.StartAsync();
        return new GatewayHost(application, fabric, worker, time, logs);
    }

    /// <summary>Posts a JSON body.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, JsonNode body, params ReadOnlySpan<(string Name, string Value)> headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<HttpResponseMessage> GetAsync(string path, params ReadOnlySpan<(string Name, string Value)> headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Posts a chat and reads the whole answer.</summary>
    public async Task<JsonNode> ChatAsync(JsonObject body)
    {
        using HttpResponseMessage response = await PostAsync("/v1/chat/completions", body);
        string text = await response.Content.ReadAsStringAsync();
        AssertSuccess(response, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>Posts a chat and reads the whole stream.</summary>
    public async Task<SseStream> StreamAsync(JsonObject body, string path = "/v1/chat/completions")
    {
        body["stream"] = true;
        using HttpResponseMessage response = await PostAsync(path, body);
        string text = await response.Content.ReadAsStringAsync();
        AssertSuccess(response, text);
        return SseStream.Parse(text);
    }

    private void AssertSuccess(HttpResponseMessage response, string text) => Assert.True(
        response.IsSuccessStatusCode,
        string.Join('\n', Logs.Lines.Where(line => line.StartsWith("Error", StringComparison.Ordinal)).Prepend(text)));

    /// <summary>The request of the next generation that the worker is given.</summary>
    public async Task<GenerationRequest> NextRequestAsync() => (await NextAsync<RunGeneration>()).Request;

    /// <summary>The next command of one kind that the worker is given. Fails where none comes.</summary>
    public Task<TCommand> NextAsync<TCommand>()
        where TCommand : WorkerCommand => Worker.NextAsync<TCommand>().WaitAsync(HangGuard);

    public Task StopAsync() => _application.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _application.StopAsync();
        await _application.DisposeAsync();
        if (Worker is not null)
        {
            await Worker.DisposeAsync();
        }

        await Fabric.DisposeAsync();
    }
}

/// <summary>What differs between tests.</summary>
internal sealed record GatewayHostOptions
{
    public GatewayOptions Gateway { get; init; } = new();

    public ModelCard Card { get; init; } = Nano.Card;

    public ReadOnlyMemory<byte> TextAssets { get; init; } = Nano.Assets.ToBytes();

    public bool HasWorker { get; init; } = true;

    public bool Paused { get; init; }

    public int MaxSequences { get; init; } = 64;

    public int MaxQueued { get; init; } = 64;

    public string? StorePath { get; init; }

    /// <summary>Puts something between gateway and fabric.</summary>
    public Func<IGenerationClient, IGenerationClient>? Generations { get; init; }
}
