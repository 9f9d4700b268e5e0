namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Methods of texts, lists and mappings, as Python names them. None changes its object.</summary>
internal static class JinjaMethods
{
    /// <summary>Finds a method; null where the value has none of that name.</summary>
    public static JinjaFunction? Find(object? target, string name) => target switch
    {
        MarkedText text => FindOfText(text, name),
        JinjaMap map => FindOfMap(map, name),
        List<object?> list => FindOfList(list, name),
        _ => null,
    };

    /// <summary>Pairs of key and value.</summary>
    public static List<object?> Items(object? value) => value switch
    {
        JinjaMap map => [.. map.Select(entry => (object?)new List<object?> { entry.KeyText, entry.Value })],
        _ when JinjaValues.IsUndefined(value) => [],
        _ => throw new JinjaException($"{JinjaValues.NameOf(value)} has no items."),
    };

    private static JinjaFunction? FindOfText(MarkedText text, string name) => name switch
    {
        "strip" => arguments => text.Trim(arguments.TextOrNull(0, "chars"), true, true),
        "lstrip" => arguments => text.Trim(arguments.TextOrNull(0, "chars"), true, false),
        "rstrip" => arguments => text.Trim(arguments.TextOrNull(0, "chars"), false, true),
        "split" => arguments => Split(text, arguments),
        "splitlines" => _ => SplitLines(text),
        "startswith" => arguments => Candidates(arguments).Exists(part => text.Text.StartsWith(part, StringComparison.Ordinal)),
        "endswith" => arguments => Candidates(arguments).Exists(part => text.Text.EndsWith(part, StringComparison.Ordinal)),
        "removeprefix" => arguments => WithoutPrefix(text, arguments.Text(0, "prefix").Text),
        "removesuffix" => arguments => WithoutSuffix(text, arguments.Text(0, "suffix").Text),
        "find" => arguments => (long)text.Text.IndexOf(arguments.Text(0, "sub").Text, StringComparison.Ordinal),
        "count" => arguments => (long)Math.Max(0, text.Split(NotEmpty(arguments.Text(0, "sub")), -1).Count - 1),
        "join" => arguments => arguments.Execution.Made(
            MarkedTextBuilder.Join(JinjaValues.ToList(arguments.Get(0, "iterable")).Select(JinjaValues.ToText), text)),
        "isdigit" => _ => text.Length > 0 && text.Text.All(char.IsDigit),
        "isspace" => _ => text.Length > 0 && text.Text.All(char.IsWhiteSpace),
        "upper" or "lower" or "capitalize" or "replace" => arguments => JinjaFilters.Find(name)!(text, arguments),
        _ => null,
    };

    private static JinjaFunction? FindOfMap(JinjaMap map, string name) => name switch
    {
        "items" => _ => Items(map),
        "keys" => _ => JinjaValues.ToList(map),
        "values" => _ => map.Select(entry => entry.Value).ToList(),
        "get" => arguments => map.TryGet(arguments.Text(0, "key").Text, out object? value)
            ? value
            : arguments.Count > 1 ? arguments.Get(1, "default") : null,
        _ => null,
    };

    private static JinjaFunction? FindOfList(List<object?> list, string name) => name switch
    {
        "count" => arguments => (long)list.Count(item => JinjaValues.AreEqual(item, arguments.Get(0, "value"))),
        "index" => arguments => list.FindIndex(item => JinjaValues.AreEqual(item, arguments.Get(0, "value"))) is >= 0 and int at
            ? (long)at
            : throw new JinjaException("the list has no such value."),
        _ => null,
    };

    private static List<object?> Split(MarkedText text, JinjaArguments arguments)
    {
        string? separator = arguments.TextOrNull(0, "sep");
        List<MarkedText> parts = separator is null
            ? text.SplitAtWhiteSpace()
            : text.Split(NotEmpty(arguments.Text(0, "sep")), arguments.Integer(1, "maxsplit", -1));
        return parts.ConvertAll(part => (object?)part);
    }

    private static List<object?> SplitLines(MarkedText text)
    {
        List<MarkedText> lines = text.Split("\n", -1);
        if (lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return lines.ConvertAll(line => (object?)line.Trim("\r", false, true));
    }

    /// <summary>One text, or a list of several.</summary>
    private static List<string> Candidates(JinjaArguments arguments) => arguments.Get(0, "prefix") is List<object?> several
        ? several.ConvertAll(part => JinjaValues.ToText(part).Text)
        : [arguments.Text(0, "prefix").Text];

    private static MarkedText WithoutPrefix(MarkedText text, string prefix) =>
        text.Text.StartsWith(prefix, StringComparison.Ordinal) ? text.Slice(prefix.Length, text.Length - prefix.Length) : text;

    private static MarkedText WithoutSuffix(MarkedText text, string suffix) =>
        text.Text.EndsWith(suffix, StringComparison.Ordinal) ? text.Slice(0, text.Length - suffix.Length) : text;

    private static string NotEmpty(MarkedText separator) =>
        separator.Length > 0 ? separator.Text : throw new JinjaException("the separator is empty.");
}
