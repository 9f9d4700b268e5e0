using System.CommandLine;
using System.CommandLine.Parsing;

namespace GlmCluster.Cli.Settings;

/// <summary>The command line's form of settings: one option each, and <c>--config</c>.</summary>
internal sealed class SettingOptions
{
    private readonly Option<string?> _config = new("--config")
    {
        Description = "File with settings. Default: glm.json in the current folder, where there is one.",
        HelpName = "FILE",
    };

    private readonly List<(Setting Setting, Option Option)> _options;

    public SettingOptions(IEnumerable<Setting> settings) =>
        _options = [.. settings.Where(setting => setting.IsOption).Select(setting => (setting, OptionFor(setting)))];

    public void AddTo(Command command)
    {
        _options.ForEach(pair => command.Options.Add(pair.Option));
        command.Options.Add(_config);
    }

    /// <summary>Whether the command line gives any of them.</summary>
    public bool AnyIn(CommandResult result) => result.GetResult(_config) is not null || _options.Exists(pair => result.GetResult(pair.Option) is not null);

    /// <summary>Adds what the command line gives to the other sources.</summary>
    public SettingsSources Read(ParseResult parsed, SettingsSources others) => others with
    {
        ConfigFile = parsed.GetValue(_config),
        CommandLine =
        [
            .. from pair in _options
               from value in Values(parsed, pair.Option)
               select new KeyValuePair<string, string>(pair.Setting.Name, value),
        ],
    };

    private static Option OptionFor(Setting setting)
    {
        string description = $"{setting.Help} Default: {setting.Default}.";
        return setting.TakesMany
            ? new Option<string[]?>(setting.OptionName) { Description = description, HelpName = setting.ValueName }
            : new Option<string?>(setting.OptionName) { Description = description, HelpName = setting.ValueName };
    }

    private static string[] Values(ParseResult parsed, Option option) => option switch
    {
        Option<string[]?> many => parsed.GetValue(many) ?? [],
        _ => parsed.GetValue((Option<string?>)option) is { } one ? [one] : [],
    };
}
