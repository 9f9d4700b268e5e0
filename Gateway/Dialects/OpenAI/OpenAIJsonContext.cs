using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using GlmCluster.Gateway.Dialects.OpenAI.Embeddings;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>The JSON of OpenAI's API.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ChatRequest))]
[JsonSerializable(typeof(CompletionRequest))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(TextCompletion))]
[JsonSerializable(typeof(EmbeddingsRequest))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelObject))]
[JsonSerializable(typeof(CancelledCompletion))]
[JsonSerializable(typeof(ErrorBody))]
internal sealed partial class OpenAIJsonContext : JsonSerializerContext;

/// <summary>That context with Chinese text written as it is, which attributes cannot say.</summary>
internal static class OpenAIJson
{
    /// <summary>Safe here: the answers are never put into HTML, and their content type says so.</summary>
    public static JavaScriptEncoder Encoder => JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    public static OpenAIJsonContext Context { get; } = new(new JsonSerializerOptions(OpenAIJsonContext.Default.Options)
    {
        Encoder = Encoder,
    });

    /// <summary>Sends one value as the whole response.</summary>
    public static Task WriteAsync<T>(HttpResponse response, T value, JsonTypeInfo<T> type, CancellationToken aborted)
    {
        response.ContentType = "application/json; charset=utf-8";
        return JsonSerializer.SerializeAsync(response.Body, value, type, aborted);
    }
}
