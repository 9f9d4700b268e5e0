using System.Collections;
using System.Globalization;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>
/// What a template's values are: null (none), <see cref="Undefined"/>, bool, long, double, <see cref="MarkedText"/>, <see cref="List{T}"/> of
/// values, <see cref="JinjaMap"/>, <see cref="JinjaFunction"/>. Their rules are Python's.
/// </summary>
internal static class JinjaValues
{
    /// <summary>A name or member that is not there. It prints as nothing and is false; anything else done with it is an error.</summary>
    public static readonly object Undefined = new UndefinedValue();

    public static bool IsUndefined(object? value) => ReferenceEquals(value, Undefined);

    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        MarkedText text => text.Length > 0,
        List<object?> list => list.Count > 0,
        JinjaMap map => map.Count > 0,
        _ => !IsUndefined(value),
    };

    public static bool AreEqual(object? left, object? right) => (left, right) switch
    {
        (List<object?> a, List<object?> b) => a.Count == b.Count && a.Zip(b).All(pair => AreEqual(pair.First, pair.Second)),
        (JinjaMap a, JinjaMap b) => a.Count == b.Count && a.All(entry => b.TryGet(entry.Key, out object? other) && AreEqual(entry.Value, other)),
        _ when TryNumber(left, out double a) && TryNumber(right, out double b) => a == b,
        _ => Equals(left, right),
    };

    /// <exception cref="JinjaException">They have no order.</exception>
    public static int Compare(object? left, object? right)
    {
        if (left is MarkedText a && right is MarkedText b)
        {
            return string.CompareOrdinal(a.Text, b.Text);
        }

        return TryNumber(left, out double x) && TryNumber(right, out double y)
            ? x.CompareTo(y)
            : throw new JinjaException($"{NameOf(left)} and {NameOf(right)} cannot be compared.");
    }

    /// <exception cref="JinjaException">The container cannot be searched.</exception>
    public static bool Contains(object? container, object? item) => container switch
    {
        MarkedText text when item is MarkedText part => text.Text.Contains(part.Text, StringComparison.Ordinal),
        List<object?> list => list.Exists(member => AreEqual(member, item)),
        JinjaMap map => item is MarkedText key && map.TryGet(key.Text, out _),
        _ => throw new JinjaException($"'in' does not work on {NameOf(container)}."),
    };

    /// <summary>What a loop goes through.</summary>
    /// <exception cref="JinjaException">Nothing to go through.</exception>
    public static List<object?> ToList(object? value) => value switch
    {
        List<object?> list => list,
        JinjaMap map => [.. map.Select(entry => (object?)entry.KeyText)],
        MarkedText text => [.. Enumerable.Range(0, text.Length).Select(i => (object?)text.Slice(i, 1))],
        _ when IsUndefined(value) => [],
        _ => throw new JinjaException($"{NameOf(value)} cannot be looped over."),
    };

    /// <summary>How a value is printed.</summary>
    public static MarkedText ToText(object? value) => value switch
    {
        MarkedText text => text,
        null => MarkedText.FromTemplate("None"),
        bool truth => MarkedText.FromTemplate(truth ? "True" : "False"),
        long number => MarkedText.FromTemplate(number.ToString(CultureInfo.InvariantCulture)),
        double number => MarkedText.FromTemplate(FloatText(number)),
        _ when IsUndefined(value) => MarkedText.Empty,
        List<object?> or JinjaMap => JinjaJson.Represent(value),
        _ => throw new JinjaException($"{NameOf(value)} cannot be printed."),
    };

    /// <summary>Python's shortest form: always with a point or an exponent.</summary>
    public static string FloatText(double number)
    {
        string text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny(".EN∞") ? text.Replace('E', 'e') : text + ".0";
    }

    public static bool TryNumber(object? value, out double number)
    {
        number = value switch
        {
            bool truth => truth ? 1 : 0,
            long whole => whole,
            double real => real,
            _ => double.NaN,
        };
        return value is bool or long or double;
    }

    /// <summary>A value's kind, for messages.</summary>
    public static string NameOf(object? value) => value switch
    {
        null => "none",
        bool => "a boolean",
        long or double => "a number",
        MarkedText => "a text",
        List<object?> => "a list",
        JinjaMap => "a mapping",
        JinjaFunction => "a function",
        _ => "an undefined value",
    };

    private sealed class UndefinedValue;
}

/// <summary>A mapping with text keys, in order of insertion; also a <c>namespace</c>.</summary>
internal sealed class JinjaMap : IEnumerable<JinjaMap.Entry>
{
    private readonly OrderedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public int Count => _entries.Count;

    public object? this[string key]
    {
        set => Set(MarkedText.FromTemplate(key), value);
    }

    public void Set(MarkedText key, object? value) => _entries[key.Text] = new Entry(key, value);

    public bool TryGet(string key, out object? value)
    {
        bool found = _entries.TryGetValue(key, out Entry entry);
        value = found ? entry.Value : JinjaValues.Undefined;
        return found;
    }

    public IEnumerator<Entry> GetEnumerator() => _entries.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public readonly record struct Entry(MarkedText KeyText, object? Value)
    {
        public string Key => KeyText.Text;
    }
}

/// <summary>Something that can be called.</summary>
/// <param name="arguments">Given by position and by name.</param>
internal delegate object? JinjaFunction(JinjaArguments arguments);
