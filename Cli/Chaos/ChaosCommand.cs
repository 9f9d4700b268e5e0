using System.CommandLine;
using System.Globalization;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Chaos;

/// <summary><c>glm chaos</c>: breaks a cluster at random and checks that no client can tell.</summary>
internal static class ChaosCommand
{
    public static readonly string[] Examples =
    [
        "glm chaos",
        "glm chaos --minutes 30 --seed 7 --output chaos.md",
    ];

    /// <summary>Free KV blocks are compared, so all silos get the same memory.</summary>
    private const string DefaultKvMemory = "128MB";

    public static Command Create()
    {
        var options = new SettingOptions(SettingTable.LocalCluster);
        Option<double> minutes = Number("--minutes", "How long faults are made.", 1.0, 0.05, 1440);
        Option<int> seed = Number("--seed", "Chooses requests and faults.", 1, 0, int.MaxValue);
        Option<int> silos = Number("--silos", "Silos of the cluster.", 2, 1, 16);
        Option<int> gateways = Number("--gateways", "Gateways of the cluster.", 2, 1, 16);
        Option<int> clients = Number("--clients", "Clients that ask at once.", 8, 1, 1000);
        var data = new Option<string?>("--data") { Description = "Folder of data and logs. Default: a temporary one, kept after a failure.", HelpName = "FOLDER" };
        var output = new Option<FileInfo?>("--output") { Description = "File for the Markdown report; it is printed in any case.", HelpName = "FILE" };
        var command = new Command("chaos", "Breaks a cluster on this machine at random and checks that every client gets every token exactly once.")
        {
            minutes, seed, silos, gateways, clients, data, output,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            SettingsSources sources = options.Read(parsed, SettingsSources.OfProcess());
            if (!sources.CommandLine.Any(option => option.Key == "kv-memory"))
            {
                sources = sources with { CommandLine = [.. sources.CommandLine, new("kv-memory", DefaultKvMemory)] };
            }

            var plan = new ChaosPlan(
                TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                parsed.GetValue(seed),
                parsed.GetValue(silos),
                parsed.GetValue(gateways),
                parsed.GetValue(clients),
                parsed.GetValue(data),
                SettingsLoader.Load(sources),
                sources.CommandLine,
                sources.ConfigFile);
            using var signals = new ShutdownSignals();
            return await RunAsync(plan, parsed.GetValue(output), signals.Stopping);
        });
        return command;
    }

    /// <returns>Exit code: 0 where all was as it had to be.</returns>
    private static async Task<int> RunAsync(ChaosPlan plan, FileInfo? output, CancellationToken stopping)
    {
        string folder = plan.Folder ?? Path.Combine(Path.GetTempPath(), $"glm-chaos-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        bool isClean;
        string report;
        try
        {
            (isClean, report) = await new ChaosRun(plan).RunAsync(folder, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped before the cluster ran: nothing was checked.");
            DeleteTemporary(plan, folder);
            return 1;
        }

        Console.WriteLine(report);
        if (output is not null)
        {
            await File.WriteAllTextAsync(output.FullName, report, CancellationToken.None);
        }

        if (!isClean)
        {
            await Console.Error.WriteLineAsync($"glm: the cluster broke its promise. Data and logs are in {folder}; the seed was {plan.Seed}.");
            return 1;
        }

        DeleteTemporary(plan, folder);
        return 0;
    }

    private static void DeleteTemporary(ChaosPlan plan, string folder)
    {
        if (plan.Folder is null)
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Option<T> Number<T>(string name, string help, T start, T least, T most)
        where T : struct, IComparable<T>, IFormattable
    {
        var option = new Option<T>(name)
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{help} Default: {start}."),
            HelpName = "N",
            DefaultValueFactory = _ => start,
        };
        option.Validators.Add(result =>
        {
            T value = result.GetValueOrDefault<T>();
            if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}. Allowed: {least} to {most}."));
            }
        });
        return option;
    }
}
