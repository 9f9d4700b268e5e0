using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;

namespace GlmCluster.Gateway.Tests.Dialects;

/// <summary>Logprobs of visible tokens. The scripted worker gives the id i the logprob -(i % 8) / 4, and the next ids as alternatives.</summary>
public sealed class LogprobsTests
{
    [Theory]
    [InlineData("Hi, 小红 🙂!")]
    [InlineData("🙂")]
    public async Task Post_Chat_NamesTheTokensOfTheText(string text)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply(text));

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("logprobs", true).With("top_logprobs", 2));

        JsonArray tokens = answer["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        List<int> ids = Nano.Encode(text); // without the header's line feed and the stop token
        Assert.Equal(ids.Select(id => -(id % 8) / 4f), tokens.Select(token => (float)token!["logprob"]!));
        Assert.Equal(text, Encoding.UTF8.GetString([.. tokens.SelectMany(Bytes)]));
        Assert.Equal(ids.Select(id => Encoding.UTF8.GetString(Nano.Text.Tokenizer.GetBytes(id))), tokens.Select(token => (string?)token!["token"]));
        Assert.All(tokens, token => Assert.Equal(2, token!["top_logprobs"]!.AsArray().Count));
        Assert.Equal(tokens[0]!["token"]!.ToJsonString(), tokens[0]!["top_logprobs"]![0]!["token"]!.ToJsonString());
    }

    [Theory]
    [InlineData("Hi, 小红 🙂!", null)]
    [InlineData("one two three", "o th")] // the stop string begins and ends within tokens
    public async Task Stream_Chat_NamesTheSameTokensAsAWholeAnswer(string text, string? stop)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply(text));
        JsonObject Body() => Chat.Ask("a").With("logprobs", true).With("top_logprobs", 1).With("stop", stop);

        JsonNode whole = await host.ChatAsync(Body());
        SseStream stream = await host.StreamAsync(Body());

        JsonNode[] streamed =
            [.. stream.Frames.SelectMany(frame => frame.Json?["choices"]?.AsArray() is [{ } choice] ? choice["logprobs"]?["content"]?.AsArray() ?? [] : []).Select(token => token!)];
        Assert.Equal(
            whole["choices"]![0]!["logprobs"]!["content"]!.AsArray().Select(token => token!.ToJsonString()), streamed.Select(token => token.ToJsonString()));
        string named = Encoding.UTF8.GetString([.. streamed.SelectMany(Bytes)]);
        Assert.StartsWith(named, stream.Content, StringComparison.Ordinal);
        Assert.True(named.Length > 0 && (stop is not null || named == stream.Content), named);
    }

    [Fact]
    public async Task Post_ToolCall_NamesNoTokens()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Call("get_weather", """{"city": "北京"}"""));

        JsonNode answer = await host.ChatAsync(Chat.Ask("北京天气？").WithWeatherTool().With("logprobs", true));

        Assert.Empty(answer["choices"]![0]!["logprobs"]!["content"]!.AsArray());
    }

    [Fact]
    public async Task Post_SpecialTokenAmongTheLikeliest_IsNamed()
    {
        const int BeforeUser = Nano.UserId - 2; // an id that prints nothing ends up among its alternatives
        int before = Enumerable.Range(0, BeforeUser).Last(id => !Nano.Text.Tokenizer.IsSpecial(id));
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode("\n"), before, Nano.UserId]);

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("logprobs", true).With("top_logprobs", 20));

        IEnumerable<string?> names = answer["choices"]![0]!["logprobs"]!["content"]![0]!["top_logprobs"]!.AsArray().Select(top => (string?)top!["token"]);
        Assert.Contains("<|user|>", names);
    }

    [Fact]
    public async Task PostCompletion_Logprobs_AreInTheOlderForm()
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Encode("a 🙂 b"), Nano.EndOfText]);
        JsonObject body = new() { ["model"] = Nano.Name, ["prompt"] = "Once", ["logprobs"] = 2 };

        using HttpResponseMessage response = await host.PostAsync("/v1/completions", body);
        SseStream stream = await host.StreamAsync(body, "/v1/completions");

        JsonNode logprobs = JsonNode.Parse(await response.Content.ReadAsStringAsync())!["choices"]![0]!["logprobs"]!;
        string[] tokens = [.. logprobs["tokens"]!.AsArray().Select(token => (string)token!)];
        int[] offsets = [.. logprobs["text_offset"]!.AsArray().Select(offset => (int)offset!)];
        Assert.Equal("a", tokens[0]);
        Assert.Contains(tokens, token => token.StartsWith("bytes:\\x", StringComparison.Ordinal));
        Assert.Equal((0, tokens[0].Length), (offsets[0], offsets[1]));
        Assert.Equal("a 🙂 b".IndexOf(tokens[^1], StringComparison.Ordinal), offsets[^1]);
        Assert.All(
            tokens.Zip(logprobs["top_logprobs"]!.AsArray(), logprobs["token_logprobs"]!.AsArray()),
            place => Assert.Equal((float)place.Third!, (float)place.Second![place.First]!));
        foreach (string member in new[] { "tokens", "token_logprobs", "text_offset" })
        {
            Assert.Equal(
                logprobs[member]!.AsArray().Select(value => value!.ToJsonString()),
                stream.Frames.SelectMany(frame => frame.Json?["choices"]?[0]?["logprobs"]?[member]?.AsArray() ?? []).Select(value => value!.ToJsonString()));
        }
    }

    [Fact]
    public async Task Post_NotAskedFor_HasNone()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("logprobs", false).With("top_logprobs", 0));

        Assert.Null(answer["choices"]![0]!["logprobs"]);
        Assert.Null((await host.NextRequestAsync()).TopLogprobs);
    }

    private static byte[] Bytes(JsonNode? token) => [.. token!["bytes"]!.AsArray().Select(value => (byte)(int)value!)];
}
