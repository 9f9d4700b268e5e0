using System.ClientModel;
using System.Net;
using System.Net.Http.Json;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GlmCluster.TestKit;
using OpenAI;
using OpenAI.Embeddings;

namespace GlmCluster.Cli.Tests.EndToEnd;

/// <summary><c>glm serve</c> with its default embedding model beside the chat model, asked over HTTP.</summary>
public sealed class EmbeddingApiTests(EmbeddingApiTests.Server server) : IClassFixture<EmbeddingApiTests.Server>
{
    private const string Path = "/v1/embeddings";

    private readonly JsonNode _reference =
        JsonNode.Parse(File.ReadAllText(RepositoryFolder.Path("tests", "data", "nano-embed", "reference.json")))!;

    private HttpClient Client => server.Client;

    [Fact]
    public async Task Embed_ReferenceTexts_VectorsAndSimilaritiesAreThoseOfTheReference()
    {
        JsonNode answer = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = _reference["texts"]!.DeepClone() });

        float[][] expected = [.. _reference["embeddings"]!.AsArray().Select(Floats)];
        float[][] found = [.. answer["data"]!.AsArray().Select(item => Floats(item!["embedding"]))];
        Assert.Equal(_reference["input_ids"]!.AsArray().Sum(ids => ids!.AsArray().Count), (int)answer["usage"]!["prompt_tokens"]!);
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(i, (int)answer["data"]![i]!["index"]!);
            for (int j = 0; j < expected.Length; j++)
            {
                Assert.Equal(
                    TensorPrimitives.CosineSimilarity<float>(expected[i], expected[j]), TensorPrimitives.CosineSimilarity<float>(found[i], found[j]), 1e-5f);
            }

            Assert.True(expected[i].Zip(found[i], (left, right) => MathF.Abs(left - right)).Max() < 2e-5f);
        }
    }

    [Fact]
    public async Task Embed_AloneIdsOrBase64_SameBitsAsTogether()
    {
        JsonNode together = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = _reference["texts"]!.DeepClone() });
        JsonNode ids = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = _reference["input_ids"]!.DeepClone() });
        for (int i = 0; i < 4; i++)
        {
            JsonNode alone = await AskAsync(new JsonObject
            {
                ["input"] = _reference["texts"]![i]!.DeepClone(), // the only embedding model need not be named
                ["encoding_format"] = "base64",
            });

            float[] expected = Floats(together["data"]![i]!["embedding"]);
            Assert.Equal(expected, Floats(ids["data"]![i]!["embedding"]));
            Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(Convert.FromBase64String((string)alone["data"]![0]!["embedding"]!)).ToArray());
        }
    }

    [Fact]
    public async Task Embed_Dimensions_FirstOnesOfLengthOne()
    {
        JsonNode whole = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = "苹果" });
        JsonNode first = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = "苹果", ["dimensions"] = 32 });

        float[] expected = Floats(whole["data"]![0]!["embedding"])[..32];
        float[] found = Floats(first["data"]![0]!["embedding"]);
        Assert.Equal(32, found.Length);
        Assert.Equal(1, TensorPrimitives.Norm<float>(found), 1e-5f);
        Assert.Equal(1, TensorPrimitives.CosineSimilarity<float>(expected, found), 1e-6f);
    }

    [Fact]
    public async Task Embed_OpenAIClient_FirstTextIsTheReference()
    {
        var client = new EmbeddingClient("nano-embed", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(server.Client.BaseAddress!, "/v1") });

        ClientResult<OpenAIEmbeddingCollection> answer = await client.GenerateEmbeddingsAsync(
            [(string)_reference["texts"]![0]!, "Hello"], cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(2, answer.Value.Count);
        float[] expected = Floats(_reference["embeddings"]![0]);
        Assert.True(expected.Zip(answer.Value[0].ToFloats().ToArray(), (left, right) => MathF.Abs(left - right)).Max() < 2e-5f);
        Assert.Equal(7, answer.Value.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task Embed_LongText_CutOrRefusedWhenAsked()
    {
        string text = string.Concat(Enumerable.Repeat("你好", 1000));

        JsonNode cut = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = text });
        JsonNode refused = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = text, ["truncate"] = false }, HttpStatusCode.BadRequest);

        Assert.Equal(512, (int)cut["usage"]!["prompt_tokens"]!);
        Assert.Equal("context_length_exceeded", (string?)refused["error"]!["code"]);
        Assert.Contains("2,002", (string?)refused["error"]!["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model": "nano-embed", "input": ""}""", "input", "empty")]
    [InlineData("""{"model": "nano-embed", "input": ["a", ""]}""", "input", "Input 1")]
    [InlineData("""{"model": "nano-embed", "input": []}""", "input", "0 texts")]
    [InlineData("""{"model": "nano-embed", "input": [[]]}""", "input", "empty")]
    [InlineData("""{"model": "nano-embed", "input": [101, 21128]}""", "input", "0 to 21127")]
    [InlineData("""{"model": "nano-embed", "input": [[-1]]}""", "input", "-1")]
    [InlineData("""{"model": "nano-embed", "input": ["a", 1]}""", "input", "array of")]
    [InlineData("""{"model": "nano-embed", "input": {"a": 1}}""", "input", "array of")]
    [InlineData("""{"model": "nano-embed"}""", "input", "missing")]
    [InlineData("""{"model": "nano-embed", "input": "a", "dimensions": 129}""", "dimensions", "128")]
    [InlineData("""{"model": "nano-embed", "input": "a", "dimensions": 0}""", "dimensions", "128")]
    [InlineData("""{"model": "nano-embed", "input": "a", "encoding_format": "int8"}""", "encoding_format", "base64")]
    [InlineData("""{"model": "glm-nano", "input": "a"}""", "model", "no embeddings")]
    public async Task Embed_BadInput_ErrorNamesIt(string body, string param, string expected)
    {
        JsonNode answer = await AskAsync(JsonNode.Parse(body)!, HttpStatusCode.BadRequest);

        Assert.Equal(param, (string?)answer["error"]!["param"]);
        Assert.Equal("invalid_request_error", (string?)answer["error"]!["type"]);
        Assert.Contains(expected, (string?)answer["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embed_TenThousandTexts_ErrorNamesTheLimit()
    {
        var input = new JsonArray([.. Enumerable.Repeat("a", 10_000).Select(text => JsonValue.Create(text))]);

        JsonNode answer = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = input }, HttpStatusCode.BadRequest);

        Assert.Contains("10,000", (string?)answer["error"]!["message"], StringComparison.Ordinal);
        Assert.Contains("2,048", (string?)answer["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embed_TimeoutTooShort_DeadlineExceeded()
    {
        var input = new JsonArray([.. Enumerable.Repeat(string.Concat(Enumerable.Repeat("门票", 250)), 2048).Select(text => JsonValue.Create(text))]);

        JsonNode answer = await AskAsync(new JsonObject { ["model"] = "nano-embed", ["input"] = input, ["timeout"] = 0.001 }, HttpStatusCode.GatewayTimeout);

        Assert.Equal("deadline_exceeded", (string?)answer["error"]!["code"]);
    }

    [Fact]
    public async Task Models_BesideChat_ListedAndRefusesToChat()
    {
        JsonNode models = JsonNode.Parse(await Client.GetStringAsync("/v1/models", TestContext.Current.CancellationToken))!;
        using HttpResponseMessage chat = await Client.PostAsJsonAsync(
            "/v1/chat/completions",
            JsonNode.Parse("""{"model": "nano-embed", "messages": [{"role": "user", "content": "你好"}]}"""),
            TestContext.Current.CancellationToken);

        Assert.Equal(["glm-nano", "nano-embed"], models["data"]!.AsArray().Select(model => (string)model!["id"]!));
        Assert.Equal(HttpStatusCode.BadRequest, chat.StatusCode);
    }

    private async Task<JsonNode> AskAsync(JsonNode body, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using HttpResponseMessage response = await Client.PostAsJsonAsync(Path, body, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(expected == response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    private static float[] Floats(JsonNode? array) => array.Deserialize<float[]>()!;

    /// <summary>One server for all tests here.</summary>
    public sealed class Server : IAsyncLifetime
    {
        private ServerProcess? _process;

        public HttpClient Client { get; } = new();

        public async ValueTask InitializeAsync()
        {
            _process = await ServerProcess.StartAsync("memory");
            Client.BaseAddress = _process.Url;
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await _process!.DisposeAsync();
        }
    }
}
