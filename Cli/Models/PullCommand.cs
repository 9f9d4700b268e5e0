using System.CommandLine;
using GlmCluster.Cli.Help;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model pull</c>: fetches a published model.</summary>
internal static class PullCommand
{
    /// <summary>As Hugging Face's own programs have it.</summary>
    private const string TokenVariable = "HF_TOKEN";

    private const string EndpointSetting = "hub-endpoint";

    private static readonly string[] UsedSettings = ["models-dir"];

    private static readonly Argument<string> Model = new("ORG/NAME") { Description = "Published name, for example THUDM/glm-4-9b-chat-hf." };
    private static readonly Option<DirectoryInfo> To = new("--to") { Description = "Folder for the files. Default: ORG/NAME in the folder of pulled models.", HelpName = "FOLDER" };
    private static readonly Option<string> Revision = new("--revision") { Description = "Branch, tag or commit. Default: main.", HelpName = "NAME", DefaultValueFactory = _ => "main" };
    private static readonly Option<string?> Endpoint = new("--endpoint") { Description = $"Server to fetch from; so does the setting {EndpointSetting}. Default: {ServeSettings.DefaultHub}.", HelpName = "URL" };
    private static readonly Option<string[]> Include = new("--include") { Description = "Files to fetch, as patterns with * and ?. Default: what the server reads.", HelpName = "PATTERN", DefaultValueFactory = _ => [] };
    private static readonly Option<string[]> Exclude = new("--exclude") { Description = "Files to leave out.", HelpName = "PATTERN", DefaultValueFactory = _ => [] };

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));
        var command = new Command(
            "pull",
            "Fetches a published model from a Hugging Face-compatible server and checks every file against its checksum. Called again, it goes on where "
            + $"it was. A token for models that need one comes from {TokenVariable} or the setting hub-token.") { Model, To, Revision, Endpoint, Include, Exclude };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            SettingsSources sources = options.Read(parsed, SettingsSources.OfProcess());
            ServeSettings settings = SettingsLoader.Load(parsed.GetValue(Endpoint) is { } endpoint
                ? sources with { CommandLine = [.. sources.CommandLine, new(EndpointSetting, endpoint)] }
                : sources);
            string? token = settings.HubToken ?? sources.Environment.GetValueOrDefault(TokenVariable);
            using var signals = new ShutdownSignals();
            return await RunAsync(ReadOrder(parsed, settings), string.IsNullOrWhiteSpace(token) ? null : token.Trim(), signals.Stopping);
        });
        return command;
    }

    private static PullOrder ReadOrder(ParseResult parsed, ServeSettings settings)
    {
        string name = parsed.GetRequiredValue(Model);
        if (!ModelId.TryParse(name, out ModelId? model))
        {
            throw new SettingsException([$"\"{name}\" is no published name. Allowed: ORG/NAME, for example THUDM/glm-4-9b-chat-hf."]);
        }

        return new PullOrder(
            model,
            parsed.GetRequiredValue(Revision),
            parsed.GetValue(To)?.FullName ?? model.FolderIn(settings.ModelsFolder),
            settings.HubEndpoint,
            new FileSelection(parsed.GetRequiredValue(Include), parsed.GetRequiredValue(Exclude)));
    }

    private static async Task<int> RunAsync(PullOrder order, string? token, CancellationToken stopping)
    {
        using HttpClient http = HubClient.CreateHttp();
        var hub = new HubClient(http, order.Endpoint, token);
        PullReport report;
        using (var progress = new PullProgress(Console.Error, !Console.IsErrorRedirected, TimeProvider.System))
        {
            var pull = new ModelPull(hub, new HubRetry(TimeProvider.System, HubRetry.UsualFirstDelay, progress.Say), FreeBytes, progress);
            try
            {
                report = await pull.RunAsync(order, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync("Stopped. What has arrived is kept: the same command goes on from there.");
                return CommandLineErrors.Interrupted;
            }
        }

        Console.WriteLine($"{order.Model} at {report.Commit}: {report.Files} files, {InspectionText.Size(report.Bytes)} in {order.Folder}");
        return 0;
    }

    private static long FreeBytes(string folder) => new DriveInfo(folder).AvailableFreeSpace;
}
