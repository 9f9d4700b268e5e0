using System.CommandLine;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model remove</c>: deletes a pulled model.</summary>
internal static class RemoveCommand
{
    private static readonly string[] UsedSettings = ["models-dir"];

    public static Command Create()
    {
        var name = new Argument<string>("ORG/NAME") { Description = "A model of `glm model list`." };
        var yes = new Option<bool>("--yes") { Description = "Does not ask." };
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));
        var command = new Command("remove", "Deletes a pulled model, after asking. Never touches anything outside the folder of pulled models.") { name, yes };
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            string text = parsed.GetRequiredValue(name);
            if (!ModelId.TryParse(text, out ModelId? id) || !Directory.Exists(id.FolderIn(settings.ModelsFolder)))
            {
                throw new HubException($"There is no model \"{text}\" in {settings.ModelsFolder}. `glm model list` shows what there is.");
            }

            return Remove(id, settings.ModelsFolder, parsed.GetValue(yes));
        });
        return command;
    }

    private static int Remove(ModelId id, string modelsFolder, bool sure)
    {
        string folder = id.FolderIn(modelsFolder);
        string size = InspectionText.Size(PulledModels.ByteLength(folder));
        if (!sure)
        {
            Console.Write($"Delete {folder} ({size})? [y/N] ");
            if (Console.ReadLine()?.Trim() is not ("y" or "Y" or "yes"))
            {
                Console.WriteLine("Nothing was deleted.");
                return 1;
            }
        }

        PulledModels.Remove(id, modelsFolder);
        Console.WriteLine($"Deleted {id}, {size}.");
        return 0;
    }
}
