using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json.Nodes;

namespace GlmCluster.Cli.Tests.EndToEnd;

/// <summary>The chat API as plain HTTP.</summary>
internal sealed class ChatApi(Uri url) : IDisposable
{
    private const string CompletionPath = "v1/completions";
    private const string Path = "v1/chat/completions";

    private readonly HttpClient _http = new() { BaseAddress = url, Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Sends messages, greedy, and returns the whole answer.</summary>
    public async Task<JsonObject> CompleteAsync(JsonNode messages, string? conversation = null, JsonNode? tools = null)
    {
        JsonObject body = Body(messages);
        body["conversation_id"] = conversation;
        body["tools"] = tools;
        using HttpResponseMessage response = await _http.PostAsJsonAsync(Path, body);
        return (JsonObject)(await response.Content.ReadFromJsonAsync<JsonNode>())!;
    }

    /// <summary>Streams an answer, drawn with a seed, until so many content events came; then leaves.</summary>
    public Task<Stream> StreamAsync(string message, int leaveAfter = int.MaxValue)
    {
        JsonObject body = Body(UserMessage(message));
        body["stream"] = true;
        body["temperature"] = 1.0;
        body["seed"] = 11;
        return ReadAsync(new HttpRequestMessage(HttpMethod.Post, Path) { Content = JsonContent.Create(body) }, leaveAfter);
    }

    /// <summary>Streams a completion, drawn with a seed; long enough that it runs for a while when several do.</summary>
    /// <param name="seed">Two of the same give the same text.</param>
    /// <param name="onStarted">Told with the first text; null: nobody.</param>
    /// <param name="leaveAfter">Events with text to read.</param>
    /// <param name="model">Which is asked.</param>
    /// <param name="exactTokens">Tokens of the answer, whatever they are; null: up to 400.</param>
    public Task<Stream> CompleteTextAsync(
        int seed, Action? onStarted = null, int leaveAfter = int.MaxValue, string model = "glm-nano", int? exactTokens = null)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["prompt"] = "Once upon a time",
            ["stream"] = true,
            ["max_tokens"] = exactTokens ?? 400,
            ["ignore_eos"] = exactTokens is not null,
            ["temperature"] = 1.5,
            ["seed"] = seed,
        };
        return ReadAsync(new HttpRequestMessage(HttpMethod.Post, CompletionPath) { Content = JsonContent.Create(body) }, leaveAfter, onStarted);
    }

    /// <summary>Asks for a completion of one token and returns the status.</summary>
    public async Task<HttpStatusCode> TryAsync(string model)
    {
        var body = new JsonObject { ["model"] = model, ["prompt"] = "a", ["max_tokens"] = 1 };
        using HttpResponseMessage response = await _http.PostAsJsonAsync(CompletionPath, body);
        return response.StatusCode;
    }

    /// <summary>Names that <c>/v1/models</c> lists.</summary>
    public async Task<string[]> ListModelsAsync() =>
        [.. (await _http.GetFromJsonAsync<JsonNode>("v1/models"))!["data"]!.AsArray().Select(model => (string)model!["id"]!)];

    /// <summary>Waits until a model is offered.</summary>
    public async Task WaitUntilReadyAsync()
    {
        HttpStatusCode status;
        do
        {
            using HttpResponseMessage response = await _http.GetAsync("ready");
            status = response.StatusCode;
        }
        while (status != HttpStatusCode.OK);
    }

    /// <summary>Goes on after an event.</summary>
    public Task<Stream> ResumeAsync(string generation, string lastEventId, string path = Path)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"{path}/{generation}");
        request.Headers.Add("Last-Event-ID", lastEventId);
        return ReadAsync(request, int.MaxValue);
    }

    public static JsonArray UserMessage(string text) => [new JsonObject { ["role"] = "user", ["content"] = text }];

    public void Dispose() => _http.Dispose();

    private static JsonObject Body(JsonNode messages) => new() { ["model"] = "glm-nano", ["messages"] = messages, ["temperature"] = 0 };

    private async Task<Stream> ReadAsync(HttpRequestMessage request, int leaveAfter, Action? onStarted = null)
    {
        using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}");
        SseParser<string> events = SseParser.Create(await response.Content.ReadAsStreamAsync());
        var text = new StringBuilder();
        string? finish = null;
        string? error = null;
        string generation = "";
        int contents = 0;
        await foreach (SseItem<string> item in events.EnumerateAsync())
        {
            if (item.Data == "[DONE]")
            {
                break;
            }

            JsonNode chunk = JsonNode.Parse(item.Data)!;
            if (chunk["error"] is { } fault)
            {
                error = (string?)fault["message"];
                break;
            }

            generation = (string)chunk["id"]!;
            JsonNode choice = chunk["choices"]![0]!;
            string content = (string?)(choice["delta"]?["content"] ?? choice["text"]) ?? "";
            text.Append(content);
            finish = (string?)choice["finish_reason"] ?? finish;
            if (content.Length > 0 && contents == 0)
            {
                onStarted?.Invoke();
            }

            if (content.Length > 0 && ++contents == leaveAfter)
            {
                break;
            }
        }

        return new Stream(generation, text.ToString(), events.LastEventId, finish, error);
    }

    /// <summary>What a stream showed.</summary>
    internal sealed record Stream(string Generation, string Text, string LastEventId, string? FinishReason, string? Error = null);
}
