using System.Text.Json;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Fields that are known but not served: with a value that would change the answer they are refused, not ignored.</summary>
internal static class UnsupportedFields
{
    private static readonly Dictionary<string, Func<JsonElement, bool>> Harmless = new(StringComparer.Ordinal)
    {
        ["length_penalty"] = value => IsNumber(value, 1),
        ["typical_p"] = value => IsNumber(value, 1),
        ["use_beam_search"] = value => value.ValueKind == JsonValueKind.False,
        ["response_format"] = IsTextFormat,
        ["modalities"] = IsTextOnly,
        ["audio"] = _ => false,
        ["functions"] = IsEmpty,
        ["function_call"] = value => value.ValueKind == JsonValueKind.String && value.GetString() is "auto" or "none",
        ["suffix"] = value => value.ValueKind == JsonValueKind.String && value.GetString() is "",
        ["web_search_options"] = _ => false,
    };

    /// <summary>Names the first field that cannot be honoured.</summary>
    public static OpenAIError? Check(Dictionary<string, JsonElement>? fields)
    {
        foreach ((string name, JsonElement value) in fields ?? [])
        {
            if (value.ValueKind != JsonValueKind.Null && Harmless.TryGetValue(name, out var isHarmless) && !isHarmless(value))
            {
                return OpenAIError.Invalid($"This value of '{name}' is not supported. Leave the field out.", name, "unsupported_value");
            }
        }

        return null;
    }

    private static bool IsNumber(JsonElement value, double expected) =>
        value.ValueKind == JsonValueKind.Number && value.GetDouble() == expected;

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };

    private static bool IsTextFormat(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object
        && value.TryGetProperty("type", out JsonElement type)
        && type.ValueKind == JsonValueKind.String
        && type.GetString() == "text";

    private static bool IsTextOnly(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array
        && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String && item.GetString() == "text");
}
