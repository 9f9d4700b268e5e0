using System.Collections.Immutable;
using System.Text.Json;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Chat;

namespace GlmCluster.Silo.Quality;

/// <summary>A dialogue with its answers, in the form of an OpenAI chat request.</summary>
/// <param name="Messages">In order.</param>
/// <param name="Tools">Declared functions; empty: none.</param>
internal sealed record Dialogue(ImmutableArray<ChatMessage> Messages, ImmutableArray<ChatTool> Tools);

/// <summary>Reads one line of a file of dialogues: <c>{"messages": [{"role", "content", "tool_calls"}], "tools": [{"function"}]}</c>.</summary>
internal static class DialogueReader
{
    private const int MaximumDepth = 64;

    /// <param name="where">File and line, for error messages.</param>
    /// <exception cref="CheckpointException">The line is no such object.</exception>
    public static Dialogue Read(string line, string where)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = MaximumDepth });
            ImmutableArray<ChatMessage> messages = [.. document.RootElement.GetProperty("messages").EnumerateArray().Select(ReadMessage)];
            return new Dialogue(messages, [.. Array(document.RootElement, "tools").Select(ReadTool)]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CheckpointException(
                $"{where} is no dialogue; expected: {{\"messages\": [{{\"role\": \"user\", \"content\": \"…\"}}, …]}}. {e.Message}", e);
        }
    }

    private static ChatMessage ReadMessage(JsonElement message)
    {
        string? content = message.TryGetProperty("content", out JsonElement text) ? text.GetString() : null;
        return new ChatMessage(ReadRole(message.GetProperty("role").GetString()), content ?? "", [.. Array(message, "tool_calls").Select(ReadCall)]);
    }

    private static ChatRole ReadRole(string? role) => role switch
    {
        "system" => ChatRole.System,
        "user" => ChatRole.User,
        "assistant" => ChatRole.Assistant,
        "tool" => ChatRole.Tool,
        _ => throw new JsonException($"\"{role}\" is no role; known are system, user, assistant and tool."),
    };

    private static ChatToolCall ReadCall(JsonElement call)
    {
        JsonElement function = call.GetProperty("function");
        return new ChatToolCall(function.GetProperty("name").GetString()!, function.GetProperty("arguments").GetString()!);
    }

    private static ChatTool ReadTool(JsonElement tool)
    {
        JsonElement function = tool.GetProperty("function");
        return new ChatTool(function.GetProperty("name").GetString()!, function.GetRawText());
    }

    private static JsonElement.ArrayEnumerator Array(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement list) && list.ValueKind != JsonValueKind.Null ? list.EnumerateArray() : default;
}
