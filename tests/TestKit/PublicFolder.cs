namespace GlmCluster.TestKit;

/// <summary>A temporary folder that every user can look into: PostgreSQL may run as another one.</summary>
public sealed class PublicFolder : IDisposable
{
    private readonly DirectoryInfo _folder;

    public PublicFolder(string prefix)
    {
        _folder = Directory.CreateTempSubdirectory(prefix);
        if (!OperatingSystem.IsWindows())
        {
            _folder.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        }
    }

    public string Path => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);
}
