using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Reads the inside of one <c>&lt;tool_call&gt;</c> of GLM-4.5 and later.</summary>
internal static class XmlToolCall
{
    private const string KeyStart = "<arg_key>";
    private const string KeyEnd = "</arg_key>";
    private const string ValueStart = "<arg_value>";
    private const string ValueEnd = "</arg_value>";

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The call; null where it is malformed or of a tool that is not declared.</summary>
    public static ChatToolCall? Read(string text, IReadOnlyList<ChatTool> tools)
    {
        int keys = text.IndexOf(KeyStart, StringComparison.Ordinal);
        string name = (keys < 0 ? text : text[..keys]).Trim();
        if (tools.FirstOrDefault(tool => tool.Name == name) is not { } declared
            || ReadPairs(keys < 0 ? "" : text[keys..]) is not { } pairs)
        {
            return null;
        }

        HashSet<string> texts = ToolSchema.TextParameters(declared.DeclarationJson);
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, JsonOptions))
        {
            writer.WriteStartObject();
            foreach ((string key, string value) in pairs)
            {
                writer.WritePropertyName(key);
                WriteValue(writer, value, texts.Contains(key));
            }

            writer.WriteEndObject();
        }

        return new ChatToolCall(name, Encoding.UTF8.GetString(json.WrittenSpan));
    }

    private static OrderedDictionary<string, string>? ReadPairs(string text)
    {
        var pairs = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        while (!rest.IsEmpty)
        {
            if (!TryTake(ref rest, KeyStart, KeyEnd, out string key) || !TryTake(ref rest, ValueStart, ValueEnd, out string value))
            {
                return null;
            }

            pairs[key.Trim()] = value; // of two the last counts, as in JSON
        }

        return pairs;
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, string start, string end, out string inside)
    {
        inside = "";
        int length = rest.StartsWith(start, StringComparison.Ordinal) ? rest[start.Length..].IndexOf(end, StringComparison.Ordinal) : -1;
        if (length < 0)
        {
            return false;
        }

        inside = new string(rest.Slice(start.Length, length));
        rest = rest[(start.Length + length + end.Length)..].TrimStart();
        return true;
    }

    /// <summary>Declared texts stay as they are; anything else is JSON if it can be read so, else text.</summary>
    private static void WriteValue(Utf8JsonWriter writer, string value, bool isText)
    {
        if (!isText)
        {
            try
            {
                using JsonDocument parsed = JsonDocument.Parse(value);
                parsed.RootElement.WriteTo(writer);
                return;
            }
            catch (JsonException)
            {
                // Then it is text.
            }
        }

        writer.WriteStringValue(value);
    }
}
