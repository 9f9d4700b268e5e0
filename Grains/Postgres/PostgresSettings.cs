using System.Net.Sockets;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Npgsql;

namespace GlmCluster.Grains.Postgres;

/// <summary>Connection strings, what the server behind one must be, and what its failures mean to an operator.</summary>
internal static class PostgresSettings
{
    private const int LeastServerVersion = 14;

    /// <exception cref="StoreException">It is no connection string, or names no host.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException)
        {
            throw new StoreException($"The connection string of the database is wrong: {wrong.Message} Example: {Example}");
        }

        return string.IsNullOrEmpty(settings.Host)
            ? throw new StoreException($"The connection string of the database names no Host. Example: {Example}")
            : settings;
    }

    private const string Example = "Host=db.example.com;Database=glm;Username=glm;SSL Mode=VerifyFull";

    /// <summary>Refuses servers that are too old, standbys, and poolers that give every transaction another session.</summary>
    /// <remarks>On connections of its own that prepare nothing: behind such a pooler a prepared statement may be gone before the check has found out.</remarks>
    public static async Task CheckServerAsync(NpgsqlConnectionStringBuilder settings, CancellationToken cancellationToken)
    {
        var plain = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { MaxAutoPrepare = 0, Pooling = false };
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(plain);
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
        if (connection.PostgreSqlVersion.Major < LeastServerVersion)
        {
            throw new StoreException($"The database server is PostgreSQL {connection.PostgreSqlVersion}; {LeastServerVersion} or later is needed.");
        }

        if (await connection.ScalarAsync("select pg_is_in_recovery()", cancellationToken) is true)
        {
            throw new StoreException("The database server is a standby that cannot be written. Name the primary, or all with Target Session Attributes=primary.");
        }

        await CheckPoolerAsync(connection, source, cancellationToken);
    }

    /// <summary>
    /// A pooler of transactions lends one session to two clients in turn. Whoever holds a session open in a transaction forces the other onto a
    /// second one; when it lets go, the other's setting is there or not, depending on which one it gets. Both orders are tried.
    /// </summary>
    private static async Task CheckPoolerAsync(NpgsqlConnection first, NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        if (first.ProcessID == await ProcessAsync(first, cancellationToken))
        {
            return; // the very server we were connected to
        }

        await using NpgsqlConnection second = await source.OpenConnectionAsync(cancellationToken);
        int firstProcess = await ProcessAsync(first, cancellationToken);
        await using (NpgsqlTransaction holding = await first.BeginTransactionAsync(cancellationToken))
        {
            int held = await ProcessAsync(first, cancellationToken);
            int beside = await ProcessAsync(second, cancellationToken);
            await using NpgsqlTransaction moved = await second.BeginTransactionAsync(cancellationToken);
            await holding.CommitAsync(cancellationToken);
            int again = await ProcessAsync(first, cancellationToken);
            int besideAgain = await ProcessAsync(second, cancellationToken);
            await moved.CommitAsync(cancellationToken);
            int last = await ProcessAsync(first, cancellationToken);
            if (held != firstProcess || again != held || last != again || beside != besideAgain)
            {
                throw new StoreException(
                    "The database is reached through a pooler that pools transactions. Sessions are needed for LISTEN and prepared statements: "
                    + "connect directly, or set the pooler to session pooling (PgBouncer: pool_mode = session).");
            }
        }
    }

    private static async Task<int> ProcessAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        (int)(await connection.ScalarAsync("select pg_backend_pid()", cancellationToken))!;

    /// <summary>Names the server and what to do about the failure.</summary>
    public static StoreException Explain(NpgsqlException failure, string where) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } refused =>
            new StoreException($"The database {where} refused the login: {refused.MessageText}. Check user and password of the connection string.", failure),
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } missing =>
            new StoreException($"The database server at {where} has no such database: {missing.MessageText}. Create it: createdb NAME.", failure),
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } denied =>
            new StoreException(
                $"The database user may not do what is needed on {where}: {denied.MessageText}. Let the owner run glm db migrate, or grant it: "
                + "grant create on database NAME to USER.",
                failure),
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } full =>
            new StoreException($"The disk of the database {where} is full ({full.MessageText}). Free some space; nothing that was acknowledged is lost.", failure),
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } =>
            new StoreException(
                $"The database {where} has no connection left. Raise its max_connections: 5 per gateway and 3 per silo are needed.", failure),
        PostgresException other => new StoreException($"The database {where} refused: {other.MessageText} ({other.SqlState})", failure),
        { InnerException: SocketException or TimeoutException or IOException } =>
            new StoreException(
                $"The database {where} cannot be reached: {failure.InnerException.Message}. Check host and port of the connection string, and that the server runs.",
                failure),
        _ => new StoreException($"The database {where} cannot be used: {failure.Message}", failure),
    };
}
