using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Tests.Hosting;

namespace GlmCluster.Gateway.Tests.Dialects;

/// <summary>Values that cannot be honoured: a 400 in OpenAI's form that names the field.</summary>
public sealed class ValidationTests(ValidationTests.SharedHost shared) : IClassFixture<ValidationTests.SharedHost>
{
    [Theory]
    [InlineData("temperature", "-0.1")]
    [InlineData("temperature", "2.1")]
    [InlineData("temperature", "1e999")]
    [InlineData("temperature", "\"NaN\"")]
    [InlineData("temperature", "\"hot\"")]
    [InlineData("top_p", "0")]
    [InlineData("top_p", "-1")]
    [InlineData("top_p", "1.01")]
    [InlineData("top_k", "-2")]
    [InlineData("top_k", "1.5")]
    [InlineData("seed", "1e30")]
    [InlineData("max_tokens", "0")]
    [InlineData("max_tokens", "-5")]
    [InlineData("max_tokens", "99999999999")]
    [InlineData("max_completion_tokens", "0")]
    [InlineData("stream", "\"yes\"")]
    [InlineData("stop", "5")]
    [InlineData("stop", "\"\"")]
    [InlineData("stop", "[\"a\", 5]")]
    [InlineData("stop", "[\"a\",\"b\",\"c\",\"d\",\"e\"]")]
    [InlineData("n", "0")]
    [InlineData("n", "129")]
    [InlineData("n", "1.5")]
    [InlineData("logprobs", "3")]
    [InlineData("top_logprobs", "3")] // without logprobs
    [InlineData("top_logprobs", "21")]
    [InlineData("presence_penalty", "2.5")]
    [InlineData("frequency_penalty", "-2.1")]
    [InlineData("frequency_penalty", "\"0\"")]
    [InlineData("repetition_penalty", "0")]
    [InlineData("repetition_penalty", "11")]
    [InlineData("min_p", "1.1")]
    [InlineData("min_p", "-0.1")]
    [InlineData("min_tokens", "-1")]
    [InlineData("min_tokens", "99999999999")]
    [InlineData("ignore_eos", "1")]
    [InlineData("max_length", "0")]
    [InlineData("max_length", "3")] // shorter than the prompt
    [InlineData("logit_bias", "{\"1\": 101}")]
    [InlineData("logit_bias", "{\"1\": 1e999}")]
    [InlineData("logit_bias", "{\"1\": null}")]
    [InlineData("logit_bias", "{\"-1\": 5}")]
    [InlineData("logit_bias", "{\"the\": 5}")]
    [InlineData("logit_bias", "{\"4096\": 5}")] // beyond the vocabulary
    [InlineData("logit_bias", "[1]")]
    [InlineData("response_format", "{\"type\":\"json_object\"}")]
    [InlineData("modalities", "[\"text\",\"audio\"]")]
    [InlineData("audio", "{\"voice\":\"x\"}")]
    [InlineData("functions", "[{\"name\":\"f\"}]")]
    [InlineData("function_call", "{\"name\":\"f\"}")]
    [InlineData("priority", "-1")]
    [InlineData("priority", "101")]
    [InlineData("priority", "\"high\"")]
    [InlineData("timeout", "0")]
    [InlineData("timeout", "-1")]
    [InlineData("timeout", "1e9")]
    [InlineData("timeout", "\"soon\"")]
    [InlineData("tool_choice", "\"required\"")]
    [InlineData("tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}")]
    [InlineData("conversation_id", "\"123\"")]
    [InlineData("messages", "null")]
    [InlineData("messages", "[]")]
    public async Task Post_BadValue_NamesTheField(string field, string value) =>
        await AssertRefusedAsync(Chat.Ask("a"), field, value, field);

    [Theory]
    [InlineData("[null]", "messages[0]")]
    [InlineData("""[{"role":"robot","content":"a"}]""", "messages[0].role")]
    [InlineData("""[{"content":"a"}]""", "messages[0].role")]
    [InlineData("""[{"role":"user"}]""", "messages[0].content")]
    [InlineData("""[{"role":"user","content":5}]""", "messages[0].content")]
    [InlineData("""[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]""", "messages[0].content")]
    [InlineData("""[{"role":"user","content":[{"type":"text"}]}]""", "messages[0].content")]
    [InlineData("""[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"1"}]}]""", "messages[1].tool_calls")]
    [InlineData("""[{"role":"user","content":"a","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]""",
        "messages")]
    public async Task Post_BadMessage_NamesIt(string messages, string param) =>
        await AssertRefusedAsync(Chat.Ask("a"), "messages", messages, param);

    [Theory]
    [InlineData("[null]", "tools[0].type")]
    [InlineData("""[{"type":"retrieval"}]""", "tools[0].type")]
    [InlineData("""[{"type":"function"}]""", "tools[0].function.name")]
    [InlineData("""[{"type":"function","function":{"name":"a b"}}]""", "tools[0].function.name")]
    [InlineData("""[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]""", "tools[1].function.name")]
    public async Task Post_BadTool_NamesIt(string tools, string param) => await AssertRefusedAsync(Chat.Ask("a"), "tools", tools, param);

    [Theory]
    [InlineData("prompt", "null")]
    [InlineData("prompt", "5")]
    [InlineData("prompt", "[]")]
    [InlineData("prompt", "[\"a\",\"b\"]")]
    [InlineData("prompt", "[[1],[2]]")]
    [InlineData("prompt", "[1, \"a\"]")]
    [InlineData("prompt", "[-1]")]
    [InlineData("prompt", "[4096]")]
    [InlineData("suffix", "\"end\"")]
    [InlineData("best_of", "2")]
    [InlineData("best_of", "0")]
    [InlineData("logprobs", "21")]
    [InlineData("logprobs", "true")]
    [InlineData("n", "129")]
    [InlineData("echo", "1")]
    public async Task PostCompletion_BadValue_NamesTheField(string field, string value) =>
        await AssertRefusedAsync(
            new JsonObject { ["model"] = Nano.Name, ["prompt"] = "a" }, field, value, field, "/v1/completions");

    [Theory]
    [InlineData("max_tokens")]
    [InlineData("max_completion_tokens")]
    public async Task Post_MoreMinTokensThanMaxTokens_NamesThem(string limit) =>
        await AssertRefusedAsync(Chat.Ask("a").With(limit, 4), "min_tokens", "5", "min_tokens");

    [Fact]
    public async Task Post_UnknownModel_Is404()
    {
        using HttpResponseMessage response =
            await shared.Host.PostAsync("/v1/chat/completions", Chat.Ask("a").With("model", "gpt-9"));

        await AssertErrorAsync(response, HttpStatusCode.NotFound, "model", "model_not_found");
    }

    [Fact]
    public async Task Post_ModelWhoseWorkersAreGone_Is503WithRetryAfter()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        await host.Worker.Session.DisposeAsync();

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", Chat.Ask("a"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
    }

    [Fact]
    public async Task Post_NoModel_NamesIt()
    {
        using HttpResponseMessage response = await shared.Host.PostAsync("/v1/chat/completions", Chat.Ask("a").With("model", null));

        await AssertErrorAsync(response, HttpStatusCode.BadRequest, "model", "invalid_value");
    }

    [Fact]
    public async Task Post_UnknownConversation_Is404()
    {
        using HttpResponseMessage response =
            await shared.Host.PostAsync("/v1/chat/completions", Chat.Ask("a").With("conversation_id", new string('0', 24)));

        await AssertErrorAsync(response, HttpStatusCode.NotFound, "conversation_id", "conversation_not_found");
    }

    [Fact]
    public async Task Post_PromptTooLong_NamesTheNumbers()
    {
        using HttpResponseMessage response =
            await shared.Host.PostAsync("/v1/chat/completions", Chat.Ask(string.Concat(Enumerable.Repeat("1 ", 4096))));

        JsonNode error = await AssertErrorAsync(response, HttpStatusCode.BadRequest, "messages", "context_length_exceeded");
        Assert.Contains("4,096", (string)error["message"]!, StringComparison.Ordinal);
    }

    private async Task AssertRefusedAsync(
        JsonObject body, string field, string value, string param, string path = "/v1/chat/completions")
    {
        // Not through JsonNode, which would not write some of these values.
        body.Remove(field);
        string json = body.ToJsonString()[..^1] + $",\"{field}\":{value}}}";
        using HttpResponseMessage response = await shared.Host.Client.PostAsync(
            path, new StringContent(json, System.Text.Encoding.UTF8, "application/json"));

        await AssertErrorAsync(response, HttpStatusCode.BadRequest, param, null);
    }

    private static async Task<JsonNode> AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string param, string? code)
    {
        string text = await response.Content.ReadAsStringAsync();
        JsonNode body = JsonNode.Parse(text)!;
        JsonNode error = body["error"]!;
        Assert.True(status == response.StatusCode, text);
        Assert.Equal("invalid_request_error", (string?)error["type"]);
        Assert.Equal(param, (string?)error["param"]);
        Assert.Equal((string?)error["message"], (string?)body["detail"]);
        Assert.DoesNotContain("GlmCluster", text, StringComparison.Ordinal);
        if (code is not null)
        {
            Assert.Equal(code, (string?)error["code"]);
        }

        return error;
    }

    /// <summary>One host for all cases: none of them reaches the worker.</summary>
    public sealed class SharedHost : IAsyncLifetime
    {
        internal GatewayHost Host { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Host = await GatewayHost.StartAsync(Nano.Reply("a"));

        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
