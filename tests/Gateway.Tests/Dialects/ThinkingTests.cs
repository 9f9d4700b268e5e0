using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Dialects;

/// <summary>A model with GLM-4.5's chat layout, over the demo model's tokenizer.</summary>
public sealed class ThinkingTests
{
    private const string Reply = "\n<think>The user greets.\nSo do I.</think>\nHello!";

    private static readonly TextAssets Assets = TextAssets.FromFiles(new Dictionary<string, ReadOnlyMemory<byte>>
    {
        ["config.json"] = Encoding.UTF8.GetBytes("""{"model_type": "glm4_moe"}"""),
        ["tokenizer.json"] = Nano.TokenizerJson,
    });

    private static readonly GatewayHostOptions Options = new()
    {
        Card = Nano.Card with { TextAssetsHash = Assets.Hash },
        TextAssets = Assets.ToBytes(),
    };

    [Fact]
    public async Task Post_Thought_IsToldApartFromTheAnswer()
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode(Reply), Nano.UserId], Options);

        JsonNode message = (await host.ChatAsync(Chat.Ask("Hello")))["choices"]![0]!["message"]!;

        Assert.Equal("The user greets.\nSo do I.", (string?)message["reasoning_content"]);
        Assert.Equal("Hello!", (string?)message["content"]);
    }

    [Fact]
    public async Task Stream_Thought_ComesInDeltasOfItsOwn()
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode(Reply), Nano.UserId], Options);

        SseStream stream = await host.StreamAsync(Chat.Ask("Hello"));

        JsonNode[] deltas = [.. stream.Frames.Where(frame => frame.Json is not null).Select(frame => frame.Json!["choices"]?[0]?["delta"]).OfType<JsonNode>()];
        Assert.Equal("The user greets.\nSo do I.", string.Concat(deltas.Select(delta => (string?)delta["reasoning_content"])));
        Assert.Equal("Hello!", string.Concat(deltas.Select(delta => (string?)delta["content"])));
        int[] thinking = [.. Enumerable.Range(0, deltas.Length).Where(i => deltas[i]["reasoning_content"] is not null)];
        int[] speaking = [.. Enumerable.Range(1, deltas.Length - 1).Where(i => deltas[i]["content"] is not null)];
        Assert.True(thinking.Length > 1 && thinking[^1] <= speaking[0]);
    }

    [Theory]
    [InlineData("""{"thinking": {"type": "disabled"}}""")]
    [InlineData("""{"chat_template_kwargs": {"enable_thinking": false}}""")]
    public async Task Post_ThinkingOff_ChangesThePrompt(string switches)
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode("\nHello!"), Nano.UserId], Options);
        JsonObject body = Chat.Ask("Hello");
        foreach ((string name, JsonNode? value) in JsonNode.Parse(switches)!.AsObject())
        {
            body[name] = value!.DeepClone();
        }

        JsonNode message = (await host.ChatAsync(body))["choices"]![0]!["message"]!;

        GenerationRequest request = await host.NextRequestAsync();
        Assert.EndsWith("Hello/nothink<|assistant|>\n<think></think>", Nano.Decode(request.PromptIds), StringComparison.Ordinal);
        Assert.Equal(new ReplySettings(Thinks: false), request.View.Reply);
        Assert.Equal("Hello!", (string?)message["content"]);
        Assert.Null(message["reasoning_content"]);
    }

    [Fact]
    public async Task Post_Conversation_LeavesOldThoughtsOut()
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode(Reply), Nano.UserId], Options);
        string? id = (string?)(await host.ChatAsync(Chat.Ask("Hello")))["id"];

        await host.ChatAsync(Chat.Ask("Again").With("conversation_id", id));

        await host.NextRequestAsync();
        string prompt = Nano.Decode((await host.NextRequestAsync()).PromptIds);
        Assert.EndsWith("Hello<|assistant|>\n<think></think>\nHello!<|user|>\nAgain<|assistant|>", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_ForcedTool_OpensTheCall()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            [.. Nano.Encode("\n<arg_key>city</arg_key>\n<arg_value>北京</arg_value>\n</tool_call>"), Nano.ObservationId], Options);
        JsonObject body = Chat.Ask("北京天气？").With("tools", new JsonArray(Nano.WeatherTool.DeepClone())).With("tool_choice", "required");

        JsonNode choice = (await host.ChatAsync(body))["choices"]![0]!;

        Assert.EndsWith("<|assistant|><tool_call>get_weather", Nano.Decode((await host.NextRequestAsync()).PromptIds), StringComparison.Ordinal);
        Assert.Equal("tool_calls", (string?)choice["finish_reason"]);
        Assert.Equal("get_weather", (string?)choice["message"]!["tool_calls"]![0]!["function"]!["name"]);
        Assert.Equal("{\"city\":\"北京\"}", (string?)choice["message"]!["tool_calls"]![0]!["function"]!["arguments"]);
    }

    [Theory]
    [InlineData("tool_choice", """{"type": "function", "function": {"name": "other"}}""", "'other', which is not among the tools")]
    [InlineData("tool_choice", "\"must\"", "'auto', 'none', 'required', or a function's name")]
    [InlineData("thinking", """{"type": "maybe"}""", "'enabled' or 'disabled'")]
    public async Task Post_ImpossibleChoice_IsRefusedByName(string field, string value, string problem)
    {
        await using GatewayHost host = await GatewayHost.StartAsync([], Options);
        JsonObject body = Chat.Ask("a").With("tools", new JsonArray(Nano.WeatherTool.DeepClone()));
        body[field] = JsonNode.Parse(value);

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", body);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        string? message = (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]!["message"];
        Assert.Contains(problem, message, StringComparison.Ordinal);
    }
}
