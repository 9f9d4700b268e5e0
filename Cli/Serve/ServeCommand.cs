using System.CommandLine;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Serve;

/// <summary><c>glm serve</c>: the whole server in one process.</summary>
internal static class ServeCommand
{
    public static readonly string[] Examples =
    [
        "glm serve",
        "glm serve --port 8080 --threads 4 --kv-memory 1GB",
        "glm serve --model ~/models/glm-4-9b-chat --model-name glm-4 --weights int8",
        "glm serve --model chat=~/models/glm-4-9b-chat --model draft=~/models/glm-edge-1.5b-chat",
        "glm serve --config /etc/glm.json --store memory",
    ];

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.Serve);
        var command = new Command(
            "serve",
            "Serves models over HTTP. Every option can also be set in glm.json (\"max-context\": 8192) or the environment "
            + "(GLM_MAX_CONTEXT=8192); the command line wins over the environment, the environment over the file.");
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            using var signals = new ShutdownSignals();
            return await ServeHost.RunAsync(settings, signals.Stopping);
        });
        return command;
    }
}
