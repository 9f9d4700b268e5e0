using System.CommandLine;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary>The argument of commands that look at a model: its folder, or ORG/NAME of a pulled one.</summary>
internal static class ModelFolderArgument
{
    public static Argument<string> Create(string description) => new("FOLDER") { Description = $"{description} ORG/NAME means a pulled model." };

    /// <summary>The full path of the folder that is meant.</summary>
    /// <exception cref="SettingsException">There is none.</exception>
    public static string Find(ParseResult parsed, Argument<string> argument)
    {
        string text = parsed.GetRequiredValue(argument);
        SettingsSources sources = SettingsSources.OfProcess();
        string path = new SettingText(text, sources.WorkingFolder).AsPath() ?? "";
        if (Directory.Exists(path))
        {
            return path;
        }

        string models = SettingsLoader.Load(sources).ModelsFolder;
        string pulled = PulledModels.Resolve(path, sources.WorkingFolder, models);
        return Directory.Exists(pulled)
            ? pulled
            : throw new SettingsException([$"There is no folder '{text}', and no pulled model of that name in {models}. `glm model list` shows those."]);
    }
}
