using System.Collections;
using System.Collections.Immutable;
using GlmCluster.Cli.Hub;
using GlmCluster.Gateway.Models;

namespace GlmCluster.Cli.Settings;

/// <summary>Where settings come from. Later sources win: the file, the environment, the command line.</summary>
internal sealed record SettingsSources
{
    /// <summary>Folder that holds glm.json and from which relative paths of the environment and the command line start.</summary>
    public required string WorkingFolder { get; init; }

    /// <summary>The file of <c>--config</c>; null: <c>GLM_CONFIG</c>, else glm.json in the working folder where there is one.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Variables; only names that start with <c>GLM_</c> count.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Setting names and their values, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> CommandLine { get; init; } = [];

    /// <summary>This process's folder and environment.</summary>
    public static SettingsSources OfProcess() => new()
    {
        WorkingFolder = Directory.GetCurrentDirectory(),
        Environment = System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? ""),
    };
}

/// <summary>Reads the settings from their sources and checks them.</summary>
internal sealed class SettingsLoader
{
    private const string ConfigVariable = "GLM_CONFIG";

    private readonly List<string> _problems = [];
    private ServeSettings _settings = ServeSettings.Default;

    private SettingsLoader()
    {
    }

    /// <exception cref="SettingsException">A key is unknown, a value is impossible, or two settings do not fit together; all such problems are named.</exception>
    public static ServeSettings Load(SettingsSources sources)
    {
        var loader = new SettingsLoader();
        loader.ApplyLayer(() => loader.ApplyFile(sources));
        loader.ApplyLayer(() => loader.ApplyEnvironment(sources));
        loader.ApplyLayer(() => loader.ApplyCommandLine(sources));
        loader.FindPulledModels(sources);
        loader.CheckCombinations();
        return loader._problems.Count == 0 ? loader._settings : throw new SettingsException(loader._problems);
    }

    /// <summary>The models of a source take the place of those of earlier ones; within a source they add up.</summary>
    private void ApplyLayer(Action apply)
    {
        ImmutableArray<ModelEntry> earlier = _settings.Models;
        _settings = _settings with { Models = [] };
        apply();
        _settings = _settings.Models.IsEmpty ? _settings with { Models = earlier } : _settings;
    }

    private void ApplyFile(SettingsSources sources)
    {
        string? named = sources.ConfigFile ?? sources.Environment.GetValueOrDefault(ConfigVariable);
        string file = Path.GetFullPath(named ?? "glm.json", sources.WorkingFolder);
        if (named is null && !File.Exists(file))
        {
            return;
        }

        IReadOnlyList<KeyValuePair<string, string>> entries = SettingsFile.Read(file, TakesMany, _problems);
        foreach ((string name, string text) in entries)
        {
            Apply($"\"{name}\" in {file}", name, new SettingText(text, Path.GetDirectoryName(file)!));
        }
    }

    private static bool TakesMany(string name) => SettingTable.Find(name) is { TakesMany: true };

    private void ApplyEnvironment(SettingsSources sources)
    {
        Dictionary<string, string> names = SettingTable.All.ToDictionary(setting => setting.EnvironmentName, setting => setting.Name);
        IEnumerable<string> variables = sources.Environment.Keys
            .Where(key => key.StartsWith("GLM_", StringComparison.Ordinal) && key != ConfigVariable).Order(StringComparer.Ordinal);
        foreach (string variable in variables)
        {
            Apply(variable, names.GetValueOrDefault(variable), new SettingText(sources.Environment[variable], sources.WorkingFolder));
        }
    }

    private void ApplyCommandLine(SettingsSources sources)
    {
        foreach ((string name, string text) in sources.CommandLine)
        {
            if (SettingTable.Find(name)?.CommandLineProblem(text) is { } problem)
            {
                _problems.Add($"--{name} {problem}");
                continue;
            }

            Apply($"--{name}", name, new SettingText(text, sources.WorkingFolder));
        }
    }

    /// <param name="key">As the user wrote it, with its place.</param>
    /// <param name="name">Name of the setting; null where the key names none.</param>
    /// <param name="text">Its value.</param>
    private void Apply(string key, string? name, SettingText text)
    {
        if (name is null || SettingTable.Find(name) is not { } setting)
        {
            _problems.Add($"{key} is not a setting. `glm serve --help` lists them.");
        }
        else
        {
            Apply(key, setting, text);
        }
    }

    private void Apply(string key, Setting setting, SettingText text)
    {
        try
        {
            if (setting.Apply(_settings, text) is { } settings)
            {
                _settings = settings;
            }
            else
            {
                _problems.Add($"{key} is '{text.Text}', which is not possible. Allowed: {setting.Allowed}.");
            }
        }
        catch (SettingsException details)
        {
            _problems.AddRange(details.Problems.Select(problem => $"{key}: {problem}"));
        }
    }

    /// <summary>A model that is no folder may be the name of a pulled one.</summary>
    private void FindPulledModels(SettingsSources sources) => _settings = _settings with
    {
        Models =
        [
            .. _settings.Models.Select(model =>
                model with { Folder = PulledModels.Resolve(model.Folder, sources.WorkingFolder, _settings.ModelsFolder) }),
        ],
    };

    private void CheckCombinations()
    {
        CheckModels();
        foreach ((string name, ModelAlias alias) in _settings.Aliases.Where(pair => pair.Value.ModelName != pair.Key))
        {
            if (_settings.Aliases.ContainsKey(alias.ModelName))
            {
                _problems.Add($"aliases has '{name}' for '{alias}', which is an alias too. Allowed: models' own names.");
            }
        }
    }

    private void CheckModels()
    {
        ServeSettings[] models = [.. _settings.Models.Select(_settings.Of)];
        foreach (ServeSettings model in models.DistinctBy(model => (model.StepTokens, model.MaxSequences)).Where(model => model.StepTokens < model.MaxSequences))
        {
            // A decode step takes one token of every sequence.
            _problems.Add($"step-tokens is {model.StepTokens} and max-sequences is {model.MaxSequences}. "
                + "Allowed: step-tokens at least as large as max-sequences.");
        }

        if (models.Length > 1 && _settings.ModelNameOverride is { } name)
        {
            _problems.Add($"model-name is '{name}' and there are {models.Length} models. Name each: --model NAME=FOLDER, or \"name\" in \"models\".");
            return;
        }

        foreach (IGrouping<string, ServeSettings> same in models.GroupBy(model => model.ModelName).Where(same => same.Count() > 1))
        {
            _problems.Add($"{same.Count()} models are called '{same.Key}'. Name them apart: --model NAME=FOLDER, or \"name\" in \"models\".");
        }
    }
}
