using System.Text.Json.Nodes;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>A cluster of real processes: what clients see while parts of it die. The same request always gives the same tokens, which is the oracle.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private const int Streams = 24;

    private PostgresServer? _postgres;
    private ClusterProcess? _gateway;
    private ClusterProcess? _silo;

    private string Database => _postgres!.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        _postgres = await PostgresServer.StartAsync(CancellationToken.None);
        _gateway = await ClusterProcess.StartGatewayAsync(Database);
        _silo = await ClusterProcess.StartSiloAsync(Database);
        using var api = new ChatApi(_gateway.Url);
        await api.WaitUntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }

        if (_silo is not null)
        {
            await _silo.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    [InlineData("TERM")]
    public async Task Streams_SiloGoesAway_GoOnExactlyAtTheOther(string signal)
    {
        using var api = new ChatApi(_gateway!.Url);
        string[] expected = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async seed => (await api.CompleteTextAsync(seed)).Text));
        await using ClusterProcess other = await ClusterProcess.StartSiloAsync(Database);

        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int running = 0;
        Task<ChatApi.Stream>[] streams = [.. Enumerable.Range(0, Streams).Select(seed => api.CompleteTextAsync(seed, () =>
        {
            if (Interlocked.Increment(ref running) == Streams)
            {
                started.TrySetResult();
            }
        }))];
        await started.Task;
        await _silo!.SignalAsync(signal);
        ChatApi.Stream[] answers = await Task.WhenAll(streams);

        Assert.Equal(expected, answers.Select(answer => answer.Text));
        Assert.All(answers, answer => Assert.NotNull(answer.FinishReason));
    }

    [Fact]
    public async Task Stream_GatewayKilled_ClientGoesOnAtTheOther()
    {
        await using ClusterProcess other = await ClusterProcess.StartGatewayAsync(Database);
        using var api = new ChatApi(_gateway!.Url);
        using var otherApi = new ChatApi(other.Url);
        await otherApi.WaitUntilReadyAsync();
        string whole = (await api.CompleteTextAsync(1)).Text;

        ChatApi.Stream cut = await api.CompleteTextAsync(1, leaveAfter: 5);
        await _gateway.KillAsync();
        ChatApi.Stream rest = await otherApi.ResumeAsync(cut.Generation, cut.LastEventId, path: "v1/completions");

        Assert.Equal(whole, cut.Text + rest.Text);
        Assert.NotEmpty(rest.Text);
    }

    [Fact]
    public async Task Conversation_OtherGatewayAfterAllElseDied_RemembersTheName()
    {
        using var api = new ChatApi(_gateway!.Url);
        string id = (string)(await api.CompleteAsync(ChatApi.UserMessage("我叫小明。")))["id"]!;
        await _gateway.KillAsync();
        await _silo!.KillAsync();

        await using ClusterProcess gateway = await ClusterProcess.StartGatewayAsync(Database);
        await using ClusterProcess silo = await ClusterProcess.StartSiloAsync(Database);
        using var next = new ChatApi(gateway.Url);
        await next.WaitUntilReadyAsync();

        Assert.Equal(
            "你叫小明。",
            (string?)(await next.CompleteAsync(ChatApi.UserMessage("我叫什么名字？"), conversation: id))["choices"]![0]!["message"]!["content"]);
    }

    [Fact]
    public async Task Status_Json_ShowsWhoIsThere()
    {
        using var api = new ChatApi(_gateway!.Url);
        await api.CompleteTextAsync(1);
        using GlmProcess status = GlmProcess.Start("status", "--json", "--database", Database);

        JsonNode shown = JsonNode.Parse(await status.Output.ReadToEndAsync())!;

        Assert.Equal(0, await status.WaitAsync());
        Assert.Single(shown["gateways"]!.AsArray());
        JsonNode silo = Assert.Single(shown["silos"]!.AsArray())!;
        Assert.Equal(("glm-nano", "working"), ((string?)silo["model"], (string?)silo["state"]));
        Assert.InRange((double)silo["beat_age_seconds"]!, 0, 60);
        JsonNode model = Assert.Single(shown["models"]!.AsArray())!;
        Assert.Equal((1, 1, 0), ((int)model["workers"]!, (int)model["finished"]!, (int)model["running"]!));
        Assert.InRange((double)model["cache_hit_rate"]!, 0, 1);
    }

    [Fact]
    public async Task Stop_GatewayAndSilo_ExitWith0()
    {
        Assert.Equal(0, await _gateway!.StopAsync());
        Assert.Equal(0, await _silo!.StopAsync());
    }
}
