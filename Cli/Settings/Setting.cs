namespace GlmCluster.Cli.Settings;

/// <summary>One setting of the server: its names, its help, and how its text becomes a value.</summary>
internal sealed record Setting
{
    /// <summary>Key in glm.json, for example <c>max-context</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What stands for the value in help, for example <c>TOKENS</c>.</summary>
    public required string ValueName { get; init; }

    public required string Help { get; init; }

    /// <summary>The default as help shows it.</summary>
    public required string Default { get; init; }

    /// <summary>The values that are possible, as an error names them.</summary>
    public required string Allowed { get; init; }

    /// <summary>It may be given several times; glm.json has an object or a list then.</summary>
    public bool TakesMany { get; init; }

    /// <summary>It has an option of that name. Default true.</summary>
    public bool IsOption { get; init; } = true;

    /// <summary>Puts a text value into the settings; null when the value is impossible. May throw a <see cref="SettingsException"/> that says more.</summary>
    public required Func<ServeSettings, SettingText, ServeSettings?> Apply { get; init; }

    /// <summary>Why a value must not stand on the command line, which every user of the machine can read; null: it may.</summary>
    public Func<string, string?> CommandLineProblem { get; init; } = _ => null;

    /// <summary>The value in force, as the start-up log shows it.</summary>
    public required Func<ServeSettings, string> Show { get; init; }

    public string OptionName => $"--{Name}";

    public string EnvironmentName => EnvironmentNameOf(Name);

    public static string EnvironmentNameOf(string name) => $"GLM_{name.Replace('-', '_').ToUpperInvariant()}";
}

/// <summary>A value as it was written.</summary>
/// <param name="Text">Not trimmed.</param>
/// <param name="BaseFolder">Relative paths start here.</param>
internal readonly record struct SettingText(string Text, string BaseFolder)
{
    /// <summary>The full path the text names; <c>~/</c> is the user's home folder. Null when it is empty.</summary>
    public string? AsPath()
    {
        if (string.IsNullOrWhiteSpace(Text) || Text.Contains('\0'))
        {
            return null;
        }

        string text = Text.StartsWith("~/", StringComparison.Ordinal)
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), Text[2..])
            : Text;
        return Path.GetFullPath(text, BaseFolder);
    }
}
