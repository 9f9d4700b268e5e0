using System.Text.Json;

namespace GlmCluster.Checkpoints.Files;

/// <summary>Typed access to the keys of one JSON object. A null value counts as absent, a repeated key's last value holds, as in Python.</summary>
/// <remarks>Every error names the file, the key, the value and what is supported.</remarks>
/// <param name="file">Name for error messages.</param>
/// <param name="element">The object; owned by the caller.</param>
/// <param name="prefix">What stands before the key in error messages, for objects inside objects.</param>
internal sealed class JsonKeys(string file, JsonElement element, string prefix = "")
{
    private const int ShownValueChars = 60;

    public string File => file;

    public bool Has(string key) => Find(key) is not null;

    /// <param name="absent">Value where the key is absent; null: the key is required.</param>
    public int Integer(string key, int minimum, int maximum, int? absent = null) => Find(key) is null && absent is int value
        ? value
        : TryInteger(Find(key), minimum, maximum) ?? throw Refuse(key, $"an integer from {minimum:N0} to {maximum:N0}");

    /// <summary>One integer or a list of them; empty where the key is absent.</summary>
    public IReadOnlyList<int> Integers(string key, int minimum, int maximum)
    {
        if (Find(key) is not JsonElement value)
        {
            return [];
        }

        IEnumerable<JsonElement> elements = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        return
        [
            .. elements.Select(one => TryInteger(one, minimum, maximum)
                ?? throw Refuse(key, $"an integer from {minimum:N0} to {maximum:N0}, or a list of such integers")),
        ];
    }

    /// <param name="absent">Value where the key is absent; null: the key is required.</param>
    public double Number(string key, double minimum, double maximum, double? absent = null)
    {
        double? number = Find(key) switch
        {
            null => absent,
            { ValueKind: JsonValueKind.Number } value when value.TryGetDouble(out double found) => found,
            _ => null,
        };

        // Written so that NaN fails.
        return number >= minimum && number <= maximum ? number.Value : throw Refuse(key, $"a number from {minimum} to {maximum}");
    }

    public bool Flag(string key, bool absent) => Find(key)?.ValueKind switch
    {
        null => absent,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Refuse(key, "true or false"),
    };

    /// <summary>A string; null where the key is absent.</summary>
    public string? Text(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Refuse(key, "a string"),
    };

    /// <summary>One string or a list of them; empty where the key is absent.</summary>
    public IReadOnlyList<string> TextOrTexts(string key) => Find(key)?.ValueKind == JsonValueKind.String ? [Text(key)!] : Texts(key);

    /// <summary>A list of strings; empty where the key is absent.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        const string Supported = "a list of strings";
        JsonElement? value = Find(key);
        return value switch
        {
            null => [],
            { ValueKind: JsonValueKind.Array } list =>
                [.. list.EnumerateArray().Select(one => one.ValueKind == JsonValueKind.String ? one.GetString()! : throw Refuse(key, Supported))],
            _ => throw Refuse(key, Supported),
        };
    }

    /// <summary>An object inside; null where the key is absent.</summary>
    public JsonKeys? Object(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new JsonKeys(file, value, $"{prefix}{key}."),
        _ => throw Refuse(key, "an object"),
    };

    /// <summary>All keys whose values are strings, in file order.</summary>
    public IEnumerable<KeyValuePair<string, string>> TextEntries()
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            yield return property.Value.ValueKind == JsonValueKind.String
                ? new(property.Name, property.Value.GetString()!)
                : throw Refuse(property.Name, "a string");
        }
    }

    /// <summary>The error for a key whose value cannot be used.</summary>
    /// <param name="supported">What would be accepted; completes "supported: ".</param>
    public CheckpointException Refuse(string key, string supported)
    {
        string state = Find(key) is JsonElement value ? $"is {Shown(value.GetRawText())}" : "is missing";
        return new CheckpointException($"{file}: \"{prefix}{key}\" {state}; supported: {supported}.");
    }

    private static string Shown(string raw) => raw.Length <= ShownValueChars ? raw : $"{raw.AsSpan(0, ShownValueChars)}…";

    private static int? TryInteger(JsonElement? value, int minimum, int maximum) =>
        value is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out int found) && found >= minimum && found <= maximum
            ? found
            : null;

    private JsonElement? Find(string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
