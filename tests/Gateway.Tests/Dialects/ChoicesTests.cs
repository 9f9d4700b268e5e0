using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;

namespace GlmCluster.Gateway.Tests.Dialects;

/// <summary>Several answers to one request.</summary>
public sealed class ChoicesTests
{
    private static readonly ImmutableArray<int>[] Answers = [Nano.Reply("1 🙂"), [.. Nano.Encode("\na b c d e f g h i j k l m")], Nano.Reply("")];

    [Fact]
    public async Task Post_Three_AnswersEachWithItsReason()
    {
        await using GatewayHost host = await StartAsync();

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("n", 3).With("max_tokens", 12));

        Assert.Equal(
            [(0, "1 🙂", "stop"), (1, "a b c d e f g h i j", "length"), (2, "", "stop")],
            answer["choices"]!.AsArray().Select(choice =>
                ((int)choice!["index"]!, (string?)choice["message"]!["content"], (string?)choice["finish_reason"])));
        int tokens = Answers[0].Length + 12 + Answers[2].Length;
        Assert.Equal((6, tokens, 6 + tokens), Usage(answer));
        Assert.Equal(3, (await host.NextRequestAsync()).Choices);
    }

    [Fact]
    public async Task Stream_Three_GivesEachItsTextAndItsReason()
    {
        await using GatewayHost host = await StartAsync();

        SseStream stream = await host.StreamAsync(
            Chat.Ask("a").With("n", 3).With("max_tokens", 12).With("stream_options", new JsonObject { ["include_usage"] = true }));

        Assert.Equal([0, 1, 2], Choices(stream.Frames[0]).Select(choice => (int)choice["index"]!));
        Assert.All(Choices(stream.Frames[0]), choice => Assert.Equal("assistant", (string?)choice["delta"]!["role"]));
        ILookup<int, JsonNode> choices = stream.Frames.SelectMany(Choices).ToLookup(choice => (int)choice["index"]!);
        Assert.Equal(
            ["1 🙂", "a b c d e f g h i j", ""],
            choices.OrderBy(group => group.Key).Select(group => string.Concat(group.Select(choice => (string?)choice["delta"]!["content"]))));
        Assert.Equal(
            ["stop", "length", "stop"],
            choices.OrderBy(group => group.Key).Select(group => (string?)group.Single(choice => choice["finish_reason"] is not null)["finish_reason"]));
        Assert.Equal((6, Answers[0].Length + 12 + Answers[2].Length), (Usage(stream.Frames[^2].Json!).Prompt, Usage(stream.Frames[^2].Json!).Completion));
        Assert.Equal("[DONE]", stream.Frames[^1].Data);
    }

    [Fact]
    public async Task Get_LastEventIdAtEveryFrame_GivesExactlyTheRest()
    {
        await using GatewayHost host = await StartAsync();
        SseStream whole = await host.StreamAsync(Chat.Ask("a").With("n", 3).With("stop", "f g").With("logprobs", true).With("top_logprobs", 1)
            .With("stream_options", new JsonObject { ["include_usage"] = true }));
        Assert.True(whole.Frames.Length > 8);

        for (int i = 0; i < whole.Frames.Length - 1; i++)
        {
            using HttpResponseMessage response = await host.GetAsync(
                $"/v1/chat/completions/{whole.Generation}", ("Last-Event-ID", whole.Frames[i].Id!));
            Assert.Equal(whole.After(i), await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Post_CallInOneChoice_NamesItApartFromTheOthers()
    {
        await using GatewayHost host = await GatewayHost.StartAsync((_, choice) =>
            choice == 0 ? Nano.Reply("晴") : Nano.Call("get_weather", """{"city": "北京"}"""));

        JsonNode answer = await host.ChatAsync(Chat.Ask("北京天气？").WithWeatherTool().With("n", 3));

        JsonArray choices = answer["choices"]!.AsArray();
        Assert.Equal(["stop", "tool_calls", "tool_calls"], choices.Select(choice => (string?)choice!["finish_reason"]));
        string[] ids = [.. choices.Skip(1).Select(choice => (string)choice!["message"]!["tool_calls"]![0]!["id"]!)];
        Assert.NotEqual(ids[0], ids[1]);
    }

    [Fact]
    public async Task Post_ConversationAfterThree_ContinuesTheFirst()
    {
        await using GatewayHost host = await GatewayHost.StartAsync((_, choice) => Nano.Reply(choice == 0 ? "one" : "two"));
        JsonNode first = await host.ChatAsync(Chat.Ask("a").With("n", 3));
        await host.NextRequestAsync();

        await host.ChatAsync(Chat.Ask("b").With("conversation_id", (string)first["id"]!));

        Assert.Equal("<|user|>\na<|assistant|>\none<|user|>\nb<|assistant|>", Nano.Decode((await host.NextRequestAsync()).PromptIds));
    }

    [Fact]
    public async Task PostCompletion_EchoOfTwo_RepeatsThePromptInEach()
    {
        await using GatewayHost host = await GatewayHost.StartAsync((_, choice) => [.. Nano.Encode(choice == 0 ? " one" : " two"), Nano.EndOfText]);
        JsonObject body = new() { ["model"] = Nano.Name, ["prompt"] = "Once", ["echo"] = true, ["n"] = 2, ["best_of"] = 2 };

        using HttpResponseMessage response = await host.PostAsync("/v1/completions", body);
        SseStream stream = await host.StreamAsync(body, "/v1/completions");

        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal(["Once one", "Once two"], answer["choices"]!.AsArray().Select(choice => (string?)choice!["text"]));
        ILookup<int, JsonNode> choices = stream.Frames.SelectMany(Choices).ToLookup(choice => (int)choice["index"]!);
        Assert.Equal("Once one", string.Concat(choices[0].Select(choice => (string?)choice["text"])));
        Assert.Equal("Once two", string.Concat(choices[1].Select(choice => (string?)choice["text"])));
    }

    [Fact]
    public async Task Post_OneChoiceFails_FailsTheRequest()
    {
        static IEnumerable<int> Answer(int choice)
        {
            yield return Nano.Encode("\n")[0];
            yield return choice == 0 ? Nano.UserId : throw new InvalidOperationException("The worker had to give up.");
        }

        await using GatewayHost host = await GatewayHost.StartAsync((_, choice) => Answer(choice));

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", Chat.Ask("a").With("n", 2));

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
    }

    private static Task<GatewayHost> StartAsync() => GatewayHost.StartAsync((_, choice) => Answers[choice]);

    private static IEnumerable<JsonNode> Choices(SseFrame frame) => frame.Json?["choices"]?.AsArray().Select(choice => choice!) ?? [];

    private static (int Prompt, int Completion, int Total) Usage(JsonNode answer) => (
        (int)answer["usage"]!["prompt_tokens"]!, (int)answer["usage"]!["completion_tokens"]!, (int)answer["usage"]!["total_tokens"]!);
}
