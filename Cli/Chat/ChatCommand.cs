using System.CommandLine;
using GlmCluster.Cli.Chat.LineEditing;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Chat;

/// <summary><c>glm chat</c>: a chat in the terminal, with a running server or an engine of its own.</summary>
internal static class ChatCommand
{
    public static readonly string[] Examples =
    [
        "glm chat",
        "glm chat --url http://gpu-box:8000",
        "glm chat --embedded --model ~/models/glm-4-9b-chat",
        "echo 'What is 20+9?' | glm chat",
    ];

    private const string DefaultUrl = "http://127.0.0.1:8000";

    /// <summary>Settings that matter to an engine inside this process; the others come from glm.json and the environment.</summary>
    private static readonly string[] EmbeddedSettings = ["model", "threads", "weights", "max-context", "device"];

    public static Command Create()
    {
        var url = new Option<string?>("--url")
        {
            Description = $"Server to talk to. Default: {DefaultUrl} where one answers, else an embedded engine.",
            HelpName = "URL",
        };
        url.Validators.Add(result =>
        {
            if (!IsServerUrl(result.GetValueOrDefault<string?>()))
            {
                result.AddError($"--url is '{result.GetValueOrDefault<string?>()}', which is not possible. Allowed: http://HOST:PORT or https://HOST:PORT.");
            }
        });
        var embedded = new Option<bool>("--embedded") { Description = "Run the model in this process; so does any of the options below." };
        var settings = new SettingOptions(SettingTable.All.Where(setting => EmbeddedSettings.Contains(setting.Name)));

        var command = new Command("chat", "Chats in the terminal, with a running server or with a model in this process.") { url, embedded };
        settings.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(url) is not null && (result.GetValue(embedded) || settings.AnyIn(result)))
            {
                result.AddError("--url names a server; --embedded and the model's settings are for a model in this process. Use one or the other.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(url) is { } server)
            {
                return await TalkAsync(new Uri(server), cancellationToken);
            }

            if (!parsed.GetValue(embedded) && !settings.AnyIn(parsed.CommandResult) && await AnswersAsync(new Uri(DefaultUrl), cancellationToken))
            {
                return await TalkAsync(new Uri(DefaultUrl), cancellationToken);
            }

            await using EmbeddedServer own = await StartEmbeddedAsync(LoadEmbedded(settings, parsed), cancellationToken);
            return await TalkAsync(own.Url, cancellationToken);
        });
        return command;
    }

    private static bool IsServerUrl(string? text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https";

    private static ServeSettings LoadEmbedded(SettingOptions options, ParseResult parsed) =>
        SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess())).ForEmbeddedServer();

    private static async Task<EmbeddedServer> StartEmbeddedAsync(ServeSettings settings, CancellationToken cancellationToken)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        return await EmbeddedServer.StartAsync(settings, loaded: null, progress, cancellationToken);
    }

    private static async Task<bool> AnswersAsync(Uri server, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = server };
        return await new ChatClient(http).AnswersAsync(TimeSpan.FromSeconds(1), cancellationToken);
    }

    private static async Task<int> TalkAsync(Uri server, CancellationToken cancellationToken)
    {
        // An answer may take as long as it likes; Ctrl+C ends it.
        using var http = new HttpClient { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };
        var client = new ChatClient(http);
        string model = await client.FindModelAsync(cancellationToken);
        ILineSource lines = Console.IsInputRedirected || Console.IsOutputRedirected ? new PipedLineSource(Console.In) : new TerminalLineSource();
        if (lines.IsInteractive)
        {
            await Console.Out.WriteLineAsync($"{model} at {server.GetLeftPart(UriPartial.Authority)}. /help shows what else there is.");
        }

        return await new ChatSession(client, model, lines, Console.Out).RunAsync(cancellationToken);
    }
}
