using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.TestKit;
using Npgsql;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>A silo and a gateway that are told to stop while they serve long prompts.</summary>
public sealed class DrainTests : IAsyncLifetime
{
    private const int Streams = 2;

    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };
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
        _http.BaseAddress = _gateway.Url;
        using var api = new ChatApi(_gateway.Url);
        await api.WaitUntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        foreach (ClusterProcess? process in new[] { _gateway, _silo })
        {
            await (process?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        await (_postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <remarks>What the last worker found in its cache shows the order: it had read the prompt, and the answer so far, before it was given the stream.</remarks>
    [Fact]
    public async Task Silo_Term_OtherHasReadTheLongPromptsBeforeItGoesOn()
    {
        Answer[] expected = await AskAllAsync(onStarted: null);
        await using ClusterProcess other = await ClusterProcess.StartSiloAsync(Database);

        Task<int>? stopping = null;
        Answer[] answers = await AskAllAsync(onStarted: () => stopping = _silo!.StopAsync());
        int exitCode = await stopping!;
        List<string> moved = await QueryAsync("select id from glm.generations where tokens_at_dispatch > 0");

        Assert.Equal(0, exitCode);
        Assert.True(expected.Select(answer => answer.Text).SequenceEqual(answers.Select(answer => answer.Text)));
        Assert.NotEmpty(moved);
        Assert.All(
            answers.Where(answer => moved.Contains(answer.Id)).Select(answer => answer.PromptTokens - answer.CachedTokens),
            computedAgain => Assert.InRange(computedAgain, 0, 64));
        Assert.Equal(2 * Streams, (await QueryAsync("select generation from glm.usage")).Count);
        Assert.Empty(await QueryAsync("select id from glm.generations where worker is not null or successor is not null"));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{moved.Count} of {Streams} moved; longest gap between two events: {answers.Max(answer => answer.LongestGap).TotalMilliseconds:0} ms; "
            + $"without a stop: {expected.Max(answer => answer.LongestGap).TotalMilliseconds:0} ms; prompts of {answers[0].PromptTokens} tokens");
    }

    [Fact]
    public async Task Gateway_Term_IsNotReadyAndFinishesOpenStreams()
    {
        Answer expected = await AskAsync(0, onStarted: null, tokens: 200);
        HttpStatusCode? readyWhileDraining = null;
        Task<int>? stopping = null;

        Answer answer = await AskAsync(0, onStarted: () => stopping = StopAsync(), tokens: 200);
        int exitCode = await stopping!;

        Assert.True(expected.Text == answer.Text);
        Assert.Equal((0, HttpStatusCode.ServiceUnavailable), (exitCode, readyWhileDraining));

        async Task<int> StopAsync()
        {
            Task<int> ended = _gateway!.StopAsync();
            do
            {
                using HttpResponseMessage response = await _http.GetAsync("ready");
                readyWhileDraining = response.StatusCode;
            }
            while (readyWhileDraining == HttpStatusCode.OK);
            return await ended;
        }
    }

    [Fact]
    public async Task Gateway_TermAndTimeIsUp_EndsStreamsWithAnEventAndTheyGoOnElsewhere()
    {
        await using ClusterProcess other = await ClusterProcess.StartGatewayAsync(Database, "--drain-timeout", "0s");
        using var otherApi = new ChatApi(other.Url);
        using var api = new ChatApi(_gateway!.Url);
        await otherApi.WaitUntilReadyAsync();
        string whole = (await api.CompleteTextAsync(1)).Text;

        Task<int>? stopping = null;
        ChatApi.Stream cut = await otherApi.CompleteTextAsync(1, onStarted: () => stopping = other.StopAsync());
        ChatApi.Stream rest = await api.ResumeAsync(cut.Generation, cut.LastEventId, path: "v1/completions");

        Assert.Equal(0, await stopping!);
        Assert.Contains("Last-Event-ID", cut.Error, StringComparison.Ordinal);
        Assert.Equal(whole, cut.Text + rest.Text);
        Assert.NotEmpty(rest.Text);
    }

    private Task<Answer[]> AskAllAsync(Action? onStarted)
    {
        int started = 0;
        return Task.WhenAll(Enumerable.Range(0, Streams).Select(index => AskAsync(index, () =>
        {
            if (Interlocked.Increment(ref started) == Streams)
            {
                onStarted?.Invoke();
            }
        })));
    }

    /// <summary>Streams an answer to a long prompt; each with another mixture of what can be asked for.</summary>
    private async Task<Answer> AskAsync(int index, Action? onStarted, int tokens = 1000)
    {
        var body = new JsonObject
        {
            ["model"] = "glm-nano",
            ["prompt"] = string.Concat(Enumerable.Repeat($"Once upon a time {index} ", 300)),
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
            ["max_tokens"] = tokens,
            ["temperature"] = 1.5,
            ["seed"] = index,
            ["ignore_eos"] = true,
        };
        if (index % 2 == 0)
        {
            body["n"] = 2;
            body["logprobs"] = 2;
        }
        else
        {
            body["presence_penalty"] = 0.5;
            body["repetition_penalty"] = 1.2;
            body["stop"] = new JsonArray("no such text");
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = JsonContent.Create(body) };
        using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}");
        var text = new StringBuilder();
        string id = "";
        JsonNode? usage = null;
        TimeSpan longestGap = TimeSpan.Zero;
        long last = 0;
        await foreach (SseItem<string> item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync())
        {
            if (item.Data == "[DONE]")
            {
                break;
            }

            if (last == 0)
            {
                onStarted?.Invoke();
            }
            else
            {
                TimeSpan gap = Stopwatch.GetElapsedTime(last);
                longestGap = gap > longestGap ? gap : longestGap;
            }

            last = Stopwatch.GetTimestamp();
            JsonNode chunk = JsonNode.Parse(item.Data)!;
            Assert.True(chunk["choices"] is not null, item.Data);
            id = (string)chunk["id"]!;
            usage = chunk["usage"] ?? usage;
            text.Append(chunk["choices"]!.ToJsonString());
        }

        return new Answer(
            id, text.ToString(), longestGap, (int)usage!["prompt_tokens"]!, (int)usage["prompt_tokens_details"]!["cached_tokens"]!);
    }

    /// <summary>The first column, which is text.</summary>
    private async Task<List<string>> QueryAsync(string sql)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(Database);
        await using NpgsqlCommand command = source.CreateCommand(sql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        List<string> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    /// <param name="Id">Of its generation.</param>
    /// <param name="Text">All that its events say of the choices.</param>
    /// <param name="LongestGap">Between two events.</param>
    /// <param name="PromptTokens">Of the request.</param>
    /// <param name="CachedTokens">Of these, what the worker that ended it had in its cache when it began.</param>
    private sealed record Answer(string Id, string Text, TimeSpan LongestGap, int PromptTokens, int CachedTokens);
}
