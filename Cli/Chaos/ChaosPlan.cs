using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Chaos;

/// <summary>What a run of <c>glm chaos</c> does.</summary>
/// <param name="Time">How long faults are made.</param>
/// <param name="Seed">Chooses requests and faults. Times differ from run to run, and with them what each fault meets.</param>
/// <param name="Silos">At least 1.</param>
/// <param name="Gateways">At least 1.</param>
/// <param name="Clients">That ask at once.</param>
/// <param name="Folder">Where data and logs lie; null: a temporary one, which stays only after a failure.</param>
/// <param name="Settings">Model and formats.</param>
/// <param name="Given">Options of the command line, which the cluster's processes get too.</param>
/// <param name="ConfigFile">File with settings; null: none was named.</param>
internal sealed record ChaosPlan(
    TimeSpan Time,
    int Seed,
    int Silos,
    int Gateways,
    int Clients,
    string? Folder,
    ServeSettings Settings,
    IReadOnlyList<KeyValuePair<string, string>> Given,
    string? ConfigFile);
