using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>The snippet <c>tool_call(city='北京', days=2)</c> in which ChatGLM3 writes a tool's arguments: keywords with Python literals.</summary>
internal static class PythonCall
{
    private const string Function = "tool_call(";
    private const string Fence = "```";

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes arguments as a call.</summary>
    /// <exception cref="ChatTemplateException">They are not a JSON object.</exception>
    public static string Write(string argumentsJson)
    {
        try
        {
            using JsonDocument arguments = JsonDocument.Parse(argumentsJson);
            var text = new StringBuilder(Function);
            foreach (JsonProperty argument in arguments.RootElement.EnumerateObject())
            {
                text.Append(text.Length > Function.Length ? ", " : "").Append(argument.Name).Append('=');
                AppendLiteral(text, argument.Value);
            }

            return text.Append(')').ToString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ChatTemplateException($"A tool call's arguments are not a JSON object: {e.Message}");
        }
    }

    /// <summary>Reads a reply's snippet: a fence line, the call, a fence line.</summary>
    /// <param name="snippet">What follows the line with the tool's name.</param>
    /// <param name="argumentsJson">A JSON object, keys in the snippet's order.</param>
    public static bool TryRead(string snippet, out string argumentsJson)
    {
        argumentsJson = "";
        string[] lines = snippet.Trim().Split('\n');
        if (lines.Length < 3 || !lines[0].StartsWith(Fence, StringComparison.Ordinal) || lines[^1].Trim() != Fence)
        {
            return false;
        }

        string call = string.Join('\n', lines[1..^1]).Trim();
        if (!call.StartsWith(Function, StringComparison.Ordinal))
        {
            return false;
        }

        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, Readable))
        {
            if (!new PythonLiteralReader(call.AsSpan(Function.Length), writer).TryReadArguments())
            {
                return false;
            }
        }

        argumentsJson = Encoding.UTF8.GetString(json.WrittenSpan);
        return true;
    }

    private static void AppendLiteral(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                AppendAll(text, '{', '}', value.EnumerateObject(), entry =>
                {
                    AppendString(text, entry.Name);
                    AppendLiteral(text.Append(": "), entry.Value);
                });
                break;
            case JsonValueKind.Array:
                AppendAll(text, '[', ']', value.EnumerateArray(), entry => AppendLiteral(text, entry));
                break;
            case JsonValueKind.String:
                AppendString(text, value.GetString()!);
                break;
            case JsonValueKind.Number:
                text.Append(value.GetRawText());
                break;
            default:
                text.Append(value.ValueKind switch { JsonValueKind.True => "True", JsonValueKind.False => "False", _ => "None" });
                break;
        }
    }

    private static void AppendAll<T>(StringBuilder text, char open, char close, IEnumerable<T> entries, Action<T> append)
    {
        text.Append(open);
        bool isFirst = true;
        foreach (T entry in entries)
        {
            text.Append(isFirst ? "" : ", ");
            append(entry);
            isFirst = false;
        }

        text.Append(close);
    }

    /// <summary>As Python's <c>repr</c>: in apostrophes, or in quotes where it has apostrophes only.</summary>
    private static void AppendString(StringBuilder text, string value)
    {
        char quote = value.Contains('\'', StringComparison.Ordinal) && !value.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        text.Append(quote);
        foreach (char unit in value)
        {
            _ = unit switch
            {
                '\\' => text.Append(@"\\"),
                '\n' => text.Append(@"\n"),
                '\r' => text.Append(@"\r"),
                '\t' => text.Append(@"\t"),
                < ' ' or '\x7F' => text.Append(CultureInfo.InvariantCulture, $"\\x{(int)unit:x2}"),
                _ when unit == quote => text.Append('\\').Append(unit),
                _ => text.Append(unit),
            };
        }

        text.Append(quote);
    }
}
