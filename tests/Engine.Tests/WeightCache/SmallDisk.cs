using System.Diagnostics;

namespace GlmCluster.Engine.Tests.WeightCache;

/// <summary>A file system of a few mebibytes, mounted as long as this lives.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-disk-");

    public SmallDisk(int mebibytes) => Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "tmpfs", _folder.FullName);

    /// <summary>Whether this process may mount, found out by trying.</summary>
    public static bool IsPossible { get; } = TryMount();

    public string Folder => _folder.FullName;

    public void Dispose()
    {
        Run("umount", "-l", _folder.FullName);
        _folder.Delete();
    }

    private static bool TryMount()
    {
        try
        {
            new SmallDisk(mebibytes: 1).Dispose();
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed: {process.StandardError.ReadToEnd()}");
        }
    }
}
