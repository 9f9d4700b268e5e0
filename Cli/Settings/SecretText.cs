namespace GlmCluster.Cli.Settings;

/// <summary>Reads a setting whose value may be secret: the text itself, or <c>@FILE</c> that holds it.</summary>
internal static class SecretText
{
    /// <returns>Without blanks around it; null: it is empty, or the file cannot be read.</returns>
    public static string? Read(SettingText value)
    {
        string? text = value.Text.Trim();
        if (text.StartsWith('@'))
        {
            text = new SettingText(text[1..], value.BaseFolder).AsPath() is { } path && File.Exists(path) ? ReadFile(path) : null;
        }

        return string.IsNullOrEmpty(text) ? null : text;
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
