using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>What a tool's declaration says of its parameters.</summary>
internal static class ToolSchema
{
    /// <summary>Names of the parameters that the schema declares as <c>string</c>.</summary>
    public static HashSet<string> TextParameters(string declaration)
    {
        using JsonDocument document = JsonDocument.Parse(declaration);
        if (!TryGetObject(document.RootElement, "parameters", out JsonElement schema)
            || !TryGetObject(schema, "properties", out JsonElement properties))
        {
            return [];
        }

        return [.. properties.EnumerateObject().Where(property => IsText(property.Value)).Select(property => property.Name)];
    }

    private static bool IsText(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object
        && schema.TryGetProperty("type", out JsonElement type)
        && type.ValueKind == JsonValueKind.String
        && type.ValueEquals("string");

    private static bool TryGetObject(JsonElement element, string name, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value) && value.ValueKind == JsonValueKind.Object;
    }
}
