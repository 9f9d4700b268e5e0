using System.Collections.Immutable;
using System.Text.Json;

namespace GlmCluster.Cli.Settings;

/// <summary>The text forms of <c>model</c>, a folder or <c>NAME=FOLDER</c>, and of <c>models</c>, a JSON list of folders or objects.</summary>
internal static class ModelText
{
    private const int LongestName = 200;

    /// <summary>Keys of an object in the list that are no settings of the server.</summary>
    private const string FolderKey = "folder";
    private const string NameKey = "name";

    public static bool IsName(string text) => text.Length is > 0 and <= LongestName;

    /// <summary>Reads a folder or <c>NAME=FOLDER</c>. Null: it is empty.</summary>
    public static ModelEntry? Read(SettingText text)
    {
        int equals = text.Text.IndexOf('=', StringComparison.Ordinal);
        bool isNamed = equals > 0 && !text.Text[..equals].Contains('/', StringComparison.Ordinal) && !Directory.Exists(text.AsPath());
        SettingText folder = isNamed ? text with { Text = text.Text[(equals + 1)..] } : text;
        string? name = isNamed ? text.Text[..equals] : null;
        return folder.AsPath() is { } path && (name is null || IsName(name)) ? new ModelEntry(path, name) : null;
    }

    /// <summary>Reads the list.</summary>
    /// <exception cref="SettingsException">A member is wrong; all such problems are named.</exception>
    public static ImmutableArray<ModelEntry> ReadList(SettingText text)
    {
        var problems = new List<string>();
        var entries = ImmutableArray.CreateBuilder<ModelEntry>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(text.Text, SettingsFile.Options);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
            {
                throw new SettingsException(["models must be a list, for example [\"a-folder\", {\"folder\": \"b-folder\", \"name\": \"b\"}]."]);
            }

            foreach (JsonElement element in document.RootElement.EnumerateArray())
            {
                ReadMember(element, $"models[{entries.Count}]", text.BaseFolder, entries, problems);
            }
        }
        catch (JsonException error)
        {
            problems.Add($"models is not valid JSON: {error.Message}");
        }

        return problems.Count == 0 ? entries.ToImmutable() : throw new SettingsException(problems);
    }

    private static void ReadMember(
        JsonElement element, string place, string baseFolder, ImmutableArray<ModelEntry>.Builder entries, List<string> problems)
    {
        ModelEntry? entry = element.ValueKind switch
        {
            JsonValueKind.String => Read(new SettingText(element.GetString()!, baseFolder)),
            JsonValueKind.Object => ReadObject(element, place, baseFolder, problems),
            _ => null,
        };
        if (entry is null)
        {
            problems.Add($"{place} must be a folder, or an object with a \"{FolderKey}\".");
        }

        entries.Add(entry ?? new ModelEntry("", null));
    }

    private static ModelEntry? ReadObject(JsonElement element, string place, string baseFolder, List<string> problems)
    {
        string? folder = null;
        string? name = null;
        var own = ImmutableArray.CreateBuilder<(Setting, SettingText)>();
        foreach (JsonProperty property in element.EnumerateObject())
        {
            var text = new SettingText(
                property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText(), baseFolder);
            switch (property.Name)
            {
                case FolderKey:
                    folder = text.AsPath();
                    break;
                case NameKey when IsName(text.Text):
                    name = text.Text;
                    break;
                default:
                    own.Add(property.Name, text, place, problems);
                    break;
            }
        }

        return folder is null ? null : new ModelEntry(folder, name, own.ToImmutable());
    }

    /// <summary>A model with settings of its own, as text.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="name">Null: the folder's.</param>
    /// <param name="own">By name.</param>
    /// <param name="place">Where they stand, for problems.</param>
    /// <param name="problems">Grows where something is wrong.</param>
    public static ModelEntry Of(string folder, string? name, IEnumerable<KeyValuePair<string, string>> own, string place, List<string> problems)
    {
        if (name is not null && !IsName(name))
        {
            problems.Add($"The name of {place} has {name.Length} characters. Allowed: 1 to {LongestName}.");
        }

        var settings = ImmutableArray.CreateBuilder<(Setting, SettingText)>();
        foreach ((string setting, string text) in own)
        {
            settings.Add(setting, new SettingText(text, folder), place, problems);
        }

        return new ModelEntry(folder, name, settings.ToImmutable());
    }

    /// <summary>Adds a setting that a model may have for itself, if it is one and the value is possible.</summary>
    /// <param name="own">Grows.</param>
    /// <param name="name">As the user wrote it.</param>
    /// <param name="text">Its value.</param>
    /// <param name="place">Where it stands, for problems.</param>
    /// <param name="problems">Grows where it is wrong.</param>
    public static void Add(
        this ImmutableArray<(Setting, SettingText)>.Builder own, string name, SettingText text, string place, List<string> problems)
    {
        if (SettingTable.OneModel.FirstOrDefault(setting => setting.Name == name) is not { } setting)
        {
            string known = string.Join(", ", SettingTable.OneModel.Select(setting => setting.Name).Prepend(NameKey).Prepend(FolderKey));
            problems.Add($"\"{name}\" of {place} is not a setting of a model. Those are: {known}.");
        }
        else if (setting.Apply(ServeSettings.Default, text) is null)
        {
            problems.Add($"\"{name}\" of {place} is '{text.Text}', which is not possible. Allowed: {setting.Allowed}.");
        }
        else
        {
            own.Add((setting, text));
        }
    }
}
