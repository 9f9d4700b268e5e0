using GlmCluster.Grains.Postgres;

namespace GlmCluster.Cli.Settings;

/// <summary>Reads the setting <c>database</c>: a connection string, or <c>@FILE</c> that holds one.</summary>
internal static class DatabaseText
{
    /// <returns>Null: it is impossible, or the file cannot be read.</returns>
    public static string? Read(SettingText value)
    {
        string? text = value.Text.Trim();
        if (text.StartsWith('@'))
        {
            text = new SettingText(text[1..], value.BaseFolder).AsPath() is { } path && File.Exists(path) ? ReadFile(path) : null;
        }

        return text is not null && ConnectionText.IsValid(text) ? text : null;
    }

    private static string? ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
