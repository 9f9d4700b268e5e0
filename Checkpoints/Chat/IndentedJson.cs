using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Writes JSON as Hugging Face's <c>tojson(indent=4, ensure_ascii=False)</c> does: keys in their order, numbers as they stand,
/// characters beyond ASCII and HTML's as themselves, <c>{}</c> and <c>[]</c> on one line.
/// </summary>
internal static class IndentedJson
{
    private const int Indent = 4;

    /// <exception cref="ChatTemplateException">The text is not JSON.</exception>
    public static void Append(StringBuilder target, string json)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
            AppendTokens(target, ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escaped lone surrogate.
            throw new ChatTemplateException($"A tool's declaration is not valid JSON: {e.Message}");
        }
    }

    private static void AppendTokens(StringBuilder target, ref Utf8JsonReader reader)
    {
        JsonTokenType before = JsonTokenType.None;
        while (reader.Read())
        {
            bool closes = reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray;
            bool opened = before is JsonTokenType.StartObject or JsonTokenType.StartArray;
            if (before is not JsonTokenType.None and not JsonTokenType.PropertyName && !(closes && opened))
            {
                target.Append(closes || opened ? "\n" : ",\n").Append(' ', reader.CurrentDepth * Indent);
            }

            AppendToken(target, ref reader);
            before = reader.TokenType;
        }
    }

    private static void AppendToken(StringBuilder target, ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                AppendString(target, reader.GetString()!);
                target.Append(": ");
                break;
            case JsonTokenType.String:
                AppendString(target, reader.GetString()!);
                break;
            default:
                target.Append(Encoding.UTF8.GetString(reader.ValueSpan)); // brackets, numbers and words are ASCII
                break;
        }
    }

    /// <summary>Appends a JSON string.</summary>
    /// <param name="target">Gets it.</param>
    /// <param name="value">The text.</param>
    /// <param name="ensuresAscii">Whether characters beyond ASCII are escaped.</param>
    public static void AppendString(StringBuilder target, string value, bool ensuresAscii = false)
    {
        target.Append('"');
        foreach (char unit in value)
        {
            _ = unit switch
            {
                '"' => target.Append("\\\""),
                '\\' => target.Append(@"\\"),
                '\n' => target.Append(@"\n"),
                '\r' => target.Append(@"\r"),
                '\t' => target.Append(@"\t"),
                '\b' => target.Append(@"\b"),
                '\f' => target.Append(@"\f"),
                < ' ' => target.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                > '~' when ensuresAscii => target.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
                _ => target.Append(unit),
            };
        }

        target.Append('"');
    }
}
