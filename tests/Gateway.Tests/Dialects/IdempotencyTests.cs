using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class IdempotencyTests
{
    private const string Path = "/v1/chat/completions";

    [Fact]
    public async Task Post_SameKeyAndBody_GivesTheSameAnswerOnce()
    {
        int generations = 0;
        await using GatewayHost host = await GatewayHost.StartAsync(_ => Nano.Reply($"{++generations}"));

        string first = await SendAsync(host, Chat.Ask("a"), HttpStatusCode.OK);
        string second = await SendAsync(host, Chat.Ask("a"), HttpStatusCode.OK);

        Assert.Equal(first, second);
        Assert.Equal(1, generations);
    }

    [Fact]
    public async Task Post_SameKeyStreaming_ReplaysTheStream()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("1 2 3"));

        string first = await SendAsync(host, Chat.Ask("a").With("stream", true), HttpStatusCode.OK);
        string second = await SendAsync(host, Chat.Ask("a").With("stream", true), HttpStatusCode.OK);

        Assert.Equal(first, second);
    }

    [Fact]
    public async Task Post_SameKeyAfterTheConversationMoved_StillFindsTheFirst()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("A"));
        JsonNode start = await host.ChatAsync(Chat.Ask("1"));
        JsonObject body = Chat.Ask("2").With("conversation_id", start["id"]);

        string first = await SendAsync(host, body, HttpStatusCode.OK);
        string second = await SendAsync(host, body, HttpStatusCode.OK);

        Assert.Equal(first, second);
    }

    [Fact]
    public async Task Post_SameKeyOtherBody_IsRefused()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        await SendAsync(host, Chat.Ask("a"), HttpStatusCode.OK);

        string text = await SendAsync(host, Chat.Ask("b"), HttpStatusCode.BadRequest);

        Assert.Equal("idempotency_mismatch", (string?)JsonNode.Parse(text)!["error"]!["code"]);
    }

    [Fact]
    public async Task Post_SameKeyOtherCaller_IsAnotherRequest()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        string first = await SendAsync(host, Chat.Ask("a"), HttpStatusCode.OK);
        string second = await SendAsync(host, Chat.Ask("b"), HttpStatusCode.OK, ("x-api-key", "other"));

        Assert.NotEqual(JsonNode.Parse(first)!["id"]!.ToString(), JsonNode.Parse(second)!["id"]!.ToString());
    }

    [Fact]
    public async Task Post_KeyTooLong_IsRefused()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        using HttpResponseMessage response = await host.PostAsync(Path, Chat.Ask("a"), ("Idempotency-Key", new string('k', 256)));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Post_ClientLeavesAndAsksAgain_GetsTheAnswerItLeft()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("1 2 3"), new() { Paused = true });
        using var leaving = new CancellationTokenSource();
        var left = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new StringContent(Chat.Ask("a").ToJsonString(), Encoding.UTF8, "application/json") };
        left.Headers.Add("Idempotency-Key", "key");
        Task<HttpResponseMessage> asking = host.Client.SendAsync(left, leaving.Token);
        GenerationRequest request = await host.NextRequestAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        Assert.Equal(request.Id, (await host.NextAsync<ParkGeneration>()).Generation);
        await host.Worker.ResumeAsync();

        string text = await SendAsync(host, Chat.Ask("a"), HttpStatusCode.OK);

        Assert.Equal(request.Id.ToString(), (string?)JsonNode.Parse(text)!["id"]);
    }

    private static async Task<string> SendAsync(
        GatewayHost host, JsonObject body, HttpStatusCode status, params (string Name, string Value)[] headers)
    {
        using HttpResponseMessage response = await host.PostAsync(Path, body, [("Idempotency-Key", "key"), .. headers]);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, text);
        return text;
    }
}
