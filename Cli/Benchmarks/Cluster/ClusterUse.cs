using System.Globalization;
using Npgsql;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>What a cluster has used since its start.</summary>
/// <param name="GatewayCpu">Processor time of all gateways.</param>
/// <param name="SiloCpu">Of all silos.</param>
/// <param name="DatabaseCpu">Of PostgreSQL, all its processes.</param>
/// <param name="LogBytes">Written to PostgreSQL's write-ahead log.</param>
/// <param name="Transactions">Committed; most are one statement.</param>
internal sealed record ClusterUse(TimeSpan GatewayCpu, TimeSpan SiloCpu, TimeSpan DatabaseCpu, double LogBytes, double Transactions)
{
    private const int TicksPerSecond = 100; // USER_HZ, in which Linux tells processor times (proc_stat(5))

    public static async Task<ClusterUse> ReadAsync(
        string connectionString, int postgres, IReadOnlyList<int> gateways, IReadOnlyList<int> silos, CancellationToken cancellationToken)
    {
        // Sessions report what they did with a delay of up to a second.
        await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, cancellationToken);
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            "select (select wal_bytes from pg_stat_wal)::float8, (select xact_commit from pg_stat_database where datname = current_database())::float8", connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new ClusterUse(
            CpuOf(gateways),
            CpuOf(silos),
            CpuOf([postgres, .. ChildrenOf(postgres)]) + EndedChildrenCpu(postgres),
            reader.GetDouble(0),
            reader.GetDouble(1));
    }

    public static ClusterUse operator -(ClusterUse after, ClusterUse before) => new(
        after.GatewayCpu - before.GatewayCpu,
        after.SiloCpu - before.SiloCpu,
        after.DatabaseCpu - before.DatabaseCpu,
        after.LogBytes - before.LogBytes,
        after.Transactions - before.Transactions);

    public static ClusterUse operator +(ClusterUse one, ClusterUse other) => new(
        one.GatewayCpu + other.GatewayCpu,
        one.SiloCpu + other.SiloCpu,
        one.DatabaseCpu + other.DatabaseCpu,
        one.LogBytes + other.LogBytes,
        one.Transactions + other.Transactions);

    private static TimeSpan CpuOf(IEnumerable<int> processes) => Ticks(processes.Select(Stat).Where(stat => stat.Length > 0).Sum(stat => stat[11] + stat[12]));

    private static TimeSpan EndedChildrenCpu(int process) => Ticks(Stat(process) is { Length: > 0 } stat ? stat[13] + stat[14] : 0);

    private static IEnumerable<int> ChildrenOf(int parent) => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? process : 0)
        .Where(process => process > 0 && Stat(process) is { Length: > 0 } stat && stat[1] == parent);

    private static TimeSpan Ticks(long ticks) => TimeSpan.FromSeconds((double)ticks / TicksPerSecond);

    /// <summary>Numbers of a process from its state on, which counts as 0; the parent is at 1, times at 11 to 14 (proc_stat(5)). Empty: it has ended.</summary>
    private static long[] Stat(int process)
    {
        try
        {
            string line = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            return [.. line[(line.LastIndexOf(')') + 2)..].Split(' ').Take(15).Select(field => long.TryParse(field, out long number) ? number : 0)];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
