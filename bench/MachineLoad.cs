using System.Globalization;

namespace GlmCluster.Bench;

/// <summary>How busy this machine's processors are.</summary>
public static class MachineLoad
{
    private const string LinuxFile = "/proc/stat";

    /// <summary>Share of processor time that was not idle, from 0 to 1, over all processes; NaN on systems that do not tell.</summary>
    public static async Task<double> MeasureAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        if (!File.Exists(LinuxFile))
        {
            return double.NaN;
        }

        (long idle, long all) before = Read();
        await Task.Delay(duration, TimeProvider.System, cancellationToken);
        (long idle, long all) after = Read();
        return 1 - ((after.idle - before.idle) / (double)Math.Max(after.all - before.all, 1));
    }

    /// <summary>Ticks since the start: the first line is "cpu", then user, nice, system, idle, iowait and others (proc_stat(5)).</summary>
    private static (long Idle, long All) Read()
    {
        long[] ticks = [.. File.ReadLines(LinuxFile).First()
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Skip(1)
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))];
        return (ticks[3] + ticks[4], ticks.Take(8).Sum());
    }
}
