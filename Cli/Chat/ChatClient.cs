using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GlmCluster.Cli.Chat;

/// <summary>A refusal or failure that the server described.</summary>
internal sealed class ChatException(string message) : Exception(message);

/// <summary>Talks to a server's OpenAI dialect.</summary>
/// <param name="http">Its base address is the server's.</param>
internal sealed class ChatClient(HttpClient http)
{
    /// <summary>Whether a server answers there.</summary>
    /// <param name="patience">How long to wait for it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<bool> AnswersAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(patience);
        try
        {
            using HttpResponseMessage response = await http.GetAsync("/health", deadline.Token);
            return response.IsSuccessStatusCode;
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false; // nobody there is an answer, not a failure
        }
    }

    /// <summary>Name of the first model the server offers.</summary>
    /// <exception cref="ChatException">It offers none.</exception>
    public async Task<string> FindModelAsync(CancellationToken cancellationToken) =>
        await ListModelsAsync(cancellationToken) is [var first, ..] ? first : throw new ChatException("The server offers no model.");

    /// <summary>Names of the models the server offers.</summary>
    public async Task<IReadOnlyList<string>> ListModelsAsync(CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await http.GetAsync("/v1/models", cancellationToken);
        string body = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new ChatException(Describe(response, body));
        }

        return [.. Parse(body, ChatJsonContext.Default.ModelList).Data.Select(model => model.Id)];
    }

    /// <summary>Asks and reads the answer as it comes.</summary>
    /// <param name="model">Name of a model the server offers.</param>
    /// <param name="conversation">Id of an earlier answer to go on from; null starts a conversation.</param>
    /// <param name="message">The user's new message.</param>
    /// <param name="cancellationToken">Stops the answer.</param>
    /// <exception cref="ChatException">The server refused, or failed on the way.</exception>
    public async IAsyncEnumerable<ChatChunk> AskAsync(
        string model, string? conversation, string message, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var body = new ChatRequest(model, [new ChatRequestMessage("user", message)], Stream: true, conversation);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions");
        request.Content = JsonContent.Create(body, ChatJsonContext.Default.ChatRequest);
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new ChatException(Describe(response, await response.Content.ReadAsStringAsync(cancellationToken)));
        }

        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync(cancellationToken))
        {
            if (item.Data == "[DONE]")
            {
                yield break;
            }

            ChatChunk chunk = Parse(item.Data, ChatJsonContext.Default.ChatChunk);
            yield return chunk.Error is { } error ? throw new ChatException(error.Message ?? "The server failed.") : chunk;
        }

        throw new ChatException("The connection broke before the answer was complete.");
    }

    /// <summary>Ends a generation at once, so that its conversation is free again. A server that cannot, or that is gone, is left alone.</summary>
    public async Task CancelAsync(string generation, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await http.DeleteAsync($"/v1/chat/completions/{generation}", cancellationToken);
        }
        catch (HttpRequestException)
        {
            // The answer is stopped for the user either way; the next message finds out whether the server is there.
        }
    }

    private static string Describe(HttpResponseMessage response, string body)
    {
        string status = $"The server answered {(int)response.StatusCode} {response.ReasonPhrase}.";
        try
        {
            return Parse(body, ChatJsonContext.Default.ChatChunk).Error?.Message ?? status;
        }
        catch (ChatException)
        {
            return status; // from something between us and the server
        }
    }

    private static T Parse<T>(string json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException("null");
        }
        catch (JsonException)
        {
            throw new ChatException("The server sent what is not JSON: is it a GlmCluster server?");
        }
    }
}
