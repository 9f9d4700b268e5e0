using System.Net;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>Silos with several models each, while models come and go.</summary>
public sealed class SeveralModelsClusterTests : IAsyncLifetime
{
    private const int Streams = 4;
    private const int Tokens = 1_500;

    private static readonly string Nano = RepositoryFolder.Path("assets", "glm-nano");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-");
    private PostgresServer? _postgres;
    private ClusterProcess? _gateway;
    private ClusterProcess? _silo;

    private string Socket => Path.Combine(_folder.FullName, "c.sock");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        _postgres = await PostgresServer.StartAsync(CancellationToken.None);
        _gateway = await ClusterProcess.StartGatewayAsync(_postgres.ConnectionString);
        _silo = await ClusterProcess.StartSiloAsync(
            _postgres.ConnectionString, "--model", Nano, "--model", $"second={Nano}", "--kv-memory", "256MB", "--control", Socket);
        using var api = new ChatApi(_gateway.Url);
        await api.WaitUntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ClusterProcess? process in new[] { _gateway, _silo })
        {
            await (process?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        await (_postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Unload_AnotherSiloHasTheModel_StreamsMoveThereAndTheOtherModelStays()
    {
        using var api = new ChatApi(_gateway!.Url);
        await using ClusterProcess other = await ClusterProcess.StartSiloAsync(_postgres!.ConnectionString, "--model", $"second={Nano}");
        string[] expected = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async seed => (await AskAsync(api, seed, null)).Text));

        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int waiting = Streams;
        Task<ChatApi.Stream>[] streams = [.. Enumerable.Range(0, Streams).Select(seed => AskAsync(api, seed, () =>
        {
            if (Interlocked.Decrement(ref waiting) == 0)
            {
                started.TrySetResult();
            }
        }))];
        await started.Task;
        (int loaded, _) = await GlmProcess.RunAsync("model", "load", Nano, "--name", "third", "--kv-memory", "64MB", "--server", Socket);
        (int unloaded, string text) = await GlmProcess.RunAsync("model", "unload", "second", "--server", Socket);
        bool wereStreaming = streams.All(stream => !stream.IsCompleted);

        Assert.Equal((0, 0), (loaded, unloaded));
        Assert.True(wereStreaming, $"They moved, for they had not ended when the unload had: {text}");
        Assert.Equal(expected, (await Task.WhenAll(streams)).Select(stream => stream.Text));
        while (await api.TryAsync("third") is HttpStatusCode.NotFound or HttpStatusCode.ServiceUnavailable)
        {
            // The gateway learns of it within a second.
        }

        Assert.Equal(HttpStatusCode.OK, await api.TryAsync("third"));
        Assert.Equal(HttpStatusCode.OK, await api.TryAsync("second"));
        Assert.Equal(HttpStatusCode.OK, await api.TryAsync("glm-nano"));
    }

    private static Task<ChatApi.Stream> AskAsync(ChatApi api, int seed, Action? onStarted) =>
        api.CompleteTextAsync(seed, onStarted, model: "second", exactTokens: Tokens);
}
