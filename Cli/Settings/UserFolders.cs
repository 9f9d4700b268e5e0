namespace GlmCluster.Cli.Settings;

/// <summary>Where things lie that the user did not say.</summary>
internal static class UserFolders
{
    /// <summary>Folder that backups should keep: <c>$XDG_DATA_HOME/glmcluster</c>, <c>~/.local/share/glmcluster</c>, <c>%LOCALAPPDATA%\glmcluster</c>.</summary>
    public static string Data { get; } =
        Path.Combine(Find(Environment.SpecialFolder.LocalApplicationData), "glmcluster");

    /// <summary>Folder that may be emptied at any time: <c>$XDG_CACHE_HOME/glmcluster</c>, <c>~/.cache/glmcluster</c>, <c>%LOCALAPPDATA%\glmcluster\cache</c>.</summary>
    public static string Cache { get; } = FindCache();

    /// <summary>The demo model: beside the program, or in the checkout it was built in.</summary>
    /// <returns>The folder beside the program where there is none, so that the error names a sensible place.</returns>
    public static string BundledModel { get; } = FindBundled("glm-nano");

    /// <summary>The demo embedding model.</summary>
    public static string BundledEmbedding { get; } = FindBundled("nano-embed");

    private static string FindCache()
    {
        if (OperatingSystem.IsWindows())
        {
            return Path.Combine(Data, "cache");
        }

        return Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache)
            ? Path.Combine(cache, "glmcluster")
            : Path.Combine(Find(Environment.SpecialFolder.UserProfile), ".cache", "glmcluster");
    }

    // Without DoNotVerify the answer is empty for a folder that is still to be made.
    private static string Find(Environment.SpecialFolder folder) => Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);

    private static string FindBundled(string name)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "assets", name);
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return Path.Combine(AppContext.BaseDirectory, "assets", name);
    }
}
