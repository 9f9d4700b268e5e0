using System.Collections.Immutable;
using System.CommandLine;
using GlmCluster.Checkpoints;
using GlmCluster.Cli.Control;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model load</c>: one more model for a running server or silo.</summary>
internal static class LoadCommand
{
    private static readonly string[] FolderSettings = ["models-dir"];

    public static Command Create()
    {
        var folder = new Argument<string>("FOLDER") { Description = "Hugging Face GLM folder, or the ORG/NAME of a pulled one." };
        var name = new Option<string?>("--name") { Description = "Name the model is served under. Default: the folder's.", HelpName = "NAME" };
        Option<string?> server = ServerOption();
        var options = new SettingOptions(SettingTable.OneModel.Concat(SettingTable.All.Where(setting => FolderSettings.Contains(setting.Name))));
        var command = new Command(
            "load", "Loads one more model into a running server or silo of yours on this machine, while it serves others. What is not said here, its settings say.")
        {
            folder, name, server,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            SettingsSources sources = options.Read(parsed, SettingsSources.OfProcess());
            ServeSettings settings = SettingsLoader.Load(sources);
            ImmutableSortedDictionary<string, string> own = sources.CommandLine
                .Where(option => !FolderSettings.Contains(option.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal);
            string path = new SettingText(parsed.GetRequiredValue(folder), sources.WorkingFolder).AsPath() ?? "";
            var request = new LoadRequest(
                PulledModels.Resolve(path, sources.WorkingFolder, settings.ModelsFolder), parsed.GetValue(name), own);
            using ControlClient client = await ControlClient.FindAsync(parsed.GetValue(server));
            RunningModel loaded = await LoadAsync(client, request, cancellationToken);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(
                $"Loaded {loaded.Name}: {loaded.Architecture}, weights {loaded.Weights} {InspectionText.Size(loaded.WeightBytes)}, "
                + $"context {loaded.ContextTokens} tokens, KV cache {loaded.Kv} up to {InspectionText.Size(loaded.KvBytes)}");
            return 0;
        });
        return command;
    }

    /// <summary>Which server is meant.</summary>
    public static Option<string?> ServerOption() => new("--server")
    {
        Description = "Server to tell, for example serve-8000, or its control socket. Default: the only one that runs.",
        HelpName = "NAME",
    };

    private static async Task<RunningModel> LoadAsync(ControlClient client, LoadRequest request, CancellationToken cancellationToken)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        return await client.LoadAsync(
            request,
            line =>
            {
                if (line.Progress is { } now)
                {
                    progress?.Report(new LoadProgress(now.Stage, now.Done, now.Total));
                }
            },
            cancellationToken);
    }
}
