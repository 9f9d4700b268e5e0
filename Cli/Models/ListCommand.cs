using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Cli.Chat;
using GlmCluster.Cli.Control;
using GlmCluster.Cli.Help;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model list</c>: the models that were pulled, and those that a server runs.</summary>
internal static class ListCommand
{
    private static readonly string[] UsedSettings = ["models-dir"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));
        var url = new Option<string?>("--url") { Description = "Server to ask what it runs. Default: the host and port of the settings.", HelpName = "URL" };
        var json = new Option<bool>("--json") { Description = "One JSON object instead of a table; sizes in bytes." };
        var command = new Command("list", "Lists pulled models, and what a running server offers.") { url, json };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            Uri server = ServerOf(parsed.GetValue(url), settings);
            var list = new ModelListing(
                settings.ModelsFolder, PulledModels.List(settings.ModelsFolder), server.GetLeftPart(UriPartial.Authority), await AskAsync(server, cancellationToken), await AskOwnAsync(cancellationToken));
            Console.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(list, ListingJsonContext.Default.ModelListing) : Format(list));
            return 0;
        });
        return command;
    }

    /// <summary>The server to ask; one that listens everywhere is reached on this machine's own address.</summary>
    private static Uri ServerOf(string? text, ServeSettings settings)
    {
        if (text is null)
        {
            return new UriBuilder(Uri.UriSchemeHttp, settings.Host is "0.0.0.0" or "::" ? "127.0.0.1" : settings.Host, settings.Port).Uri;
        }

        return SettingValues.TryUrl(text, out Uri? url)
            ? url
            : throw new SettingsException([$"--url is '{text}', which is not possible. Allowed: http://HOST:PORT or https://HOST:PORT."]);
    }

    /// <returns>Null: nobody answers there.</returns>
    private static async Task<IReadOnlyList<string>?> AskAsync(Uri server, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = server };
        var client = new ChatClient(http);
        return await client.AnswersAsync(Patience, cancellationToken) ? await client.ListModelsAsync(cancellationToken) : null;
    }

    /// <summary>What each server and silo of this user runs here.</summary>
    private static async Task<IReadOnlyList<ServerListing>> AskOwnAsync(CancellationToken cancellationToken)
    {
        var servers = new List<ServerListing>();
        foreach ((string name, string socket) in await ControlSocket.FindAsync())
        {
            using var client = new ControlClient(socket);
            servers.Add(new ServerListing(name, await client.ListAsync(cancellationToken)));
        }

        return servers;
    }

    private static string Format(ModelListing list)
    {
        IEnumerable<string> lines = list.Pulled.Count == 0
            ? [$"No models in {list.Folder}. `glm model pull ORG/NAME` fetches one."]
            : TextTable.Format([["MODEL", "SIZE", "STATE", "KIND"], .. list.Pulled.Select(Row)]);
        string running = list.Running is null ? $"No server answers at {list.Server}." : $"Offered at {list.Server}: {string.Join(", ", list.Running)}";
        IEnumerable<string> own = list.Servers.SelectMany(server => server.Models.Select(model => new[]
        {
            server.Server, model.Name, model.Weights, InspectionText.Size(model.WeightBytes), InspectionText.Size(model.KvBytes),
            model.Sequences.ToString(CultureInfo.InvariantCulture), model.IsLeaving ? "leaving" : "running",
        })).ToArray() is { Length: > 0 } rows
            ? ["", .. TextTable.Format([["SERVER", "MODEL", "WEIGHTS", "SIZE", "KV CACHE", "SEQUENCES", "STATE"], .. rows])]
            : [];
        return string.Join(Environment.NewLine, [.. lines, running, .. own]);
    }

    private static string[] Row(PulledModel model) => [model.Name, InspectionText.Size(model.Bytes), model.Complete ? "complete" : "incomplete: pull it again", model.Kind];
}

/// <summary>What <c>glm model list --json</c> writes.</summary>
/// <param name="Folder">Of pulled models.</param>
/// <param name="Server">That was asked.</param>
/// <param name="Running">What it offers; null: nobody answers there.</param>
/// <param name="Servers">Servers and silos of this user on this machine.</param>
internal sealed record ModelListing(
    string Folder, IReadOnlyList<PulledModel> Pulled, string Server, IReadOnlyList<string>? Running, IReadOnlyList<ServerListing> Servers);

/// <summary>What a server of this user runs.</summary>
internal sealed record ServerListing(string Server, IReadOnlyList<RunningModel> Models);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ModelListing))]
internal sealed partial class ListingJsonContext : JsonSerializerContext;
