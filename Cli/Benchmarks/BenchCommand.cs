using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Benchmarks.Cluster;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Benchmarks;

/// <summary><c>glm bench</c>: measures the engine and the whole server on this machine.</summary>
internal static class BenchCommand
{
    public static readonly string[] Examples =
    [
        "glm bench",
        "glm bench --shape edge-1.5b --layers 8 --weights int8",
        "glm bench --model ~/models/glm-4-9b-chat --threads 8 --output results.md",
        "glm bench --shape edge-1.5b --peer http://127.0.0.1:8080 --clients 1,16",
        "glm bench cluster --part pace,streams --output cluster.md",
        "glm bench routing --workers 200",
    ];

    private static readonly string[] UsedSettings =
        ["model", "threads", "weights", "kv-format", "max-context", "max-sequences", "step-tokens", "prefill-slowdown", "kv-memory", "device", "onnxruntime", "cache-dir"];

    public static Command Create()
    {
        var shape = new ShapeOptions();
        var output = new Option<FileInfo?>("--output") { Description = "File for the Markdown report; it is printed in any case.", HelpName = "FILE" };
        Option<Uri?> peer = new("--peer")
        {
            Description = "Another server with an OpenAI-compatible API: both get the same requests, in turns. It must rest while it has none.",
            HelpName = "URL",
            CustomParser = ParseUrl,
        };
        var peerModel = new Option<string?>("--peer-model") { Description = "Model to ask the peer for. Default: the first it lists.", HelpName = "NAME" };
        Option<int[]> clients = new("--clients")
        {
            Description = "Numbers of clients that chat at once. Default: 1,8,32.",
            HelpName = "LIST",
            CustomParser = ParseCounts,
            DefaultValueFactory = _ => [1, 8, 32],
        };
        Option<int> rounds = Rounds();
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));

        var command = new Command("bench", "Measures prefill, decode, time to first token and the cost of HTTP on this machine.")
        {
            peer, peerModel, clients, rounds, output, ClusterBenchCommand.Create(),
        };
        shape.AddTo(command);
        options.AddTo(command);
        command.Subcommands.Add(RoutingBenchCommand.Create());
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess())).ForEmbeddedServer();
            using var signals = new ShutdownSignals();
            var subject = new BenchModel(settings, shape.Read(parsed));
            BenchReport report = parsed.GetValue(peer) is { } url
                ? await new PeerRun(
                    subject,
                    await ChatServer.FindAsync(url, parsed.GetValue(peerModel), signals.Stopping),
                    parsed.GetValue(clients)!,
                    parsed.GetValue(rounds)).RunAsync(signals.Stopping)
                : await new BenchRun(subject, parsed.GetValue(clients)!, parsed.GetValue(rounds)).RunAsync(signals.Stopping);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(report.ToString());
            if (parsed.GetValue(output) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, report.ToString(), signals.Stopping);
            }

            return 0;
        });
        return command;
    }

    /// <summary>How often each side of a comparison has its turn.</summary>
    public static Option<int> Rounds()
    {
        var rounds = new Option<int>("--rounds") { Description = "Turns of the two sides of a comparison. Default: 3.", HelpName = "N", DefaultValueFactory = _ => 3 };
        rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 100)
            {
                result.AddError($"--rounds is {result.GetValueOrDefault<int>()}. Allowed: 1 to 100.");
            }
        });
        return rounds;
    }

    private static Uri? ParseUrl(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https")
        {
            return url;
        }

        result.AddError($"--peer is \"{text}\". Allowed: a URL, for example http://127.0.0.1:8080.");
        return null;
    }

    private static int[]? ParseCounts(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        int[] counts = [.. text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : 0)];
        if (counts.Length > 0 && counts.All(count => count is >= 1 and <= 1000))
        {
            return [.. counts.Distinct()];
        }

        result.AddError($"--clients is \"{text}\". Allowed: numbers from 1 to 1000 with commas between them, for example 1,8,32.");
        return null;
    }
}
