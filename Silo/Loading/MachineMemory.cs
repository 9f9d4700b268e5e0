using System.Globalization;

namespace GlmCluster.Silo.Loading;

/// <summary>Memory that this process may use.</summary>
/// <param name="Bytes">How much.</param>
/// <param name="IsLimit">A limit set for it (a container, a service) rather than all that the machine has.</param>
public readonly record struct MachineMemory(long Bytes, bool IsLimit)
{
    /// <summary>Reads the limit of this process's cgroup; where there is none, the size of the machine.</summary>
    /// <remarks>The runtime's own figure will not do: under a limit it is the part that the managed heap may take, and weights lie outside it.</remarks>
    public static MachineMemory Read() => Read("/proc/self/cgroup", "/sys/fs/cgroup", TotalBytes());

    /// <param name="membershipFile">Names the cgroup, https://docs.kernel.org/admin-guide/cgroup-v2.html#processes.</param>
    /// <param name="root">Where cgroups are mounted.</param>
    /// <param name="machineBytes">What there is without a limit.</param>
    internal static MachineMemory Read(string membershipFile, string root, long machineBytes)
    {
        long limit = long.MaxValue;
        string[] lines = File.Exists(membershipFile) ? File.ReadAllLines(membershipFile) : [];
        foreach (string line in lines)
        {
            limit = Math.Min(limit, line.Split(':', 3) switch
            {
                ["0", "", var path] => LimitAlong(root, path, "memory.max"),
                [_, var controllers, var path] when controllers.Split(',').Contains("memory") =>
                    LimitAlong(Path.Combine(root, "memory"), path, "memory.limit_in_bytes"),
                _ => long.MaxValue,
            });
        }

        // Version 1 writes a huge number for no limit.
        return limit < machineBytes ? new MachineMemory(limit, IsLimit: true) : new MachineMemory(machineBytes, IsLimit: false);
    }

    private static long TotalBytes()
    {
        const string LinuxFile = "/proc/meminfo"; // "MemTotal:       24684096 kB"
        string? line = File.Exists(LinuxFile) ? File.ReadLines(LinuxFile).FirstOrDefault() : null;
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["MemTotal:", var kilobytes, "kB"]
            ? long.Parse(kilobytes, CultureInfo.InvariantCulture) << 10
            : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    /// <summary>The smallest limit from a group up to the mount's root: inside a container a group's path may not exist there.</summary>
    private static long LimitAlong(string mount, string path, string file)
    {
        long limit = long.MaxValue;
        for (string group = path.Trim('/'); ; group = Path.GetDirectoryName(group) ?? "")
        {
            string name = Path.Combine(mount, group, file);
            if (File.Exists(name) && long.TryParse(File.ReadAllText(name), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long bytes))
            {
                limit = Math.Min(limit, bytes);
            }

            if (group.Length == 0)
            {
                return limit;
            }
        }
    }
}
