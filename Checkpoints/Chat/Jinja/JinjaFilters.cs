using System.Globalization;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Turns a value into another one.</summary>
internal delegate object? JinjaFilter(object? subject, JinjaArguments arguments);

/// <summary>The filters that chat templates use.</summary>
internal static class JinjaFilters
{
    public static JinjaFilter? Find(string name) => name switch
    {
        "tojson" => JinjaJson.Filter,
        "length" or "count" => (subject, _) => Length(subject),
        "default" or "d" => Default,
        "trim" => (subject, arguments) => JinjaValues.ToText(subject).Trim(arguments.TextOrNull(0, "chars"), true, true),
        "upper" => (subject, _) => JinjaValues.ToText(subject).Map(static (c, _) => char.ToUpperInvariant(c)),
        "lower" => (subject, _) => JinjaValues.ToText(subject).Map(static (c, _) => char.ToLowerInvariant(c)),
        "capitalize" => (subject, _) =>
            JinjaValues.ToText(subject).Map(static (c, i) => i == 0 ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c)),
        "replace" => (subject, arguments) => arguments.Execution.Made(
            JinjaValues.ToText(subject).Replace(arguments.Text(0, "old").Text, arguments.Text(1, "new"))),
        "join" => Join,
        "first" => (subject, _) => JinjaValues.ToList(subject).FirstOrDefault(JinjaValues.Undefined),
        "last" => (subject, _) => JinjaValues.ToList(subject).LastOrDefault(JinjaValues.Undefined),
        "list" => (subject, _) => JinjaValues.ToList(subject).ToList(),
        "reverse" => (subject, _) => JinjaValues.ToList(subject).AsEnumerable().Reverse().ToList(),
        "unique" => (subject, _) => Unique(JinjaValues.ToList(subject)),
        "items" => (subject, _) => JinjaMethods.Items(subject),
        "dictsort" => (subject, _) => JinjaMethods.Items(subject)
            .OrderBy(pair => JinjaValues.ToText(((List<object?>)pair!)[0]).Text, StringComparer.OrdinalIgnoreCase).ToList(),
        "sum" => (subject, arguments) => JinjaValues.ToList(subject)
            .Aggregate((object?)0L, (sum, item) => JinjaOperators.Apply("+", sum, item, arguments.Execution)),
        "string" or "safe" => (subject, _) => JinjaValues.ToText(subject),
        "int" => ToInteger,
        "float" => (subject, _) => ToFloat(subject),
        "abs" => (subject, _) => subject is long number ? (object)Math.Abs(number) : Math.Abs(ToFloat(subject)),
        "map" => MapEach,
        "select" => (subject, arguments) => Choose(subject, arguments, hasAttribute: false, keeps: true),
        "reject" => (subject, arguments) => Choose(subject, arguments, hasAttribute: false, keeps: false),
        "selectattr" => (subject, arguments) => Choose(subject, arguments, hasAttribute: true, keeps: true),
        "rejectattr" => (subject, arguments) => Choose(subject, arguments, hasAttribute: true, keeps: false),
        _ => null,
    };

    private static long Length(object? subject) => subject switch
    {
        MarkedText text => text.Length,
        List<object?> list => list.Count,
        JinjaMap map => map.Count,
        _ when JinjaValues.IsUndefined(subject) => 0,
        _ => throw new JinjaException($"{JinjaValues.NameOf(subject)} has no length."),
    };

    private static object? Default(object? subject, JinjaArguments arguments)
    {
        object? otherwise = arguments.Get(0, "default_value");
        bool forFalse = JinjaValues.IsTrue(arguments.Get(1, "boolean"));
        bool isMissing = JinjaValues.IsUndefined(subject) || (forFalse && !JinjaValues.IsTrue(subject));
        return !isMissing ? subject : JinjaValues.IsUndefined(otherwise) ? MarkedText.Empty : otherwise;
    }

    private static MarkedText Join(object? subject, JinjaArguments arguments)
    {
        MarkedText separator = JinjaValues.ToText(arguments.Get(0, "d"));
        string? attribute = arguments.TextOrNull(1, "attribute");
        IEnumerable<MarkedText> parts = JinjaValues.ToList(subject)
            .Select(item => JinjaValues.ToText(attribute is null ? item : AttributeOf(item, attribute)));
        return arguments.Execution.Made(MarkedTextBuilder.Join(parts, separator));
    }

    private static List<object?> Unique(List<object?> items)
    {
        List<object?> unique = [];
        foreach (object? item in items)
        {
            if (!unique.Exists(earlier => JinjaValues.AreEqual(earlier, item)))
            {
                unique.Add(item);
            }
        }

        return unique;
    }

    private static object? ToInteger(object? subject, JinjaArguments arguments) => subject switch
    {
        long => subject,
        bool truth => truth ? 1L : 0L,
        double number when Math.Abs(number) < long.MaxValue => (long)number,
        MarkedText text when long.TryParse(text.Text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long number) => number,
        _ => (long)arguments.Integer(0, "default", 0),
    };

    private static double ToFloat(object? subject)
    {
        if (JinjaValues.TryNumber(subject, out double number))
        {
            return number;
        }

        return subject is MarkedText text && double.TryParse(text.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) ? number : 0;
    }

    private static List<object?> MapEach(object? subject, JinjaArguments arguments)
    {
        List<object?> items = JinjaValues.ToList(subject);
        if (arguments.TextOrNull(int.MaxValue, "attribute") is string attribute)
        {
            return items.ConvertAll(item => AttributeOf(item, attribute));
        }

        string name = arguments.Text(0, "filter").Text;
        JinjaFilter filter = Find(name) ?? throw new JinjaException($"the filter '{name}' is not supported.");
        var rest = new JinjaArguments(arguments.Execution, arguments.Positional[1..], arguments.Named);
        return items.ConvertAll(item => Each(item, filter, rest));
    }

    private static object? Each(object? item, JinjaFilter filter, JinjaArguments arguments)
    {
        arguments.Execution.Step();
        return filter(item, arguments);
    }

    private static List<object?> Choose(object? subject, JinjaArguments arguments, bool hasAttribute, bool keeps)
    {
        string? attribute = hasAttribute ? arguments.Text(0, "attribute").Text : null;
        int testAt = hasAttribute ? 1 : 0;
        JinjaTest test = static (value, _) => JinjaValues.IsTrue(value);
        if (arguments.Positional.Count > testAt)
        {
            string name = arguments.Text(testAt, "test").Text;
            test = JinjaTests.Find(name) ?? throw new JinjaException($"the test '{name}' is not supported.");
        }

        var rest = new JinjaArguments(arguments.Execution, [.. arguments.Positional.Skip(testAt + 1)], arguments.Named);
        return JinjaValues.ToList(subject).FindAll(item =>
        {
            rest.Execution.Step();
            return test(attribute is null ? item : AttributeOf(item, attribute), rest) == keeps;
        });
    }

    /// <summary>A member by a path with points, as <c>map(attribute=…)</c> takes it.</summary>
    private static object? AttributeOf(object? item, string path)
    {
        foreach (string name in path.Split('.'))
        {
            object? value = JinjaValues.Undefined;
            (item as JinjaMap)?.TryGet(name, out value);
            item = value;
        }

        return item;
    }
}
