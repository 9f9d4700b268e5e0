using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class ModelTests
{
    private const string NanoObject =
        """
        {"id":"glm-nano","object":"model","created":1767225600,"owned_by":"glmcluster","root":"glm-nano","parent":null,
        "permission":[],"context_length":4096}
        """;

    [Fact]
    public async Task List_OneWorker_ListsItsModel()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        string text = await host.Client.GetStringAsync("/v1/models");

        AssertJson.Equal($$"""{"object":"list","data":[{{NanoObject}}]}""", JsonNode.Parse(text)!);
    }

    [Fact]
    public async Task Get_Model_ReturnsItsCard()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        AssertJson.Equal(NanoObject, JsonNode.Parse(await host.Client.GetStringAsync("/v1/models/glm-nano"))!);
    }

    [Fact]
    public async Task Get_NameWithSlash_IsFound()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            Nano.Reply("a"), new() { Card = Nano.Card with { Model = Nano.Card.Model with { Name = "org/glm" } } });

        string text = await host.Client.GetStringAsync("/v1/models/org/glm");

        Assert.Equal("org/glm", (string?)JsonNode.Parse(text)!["id"]);
    }

    [Fact]
    public async Task Ready_NoWorker_Is503AndHealthIsNot()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), new() { HasWorker = false });

        using HttpResponseMessage ready = await host.GetAsync("/ready");
        using HttpResponseMessage health = await host.GetAsync("/health");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.NotNull(ready.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    [Fact]
    public async Task Ready_OneWorker_Is200()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        using HttpResponseMessage ready = await host.GetAsync("/ready");

        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    [Fact]
    public async Task List_BrokenTextAssets_LeavesTheModelOut()
    {
        byte[] broken = "no assets"u8.ToArray();
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), new()
        {
            TextAssets = broken,
            Card = Nano.Card with { TextAssetsHash = Convert.ToHexStringLower(SHA256.HashData(broken)) },
        });

        using HttpResponseMessage chat = await host.PostAsync("/v1/chat/completions", Chat.Ask("a"));

        Assert.Equal("""{"object":"list","data":[]}""", await host.Client.GetStringAsync("/v1/models"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, chat.StatusCode);
        Assert.Single(host.Logs.Lines, line => line.Contains("cannot be loaded", StringComparison.Ordinal));
    }
}
