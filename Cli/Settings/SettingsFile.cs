using System.Text.Json;

namespace GlmCluster.Cli.Settings;

/// <summary>Reads glm.json: one object whose keys are settings and whose values are text, numbers or true/false; where a setting takes many, an object of
/// texts stands for <c>KEY=TEXT</c> each, and a list for its JSON. Comments are allowed.</summary>
internal static class SettingsFile
{
    public static readonly JsonDocumentOptions Options = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
        MaxDepth = 8,
    };

    /// <summary>The file's keys and values; what is wrong with the file itself goes into <paramref name="problems"/>.</summary>
    /// <param name="file">Full path.</param>
    /// <param name="takesMany">Whether a setting takes many values.</param>
    /// <param name="problems">Grows.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(string file, Func<string, bool> takesMany, List<string> problems)
    {
        var entries = new List<KeyValuePair<string, string>>();
        try
        {
            using FileStream stream = File.OpenRead(file);
            using JsonDocument document = JsonDocument.Parse(stream, Options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                problems.Add($"{file} must hold one JSON object, for example {{ \"port\": 8080 }}.");
                return [];
            }

            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                AddEntries(property, file, takesMany(property.Name), entries, problems);
            }
        }
        catch (JsonException error)
        {
            problems.Add($"{file} is not valid JSON: {error.Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{file} cannot be read: {error.Message}");
        }

        return entries;
    }

    private static void AddEntries(
        JsonProperty property, string file, bool takesMany, List<KeyValuePair<string, string>> entries, List<string> problems)
    {
        switch (property.Value.ValueKind)
        {
            case JsonValueKind.String:
                entries.Add(new(property.Name, property.Value.GetString()!));
                break;
            case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                entries.Add(new(property.Name, property.Value.GetRawText()));
                break;
            case JsonValueKind.Object when takesMany && property.Value.EnumerateObject().All(member => member.Value.ValueKind == JsonValueKind.String):
                entries.AddRange(property.Value.EnumerateObject().Select(member =>
                    KeyValuePair.Create(property.Name, $"{member.Name}={member.Value.GetString()}")));
                break;
            case JsonValueKind.Array when takesMany:
                entries.Add(new(property.Name, property.Value.GetRawText()));
                break;
            default:
                problems.Add($"\"{property.Name}\" in {file} must be text, a number, true or false.");
                break;
        }
    }
}
