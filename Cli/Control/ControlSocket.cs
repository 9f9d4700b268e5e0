using System.Net.Sockets;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Control;

/// <summary>
/// Where a running server takes commands: a Unix socket that only its user can open, so that no client of the server can reach it. It lies in
/// <c>$XDG_RUNTIME_DIR/glmcluster</c>, else in <c>run</c> of the user's data folder, unless the setting <c>control</c> says otherwise.
/// </summary>
internal static class ControlSocket
{
    /// <summary>The setting's word for no socket.</summary>
    public const string Off = "off";

    private const string Extension = ".sock";

    /// <summary>Bytes of a socket's path that every system takes, https://man7.org/linux/man-pages/man7/unix.7.html.</summary>
    private const int LongestPath = 100;

    /// <summary>A socket that is younger and silent may belong to a server that is about to listen.</summary>
    private static readonly TimeSpan Starting = TimeSpan.FromMinutes(1);

    /// <summary>Folder of the sockets of this user's servers.</summary>
    public static string Folder { get; } =
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Directory.Exists(runtime)
            ? Path.Combine(runtime, "glmcluster")
            : Path.Combine(UserFolders.Data, "run");

    /// <param name="chosen">The setting; null: the usual place.</param>
    /// <param name="server">Names the server there, for example <c>serve-8000</c>.</param>
    /// <exception cref="ImpossibleSettingException">The chosen place cannot be a socket.</exception>
    public static string PathFor(string? chosen, string server)
    {
        string path = chosen ?? Path.Combine(Folder, server + Extension);
        return System.Text.Encoding.UTF8.GetByteCount(path) <= LongestPath
            ? path
            : throw new ImpossibleSettingException($"control is {path}, longer than the {LongestPath} bytes of a socket's path. Choose a shorter --control, or --control {Off}.");
    }

    /// <summary>Makes the folder, readable to this user only, and removes a socket that nobody listens on.</summary>
    /// <exception cref="ImpossibleSettingException">Somebody listens there, or another file is there.</exception>
    public static async Task PrepareAsync(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
        {
            _ = OperatingSystem.IsWindows()
                ? Directory.CreateDirectory(folder)
                : Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        if (!File.Exists(path))
        {
            return;
        }

        if (await AnswersAsync(path))
        {
            throw new ImpossibleSettingException($"control is {path}, where another server listens. Choose another file with --control, or --control {Off}.");
        }

        if (new FileInfo(path).Length > 0)
        {
            throw new ImpossibleSettingException($"control is {path}, which is a file with content. Choose another file with --control.");
        }

        File.Delete(path);
    }

    /// <summary>Sockets of the usual folder on which a server listens, by server. Those of servers that were killed are removed.</summary>
    public static async Task<SortedDictionary<string, string>> FindAsync()
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*" + Extension) : [])
        {
            if (await AnswersAsync(path))
            {
                found.Add(Path.GetFileNameWithoutExtension(path), path);
            }
            else if (TimeProvider.System.GetUtcNow() - File.GetLastWriteTimeUtc(path) > Starting)
            {
                File.Delete(path); // its server was killed
            }
        }

        return found;
    }

    private static async Task<bool> AnswersAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
