using System.Net.Http.Json;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace GlmCluster.Bench.Http;

/// <summary>A server with an OpenAI-compatible API, and what it is asked.</summary>
/// <param name="Url">Base, without <c>/v1</c>; http only: TLS would be measured with it.</param>
/// <param name="Model">Name of the model.</param>
/// <param name="IgnoresEnd">Whether to send <c>ignore_eos</c>, an extension that llama.cpp, vLLM and others know: then every answer has all its tokens.</param>
public sealed record ChatServer(Uri Url, string Model, bool IgnoresEnd)
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Finds a running server, and whether it lets an answer's end be ignored.</summary>
    /// <param name="url">Its base URL, with or without <c>/v1</c>.</param>
    /// <param name="model">Name to ask for; null: the first that the server lists.</param>
    /// <exception cref="BenchException">It cannot be used; says why.</exception>
    public static async Task<ChatServer> FindAsync(Uri url, string? model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(url);
        var root = new Uri(url.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");
        root = root.AbsolutePath.EndsWith("/v1/", StringComparison.Ordinal) ? new Uri(root, "..") : root;
        if (root.Scheme != Uri.UriSchemeHttp)
        {
            throw new BenchException($"The peer's URL is {url}; only http:// can be measured. Ask it without TLS.");
        }

        using var http = new HttpClient();
        try
        {
            ModelList? models = await http.GetFromJsonAsync<ModelList>(new Uri(root, "v1/models"), JsonSerializerOptions.Web, cancellationToken);
            string? name = model ?? (models?.Data is [var first, ..] ? first.Id : null);
            var server = new ChatServer(root, name ?? throw new BenchException($"The peer at {root} lists no model; name one with --peer-model."), IgnoresEnd: true);
            return await server.AcceptsAsync(http, cancellationToken) ? server : server with { IgnoresEnd = false };
        }
        catch (Exception fault) when (fault is HttpRequestException or JsonException)
        {
            throw new BenchException($"The peer at {root} does not answer GET v1/models as OpenAI's API does: {fault.Message}");
        }
    }

    /// <summary>A whole HTTP request for one streamed, greedy chat that generates <paramref name="maxTokens"/> tokens.</summary>
    internal byte[] CreateRequest(string message, int maxTokens)
    {
        string body = CreateBody(message, maxTokens);
        return Encoding.UTF8.GetBytes(
            $"POST {Url.AbsolutePath}v1/chat/completions HTTP/1.1\r\nHost: {Url.Authority}\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
    }

    private string CreateBody(string message, int maxTokens) => JsonSerializer.Serialize(
        new
        {
            model = Model,
            messages = new[] { new { role = "user", content = message } },
            temperature = 0,
            max_tokens = maxTokens,
            stream = true,
            stream_options = new { include_usage = true },
            store = false,
            ignore_eos = IgnoresEnd,
        },
        Readable);

    /// <summary>Whether the server takes what it is going to be asked; a refusal of another kind shows in the measurement.</summary>
    private async Task<bool> AcceptsAsync(HttpClient http, CancellationToken cancellationToken)
    {
        using var body = new StringContent(CreateBody("Hello", maxTokens: 1), Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(Url, "v1/chat/completions"), body, cancellationToken);
        return response.IsSuccessStatusCode;
    }

    private sealed record ModelList(IReadOnlyList<ModelEntry> Data);

    private sealed record ModelEntry(string Id);
}
