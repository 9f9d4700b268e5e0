using System.Globalization;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.LocalCluster;

/// <summary>What a local cluster consists of.</summary>
/// <param name="Gateways">How many, at least 1.</param>
/// <param name="Silos">How many, at least 1.</param>
/// <param name="Folder">Where programs, data and logs lie.</param>
/// <param name="Settings">In force for all.</param>
/// <param name="Given">Options of the command line, which its processes get too where they know them.</param>
/// <param name="ConfigFile">File with settings; null: none was named.</param>
internal sealed record LocalClusterPlan(
    int Gateways, int Silos, string Folder, ServeSettings Settings, IReadOnlyList<KeyValuePair<string, string>> Given, string? ConfigFile)
{
    /// <summary>What its silos are told beyond settings.</summary>
    public IReadOnlyList<string> SiloArguments { get; init; } = [];

    public string LogFolder => Path.Combine(Folder, "logs");

    public string LogFile(string name) => Path.Combine(LogFolder, $"{name.Replace(' ', '-')}.log");

    /// <param name="index">From 0; its port is so many above the first.</param>
    /// <param name="database">Connection.</param>
    public ClusterMember Gateway(int index, string database)
    {
        int first = Settings.Port == 0 ? 0 : Settings.Port + index;
        return Member("gateway", index, "Listening on ", first, port => [.. Common(SettingTable.Gateway, database), "--port", Number(port)]);
    }

    /// <summary>Silos share the threads, which are the processors or as many as are set, and the machine's memory.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="database">Connection.</param>
    public ClusterMember Silo(int index, string database)
    {
        int threads = Math.Max(1, Settings.Threads / Silos);
        string[] own =
        [
            "--threads", Number(threads), "--memory-shares", Number(Silos),
            "--live-host", "127.0.0.1", "--advertise", "127.0.0.1", "--health-port", "0", "--live-port",
        ];
        return Member("silo", index, "gateways reach it at ", 0, port => [.. Common(SettingTable.Silo, database), .. SiloArguments, .. own, Number(port)]);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private ClusterMember Member(string role, int index, string readyMark, int port, Func<int, string[]> arguments)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{role} {index + 1}");
        return new ClusterMember(name, LogFile(name), readyMark, at => [role, .. arguments(at)], port);
    }

    private IEnumerable<string> Common(IReadOnlyList<Setting> known, string database)
    {
        IEnumerable<string> given = Given
            .Where(option => option.Key is not ("port" or "threads") && known.Any(setting => setting.Name == option.Key))
            .SelectMany(option => new[] { $"--{option.Key}", option.Value });
        return [.. ConfigFile is null ? [] : new[] { "--config", ConfigFile }, .. given, "--database", database];
    }
}
