using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>The program that ChatGLM3 wants run: after the header <c>interpreter</c>, fenced. Clients see it as the one text argument of that tool.</summary>
/// <remarks>Layout: PROMPT.md of THUDM/ChatGLM3.</remarks>
internal static class PythonProgram
{
    public const string Tool = "interpreter";

    /// <summary>Name of the argument where the tool's schema does not say.</summary>
    private const string UsualArgument = "code";

    private const string Fence = "```";

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a reply's snippet: a fence line, the program, a fence line.</summary>
    /// <param name="snippet">What follows the header.</param>
    /// <param name="tool">Says what its text argument is called.</param>
    /// <param name="argumentsJson">A JSON object with the program.</param>
    public static bool TryRead(string snippet, ChatTool tool, out string argumentsJson)
    {
        argumentsJson = "";
        string[] lines = snippet.Trim().Split('\n');
        if (lines.Length < 3 || !lines[0].StartsWith(Fence, StringComparison.Ordinal) || lines[^1].Trim() != Fence)
        {
            return false;
        }

        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, Readable))
        {
            writer.WriteStartObject();
            writer.WriteString(ToolSchema.TextParameters(tool.DeclarationJson) is { Count: 1 } texts ? texts.Single() : UsualArgument, string.Join('\n', lines[1..^1]));
            writer.WriteEndObject();
        }

        argumentsJson = Encoding.UTF8.GetString(json.WrittenSpan);
        return true;
    }

    /// <summary>The program in a call of history; null where its arguments are not one text.</summary>
    public static string? Find(ChatToolCall call)
    {
        if (call.Name != Tool)
        {
            return null;
        }

        try
        {
            using JsonDocument arguments = JsonDocument.Parse(call.ArgumentsJson);
            return arguments.RootElement.ValueKind == JsonValueKind.Object
                && arguments.RootElement.EnumerateObject().ToArray() is [{ Value.ValueKind: JsonValueKind.String } only]
                    ? only.Value.GetString()
                    : null;
        }
        catch (JsonException)
        {
            return null; // whoever writes it as a call says what is wrong
        }
    }
}
