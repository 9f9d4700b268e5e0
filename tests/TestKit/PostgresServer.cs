using GlmCluster.Cli.LocalCluster;

namespace GlmCluster.TestKit;

/// <summary>A PostgreSQL of its own for tests, empty, in a temporary folder.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>Why a test is skipped elsewhere. On Linux one that finds no PostgreSQL fails, and says how to install it.</summary>
    public const string OnlyOnLinux = "PostgreSQL's npm package exists for Linux only.";

    private readonly PublicFolder _folder;
    private readonly LocalPostgres _postgres;

    private PostgresServer(PublicFolder folder, LocalPostgres postgres)
    {
        _folder = folder;
        _postgres = postgres;
    }

    /// <summary>For Npgsql: the superuser on the database <c>postgres</c>.</summary>
    public string ConnectionString => _postgres.ConnectionString;

    /// <summary>Returns when it accepts connections.</summary>
    public static async Task<PostgresServer> StartAsync(CancellationToken cancellationToken)
    {
        var folder = new PublicFolder("glm-postgres-");
        return new PostgresServer(
            folder, await LocalPostgres.StartAsync(folder.Path, folder.Path + "/postgres.log", isDurable: false, cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        _folder.Dispose();
    }
}
