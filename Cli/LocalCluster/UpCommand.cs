using System.CommandLine;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.LocalCluster;

/// <summary><c>glm up</c>: a whole cluster on this machine, PostgreSQL included.</summary>
internal static class UpCommand
{
    public static readonly string[] Examples =
    [
        "glm up",
        "glm up --silos 2 --gateways 2",
        "glm up --model ~/models/glm-4-9b-chat --kv-memory 4GB --port 9000",
    ];

    private const int Most = 16;
    private const int DefaultCount = 2;

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.LocalCluster);
        Option<int> silos = Count("--silos", "Processes that run the model; they share the threads.");
        Option<int> gateways = Count("--gateways", "Processes that clients reach, at --port and the ports after it.");
        var data = new Option<string?>("--data")
        {
            Description = $"Folder of PostgreSQL's data and of the logs. Default: {DefaultFolder}.",
            HelpName = "FOLDER",
        };
        var command = new Command(
            "up", "Runs a whole cluster on this machine, PostgreSQL included, shows what it does, and stops it with Ctrl+C.") { silos, gateways, data };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            SettingsSources sources = options.Read(parsed, SettingsSources.OfProcess());
            ServeSettings settings = SettingsLoader.Load(sources);
            var plan = new LocalClusterPlan(
                InRange("gateways", parsed.GetValue(gateways)),
                InRange("silos", parsed.GetValue(silos)),
                new SettingText(parsed.GetValue(data) ?? DefaultFolder, sources.WorkingFolder).AsPath() ?? DefaultFolder,
                settings,
                sources.CommandLine,
                sources.ConfigFile);
            CheckPorts(plan);
            using var signals = new ShutdownSignals();
            return await RunAsync(plan, signals.Stopping);
        });
        return command;
    }

    /// <summary>In root's own folders PostgreSQL, which does not run as root, could not look.</summary>
    private static string DefaultFolder => Environment.IsPrivilegedProcess && OperatingSystem.IsLinux()
        ? "/var/lib/glmcluster/cluster"
        : Path.Combine(UserFolders.Data, "cluster");

    /// <returns>Exit code: 0 also when told to stop while still starting.</returns>
    private static async Task<int> RunAsync(LocalClusterPlan plan, CancellationToken stopping)
    {
        try
        {
            await LocalClusterHost.RunAsync(plan, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Console.WriteLine("Stopped while starting.");
        }

        return 0;
    }

    private static Option<int> Count(string name, string help) => new(name)
    {
        Description = $"{help} Default: {DefaultCount}.",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultCount,
    };

    private static int InRange(string name, int value) => value is >= 1 and <= Most
        ? value
        : throw new ImpossibleSettingException($"--{name} is {value}, which is not possible. Allowed: a whole number, 1 to {Most}.");

    private static void CheckPorts(LocalClusterPlan plan)
    {
        int last = plan.Settings.Port + plan.Gateways - 1;
        if (plan.Settings.Port != 0 && last > 65_535)
        {
            throw new ImpossibleSettingException($"--port {plan.Settings.Port} and --gateways {plan.Gateways} need ports up to {last}. Allowed: up to 65535.");
        }
    }
}
