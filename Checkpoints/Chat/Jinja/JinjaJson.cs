using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>
/// JSON in and out. Writing is <c>tojson</c> with Hugging Face's signature (ensure_ascii, indent, separators, sort_keys): nothing is
/// escaped for HTML. All that is written counts as data.
/// </summary>
internal static class JinjaJson
{
    private const int MostDepth = 64;

    /// <summary>Takes a JSON value in as data.</summary>
    /// <exception cref="JsonException">It is nested too deeply, or has an escaped lone surrogate.</exception>
    public static object? Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var map = new JinjaMap();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    map.Set(MarkedText.FromData(property.Name), Read(property.Value));
                }

                return map;
            case JsonValueKind.Array:
                return element.EnumerateArray().Select(Read).ToList();
            case JsonValueKind.String:
                return MarkedText.FromData(element.GetString()!);
            case JsonValueKind.Number:
                return element.TryGetInt64(out long whole) ? (object)whole : element.GetDouble(); // without the cast both would be doubles
            case JsonValueKind.True or JsonValueKind.False:
                return element.ValueKind == JsonValueKind.True;
            default:
                return null;
        }
    }

    public static object? Filter(object? subject, JinjaArguments arguments)
    {
        int indent = arguments.Integer(1, "indent", -1);
        List<object?> separators = arguments.Get(2, "separators") as List<object?> ?? [];
        var form = new JsonForm(
            EnsureAscii: JinjaValues.IsTrue(arguments.Get(0, "ensure_ascii")),
            Indent: indent,
            ItemSeparator: separators.Count == 2 ? JinjaValues.ToText(separators[0]).Text : indent < 0 ? ", " : ",",
            KeySeparator: separators.Count == 2 ? JinjaValues.ToText(separators[1]).Text : ": ",
            SortKeys: JinjaValues.IsTrue(arguments.Get(3, "sort_keys")));
        var text = new StringBuilder();
        Write(text, subject, form, 0, arguments.Execution);
        return arguments.Execution.Made(MarkedText.FromData(text.ToString()));
    }

    /// <summary>How a list or mapping prints: as Python writes it, with single quotes.</summary>
    public static MarkedText Represent(object? value)
    {
        var text = new StringBuilder();
        WriteRepresentation(text, value, 0);
        return MarkedText.FromData(text.ToString());
    }

    private static void Write(StringBuilder text, object? value, JsonForm form, int depth, JinjaExecution execution)
    {
        execution.Step();
        CheckDepth(depth);
        switch (value)
        {
            case MarkedText content:
                IndentedJson.AppendString(text, content.Text, form.EnsureAscii);
                break;
            case List<object?> list:
                WriteMembers(text, '[', ']', list, item => Write(text, item, form, depth + 1, execution), form, depth);
                break;
            case JinjaMap map:
                IEnumerable<JinjaMap.Entry> entries = form.SortKeys ? map.OrderBy(entry => entry.Key, StringComparer.Ordinal) : map;
                WriteMembers(text, '{', '}', [.. entries], entry =>
                {
                    IndentedJson.AppendString(text, entry.Key, form.EnsureAscii);
                    text.Append(form.KeySeparator);
                    Write(text, entry.Value, form, depth + 1, execution);
                }, form, depth);
                break;
            case null or bool or long or double:
                text.Append(value is null ? "null" : value is bool truth ? (truth ? "true" : "false") : JinjaValues.ToText(value).Text);
                break;
            default:
                throw new JinjaException($"{JinjaValues.NameOf(value)} cannot be written as JSON.");
        }
    }

    private static void WriteMembers<T>(StringBuilder text, char open, char close, List<T> members, Action<T> write, JsonForm form, int depth)
    {
        text.Append(open);
        for (int i = 0; i < members.Count; i++)
        {
            text.Append(i > 0 ? form.ItemSeparator : "");
            NewLine(text, form, depth + 1);
            write(members[i]);
        }

        if (members.Count > 0)
        {
            NewLine(text, form, depth);
        }

        text.Append(close);
    }

    private static void NewLine(StringBuilder text, JsonForm form, int depth)
    {
        if (form.Indent >= 0)
        {
            text.Append('\n').Append(' ', Math.Min(form.Indent, 16) * depth);
        }
    }

    private static void WriteRepresentation(StringBuilder text, object? value, int depth)
    {
        CheckDepth(depth);
        switch (value)
        {
            case MarkedText content:
                text.Append(CultureInfo.InvariantCulture, $"'{content.Text.Replace("\\", @"\\", StringComparison.Ordinal)
                    .Replace("'", @"\'", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}'");
                break;
            case List<object?> list:
                text.Append('[');
                for (int i = 0; i < list.Count; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    WriteRepresentation(text, list[i], depth + 1);
                }

                text.Append(']');
                break;
            case JinjaMap map:
                text.Append('{');
                string separator = "";
                foreach (JinjaMap.Entry entry in map)
                {
                    text.Append(separator);
                    WriteRepresentation(text, entry.KeyText, depth + 1);
                    text.Append(": ");
                    WriteRepresentation(text, entry.Value, depth + 1);
                    separator = ", ";
                }

                text.Append('}');
                break;
            default:
                text.Append(JinjaValues.ToText(value).Text);
                break;
        }
    }

    private static void CheckDepth(int depth)
    {
        if (depth > MostDepth)
        {
            throw new JinjaException($"a value is nested more than {MostDepth} deep.");
        }
    }

    private readonly record struct JsonForm(bool EnsureAscii, int Indent, string ItemSeparator, string KeySeparator, bool SortKeys);
}
