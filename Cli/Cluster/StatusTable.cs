using System.Globalization;
using GlmCluster.Grains.Postgres.Members;

namespace GlmCluster.Cli.Cluster;

/// <summary>The tables that people read.</summary>
internal static class StatusTable
{
    /// <summary>Between two pictures of the same cluster.</summary>
    public static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    private const int HashDigits = 12;

    /// <summary>Text that takes the place of what a terminal shows.</summary>
    public static string Redraw(string text) => $"\e[H\e[J{text}";

    public static string Format(ClusterStatus status, string database)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"Cluster at {database}");
        Write(text, ["GATEWAY", "STREAMS", "LAST BEAT"], status.Gateways.Select(gateway =>
            new[] { gateway.Name, Number(gateway.Streams), Age(gateway.BeatAgeSeconds) }));
        Write(text, ["SILO", "STATE", "MODEL", "WEIGHTS", "LOAD", "FREE KV BLOCKS", "LAST BEAT"], status.Silos.Select(silo => new[]
        {
            silo.Name, silo.State, silo.Model, silo.ContentHash[..Math.Min(HashDigits, silo.ContentHash.Length)],
            $"{Number(silo.Assigned)} of {Number(silo.MaxSequences)}", Number(silo.FreeBlocks), Age(silo.BeatAgeSeconds),
        }));
        Write(text, ["MODEL", "WEIGHTS", "WORKERS", "RUNNING", "WAITING", "PARKED", "ENDED IN 1 H", "CACHE HITS"], status.Models.Select(model => new[]
        {
            model.Name, model.ContentHash[..Math.Min(HashDigits, model.ContentHash.Length)], Number(model.Workers), Number(model.Running),
            Number(model.Waiting), Number(model.Parked), Number(model.Finished), model.CacheHitRate.ToString("P0", CultureInfo.InvariantCulture),
        }));
        return text.ToString();
    }

    private static void Write(StringWriter text, string[] head, IEnumerable<string[]> rows)
    {
        List<string[]> lines = [head, .. rows];
        int[] widths = [.. Enumerable.Range(0, head.Length).Select(column => lines.Max(line => line[column].Length))];
        text.WriteLine();
        foreach (string[] line in lines)
        {
            text.WriteLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        if (lines.Count == 1)
        {
            text.WriteLine("none");
        }
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Age(double seconds) => seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s ago";
}
