using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Models;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.TestKit;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class ModelAliasTests
{
    private const string NewerHash = "feedbeef00000000000000000000000000000000000000000000000000000000";

    private static GatewayHostOptions With(params (string Name, string Model)[] aliases) => new()
    {
        Gateway = new GatewayOptions
        {
            Aliases = aliases.ToDictionary(
                pair => pair.Name, pair => ModelAlias.TryParse(pair.Model, out ModelAlias? alias) ? alias : throw new ArgumentException(pair.Model)),
        },
    };

    [Fact]
    public async Task Chat_Alias_IsAnsweredUnderIt()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), With(("gpt-4o", Nano.Name)));

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("model", "gpt-4o"));
        SseStream stream = await host.StreamAsync(Chat.Ask("a").With("model", "gpt-4o"));

        Assert.Equal("gpt-4o", (string?)answer["model"]);
        Assert.Equal("gpt-4o", (string?)stream.Frames[0].Json!["model"]);
        Assert.Equal(Nano.Card.Model, (await host.NextRequestAsync()).Model);
    }

    [Fact]
    public async Task Chat_AliasContinuesConversation_KeepsIt()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), With(("gpt-4o", Nano.Name)));

        JsonNode first = await host.ChatAsync(Chat.Ask("a"));
        await host.ChatAsync(Chat.Ask("b").With("model", "gpt-4o").With("conversation_id", (string?)first["id"]));
        await host.NextRequestAsync();

        Assert.Equal(1, (await host.NextRequestAsync()).Turn!.Index);
    }

    [Fact]
    public async Task List_Alias_IsListedAfterModelsWithItsRoot()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), With(("a-name", Nano.Name), ("gone", "unloaded")));

        JsonNode list = JsonNode.Parse(await host.Client.GetStringAsync("/v1/models"))!;
        JsonNode one = JsonNode.Parse(await host.Client.GetStringAsync("/v1/models/a-name"))!;

        Assert.Equal(["glm-nano of glm-nano", "a-name of glm-nano"], list["data"]!.AsArray().Select(model => $"{model!["id"]} of {model["root"]}"));
        AssertJson.Equal(list["data"]![1]!.ToJsonString(), one);
    }

    [Fact]
    public async Task Chat_AliasOfAModelThatIsNotOffered_Is503AndNamesIt()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"), With(("gpt-4o", "glm-4@0123")));

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", Chat.Ask("a").With("model", "gpt-4o"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Contains("'gpt-4o' stands for 'glm-4@0123'", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>Two silos offer different weights under one name: an alias chooses, also one that is that very name.</summary>
    [Theory]
    [InlineData("old", false)]
    [InlineData("new", true)]
    [InlineData("GLM-NANO", false)]
    public async Task Chat_TwoWeightsOfOneName_AliasChooses(string name, bool isNewer)
    {
        ModelReference older = Nano.Card.Model;
        string oldPrefix = older.ContentHash[..8];
        await using GatewayHost host = await GatewayHost.StartAsync(
            Nano.Reply("a"), With(("old", $"{Nano.Name}@{oldPrefix}"), ("new", $"{Nano.Name}@{NewerHash[..4]}"), ("GLM-NANO", $"{Nano.Name}@{oldPrefix}")));
        ModelCard newer = Nano.Card with { Model = older with { ContentHash = NewerHash }, PublishedAt = Nano.Card.PublishedAt.AddDays(1) };
        await using ScriptedWorker second = await ScriptedWorker.JoinAsync(host.Fabric, host.Fabric, newer, Nano.Assets.ToBytes(), _ => Nano.Reply("b"));

        await host.ChatAsync(Chat.Ask("a").With("model", name));
        JsonNode unaliased = await host.ChatAsync(Chat.Ask("a"));

        Assert.Equal(isNewer ? 2 : 1, second.Received.Count);
        Assert.Equal("b", (string?)unaliased["choices"]![0]!["message"]!["content"]); // without an alias the newest
    }

    [Theory]
    [InlineData("")]
    [InlineData("@abcd")]
    [InlineData("glm@abc")]
    [InlineData("glm@wxyz")]
    public void TryParse_Impossible_IsRefused(string text) => Assert.False(ModelAlias.TryParse(text, out _));
}
