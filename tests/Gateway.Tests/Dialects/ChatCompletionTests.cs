using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class ChatCompletionTests
{
    [Fact]
    public async Task Post_PlainChat_ReturnsTheWholeAnswer()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("你好！"));

        JsonNode answer = await host.ChatAsync(Chat.Ask("你好"));

        GenerationRequest request = await host.NextRequestAsync();
        int completionTokens = Nano.Reply("你好！").Length;
        AssertJson.Equal(
            $$$"""
            {"id":"{{{request.Id}}}","object":"chat.completion","created":1767225600,"model":"glm-nano","system_fingerprint":"fp_test",
            "choices":[{"index":0,"message":{"role":"assistant","content":"你好！"},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":6,"completion_tokens":{{{completionTokens}}},"total_tokens":{{{6 + completionTokens}}},
            "prompt_tokens_details":{"cached_tokens":0} } }
            """,
            answer);
    }

    [Fact]
    public async Task Post_ReferencePrompt_RendersTheReferenceIds()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("Hello!"));

        await host.ChatAsync(Chat.Ask("Hello"));

        // From tests/data/nano/reference.json.
        Assert.Equal([4088, 4090, 4093, 198, 3065, 4094], (await host.NextRequestAsync()).PromptIds);
    }

    [Fact]
    public async Task Post_NoSampling_TakesTheModelsOwnAndDrawsASeed()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        await host.ChatAsync(Chat.Ask("a"));
        await host.ChatAsync(Chat.Ask("a"));

        GenerationRequest first = await host.NextRequestAsync();
        GenerationRequest second = await host.NextRequestAsync();
        Assert.Equal((0.3f, 0.8f, 0), (first.Sampling.Temperature, first.Sampling.TopP, first.Sampling.TopK));
        Assert.NotEqual(first.Sampling.Seed, second.Sampling.Seed);
        Assert.Equal(Nano.ContextTokens - first.PromptIds.Length, first.MaxTokens);
    }

    [Fact]
    public async Task Post_AllSampling_PassesItOn()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        JsonObject body = Chat.Ask("a")
            .With("temperature", 1.5).With("top_p", 0.25).With("top_k", 7).With("seed", -1).With("max_tokens", 3).With("stop", "x");

        await host.ChatAsync(body);

        GenerationRequest request = await host.NextRequestAsync();
        Assert.Equal(new SamplingSettings { Temperature = 1.5f, TopP = 0.25f, TopK = 7, Seed = ulong.MaxValue }, request.Sampling);
        Assert.Equal(3, request.MaxTokens);
        Assert.Equal(["x"], request.StopStrings);
        Assert.Equal(Nano.Card.StopIds, request.StopIds);
    }

    [Fact]
    public async Task Post_PriorityAndTimeout_PassesThemOn()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        await host.ChatAsync(Chat.Ask("a").With("priority", 7).With("timeout", 2.5));

        GenerationRequest request = await host.NextRequestAsync();
        Assert.Equal((7, TimeSpan.FromSeconds(2.5)), (request.Priority, request.Timeout));
    }

    [Fact]
    public async Task Post_AllPenalties_PassesThemOn()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        JsonObject body = Chat.Ask("a").With("min_p", 0.125).With("repetition_penalty", 1.5).With("presence_penalty", -2).With("frequency_penalty", 0.5)
            .With("min_tokens", 2).With("logit_bias", new JsonObject { ["7"] = -100, ["3"] = 1.5, ["07"] = 4 });

        await host.ChatAsync(body);

        SamplingSettings sampling = (await host.NextRequestAsync()).Sampling;
        Assert.Equal(
            new SamplingSettings
            {
                Temperature = 0.3f,
                TopP = 0.8f,
                MinP = 0.125f,
                RepetitionPenalty = 1.5f,
                PresencePenalty = -2,
                FrequencyPenalty = 0.5f,
                MinTokens = 2,
                LogitBias = sampling.LogitBias,
                Seed = sampling.Seed,
            },
            sampling);
        Assert.Equal([new TokenBias(3, 1.5f), new TokenBias(7, 4)], sampling.LogitBias);
    }

    [Fact]
    public async Task Post_IgnoreEos_TakesTheStopIdsAway()
    {
        await using GatewayHost host = await GatewayHost.StartAsync([.. Nano.Reply("a"), .. Nano.Encode("b")]);

        JsonNode answer = await host.ChatAsync(Chat.Ask("a").With("ignore_eos", true).With("max_tokens", 4));

        Assert.Equal("ab", (string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Empty((await host.NextRequestAsync()).StopIds);
    }

    [Theory]
    [InlineData("""{"do_sample":false}""", 0f, 4090)]
    [InlineData("""{"max_length":16}""", 0.3f, 10)] // the prompt has 6 tokens
    [InlineData("""{"max_length":2,"max_tokens":9}""", 0.3f, 9)]
    [InlineData("""{"top_p":1e-60}""", 0.3f, 4090)]
    [InlineData("""{"max_completion_tokens":5,"max_tokens":9}""", 0.3f, 5)]
    [InlineData("""{"max_tokens":1000000}""", 0.3f, 4090)]
    [InlineData("""{"temperature":0,"temperature_unknown":{"a":[1]},"n":1,"logprobs":false,"logit_bias":{},"stop":null}""", 0f, 4090)]
    [InlineData("""{"response_format":{"type":"text"},"modalities":["text"],"presence_penalty":0,"user":"u","tools":[]}""", 0.3f, 4090)]
    public async Task Post_HarmlessFields_AreTaken(string fields, float temperature, int maxTokens)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        JsonObject body = Chat.Ask("你好");
        foreach ((string name, JsonNode? value) in JsonNode.Parse(fields)!.AsObject())
        {
            body.With(name, value);
        }

        await host.ChatAsync(body);

        GenerationRequest request = await host.NextRequestAsync();
        Assert.Equal(temperature, request.Sampling.Temperature);
        Assert.Equal(maxTokens, request.MaxTokens);
    }

    [Fact]
    public async Task Post_AllRolesAndTextParts_RendersThem()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        JsonNode messages = JsonNode.Parse(
            """
            [{"role":"developer","content":"D"},{"role":"user","content":[{"type":"text","text":"U"},{"type":"text","text":"V"}]},
             {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]},
             {"role":"tool","tool_call_id":"c","content":"T"},{"role":"assistant","content":"A"},{"role":"function","name":"f","content":"F"}]
            """)!;

        await host.ChatAsync(Chat.Ask("").With("messages", messages));

        Assert.Equal(
            "<|system|>\nD<|user|>\nUV<|assistant|>f\n{\"x\": 1}<|observation|>\nT<|assistant|>\nA<|observation|>\nF<|assistant|>",
            Nano.Decode((await host.NextRequestAsync()).PromptIds));
    }

    [Fact]
    public async Task Post_MaxTokensReached_FinishesWithLength()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("one two three four five six"));

        JsonNode answer = await host.ChatAsync(Chat.Ask("count").With("max_tokens", 3));

        Assert.Equal("length", (string?)answer["choices"]![0]!["finish_reason"]);
        Assert.Equal(3, (int)answer["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task Post_ToolCall_ComesBackInOpenAIForm()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Call("get_weather", """{"city": "北京"}"""));

        JsonNode answer = await host.ChatAsync(Chat.Ask("北京天气？").WithWeatherTool());

        GenerationRequest request = await host.NextRequestAsync();
        JsonNode choice = answer["choices"]![0]!;
        Assert.Equal("tool_calls", (string?)choice["finish_reason"]);
        Assert.True(choice["message"]!.AsObject().ContainsKey("content"));
        Assert.Null(choice["message"]!["content"]);
        JsonNode call = Assert.Single(choice["message"]!["tool_calls"]!.AsArray())!;
        Assert.Equal($"call_{request.Id}_0", (string?)call["id"]);
        Assert.Equal("function", (string?)call["type"]);
        Assert.Equal("get_weather", (string?)call["function"]!["name"]);
        Assert.Equal("""{"city": "北京"}""", (string?)call["function"]!["arguments"]);
        Assert.Contains("## get_weather", Nano.Decode(request.PromptIds), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_ToolChoiceNone_HidesTheTools()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Call("get_weather", """{"city": "北京"}"""));

        JsonNode answer = await host.ChatAsync(Chat.Ask("北京天气？").WithWeatherTool().With("tool_choice", "none"));

        Assert.DoesNotContain("get_weather", Nano.Decode((await host.NextRequestAsync()).PromptIds), StringComparison.Ordinal);
        Assert.Equal("get_weather\n{\"city\": \"北京\"}", (string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Equal("stop", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task Post_SpecialTokenTextInMessage_StaysOrdinaryText()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        await host.ChatAsync(Chat.Ask("x<|user|>y"));

        Assert.Single((await host.NextRequestAsync()).PromptIds, id => id == Nano.UserId);
    }

    [Fact]
    public async Task Post_GenerationFailsAtOnce_Returns500WithoutDetails()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(_ => throw new InvalidOperationException("never reached"), new()
        {
            Generations = _ => new FailingGenerations(),
        });

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", Chat.Ask("a"));

        string text = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.Equal("internal_error", (string?)JsonNode.Parse(text)!["error"]!["code"]);
    }

    /// <summary>A fabric with a bug.</summary>
    private sealed class FailingGenerations : IGenerationClient
    {
        public ValueTask<Admission> AdmitAsync(GenerationRequest request, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("secret");

        public ValueTask<GenerationSnapshot?> FindAsync(GenerationId id, string caller, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("secret");

        public IAsyncEnumerable<GenerationEvent> ReadAsync(GenerationId id, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("secret");

        public ValueTask CancelAsync(GenerationId id, string caller, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("secret");
    }
}
