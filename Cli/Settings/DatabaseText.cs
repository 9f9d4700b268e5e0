using GlmCluster.Grains.Postgres;

namespace GlmCluster.Cli.Settings;

/// <summary>Reads the setting <c>database</c>: a connection string, or <c>@FILE</c> that holds one.</summary>
internal static class DatabaseText
{
    /// <returns>Null: it is impossible, or the file cannot be read.</returns>
    public static string? Read(SettingText value) => SecretText.Read(value) is { } text && ConnectionText.IsValid(text) ? text : null;
}
