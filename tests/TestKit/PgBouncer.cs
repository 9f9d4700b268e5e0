using System.Net;
using System.Net.Sockets;
using GlmCluster.Cli.LocalCluster;

namespace GlmCluster.TestKit;

/// <summary>A real PgBouncer before a database, as the machine's package manager installs it.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private const string Program = "/usr/sbin/pgbouncer";

    private readonly PublicFolder _folder;
    private readonly ChildProcess _process;

    private PgBouncer(PublicFolder folder, ChildProcess process, string connectionString)
    {
        _folder = folder;
        _process = process;
        ConnectionString = connectionString;
    }

    /// <summary>Why there can be none here; null: there can.</summary>
    public static string? MissingReason => File.Exists(Program) ? null : "PgBouncer is not installed (apt-get install pgbouncer).";

    /// <summary>For Npgsql: the same database through the pooler.</summary>
    public string ConnectionString { get; }

    /// <param name="socketFolder">Where the server's Unix socket is.</param>
    /// <param name="database">Name of the database, which its user <c>postgres</c> reaches.</param>
    /// <param name="poolMode"><c>session</c> or <c>transaction</c>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<PgBouncer> StartAsync(string socketFolder, string database, string poolMode, CancellationToken cancellationToken)
    {
        var folder = new PublicFolder("glm-pgbouncer-");
        int port = FindFreePort();
        string settings = Path.Combine(folder.Path, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            settings,
            $"""
            [databases]
            {database} = host={socketFolder} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = {poolMode}
            """,
            cancellationToken);
        string[] asOtherUser = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : [];
        ChildProcess process = ChildProcess.Start(
            "PgBouncer", stopSignal: "INT", orphanSignal: "KILL", "process up", Path.Combine(folder.Path, "log"), [Program, .. asOtherUser, settings]);
        await process.Ready.WaitAsync(cancellationToken);
        return new PgBouncer(folder, process, $"Host=127.0.0.1;Port={port};Database={database};Username=postgres");
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static int FindFreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
