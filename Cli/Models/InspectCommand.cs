using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Silo.Inspection;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model inspect</c>: what a folder is and what it needs.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<string> folder = ModelFolderArgument.Create("Hugging Face folder; its config.json is enough.");
        var json = new Option<bool>("--json") { Description = "One JSON object instead of tables; sizes in bytes." };
        var command = new Command(
            "inspect",
            "Shows a model's architecture and sizes, the memory that each weight and KV format needs, and what fits on this machine. Loads nothing.")
        {
            folder, json,
        };
        command.SetAction(parsed =>
        {
            ModelInspection inspection = ModelInspector.Inspect(ModelFolderArgument.Find(parsed, folder));
            parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(inspection, InspectionJsonContext.Default.ModelInspection)
                : InspectionText.Format(inspection));
            return 0;
        });
        return command;
    }
}

/// <summary>The JSON form of <c>glm model inspect --json</c>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ModelInspection))]
internal sealed partial class InspectionJsonContext : JsonSerializerContext;
