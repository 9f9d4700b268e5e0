using System.Security.Cryptography;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.Grains.Postgres.Schema;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace GlmCluster.Grains.Postgres;

/// <summary>The connections of one process, bounded in number, and how its work on them is tried again when the database is away. Thread-safe.</summary>
internal sealed class PostgresStore : IAsyncDisposable
{
    /// <summary>How long a client's request waits for a database that restarts.</summary>
    public static readonly TimeSpan ClientPatience = TimeSpan.FromSeconds(15);

    /// <summary>How long a worker holds its tokens for a database that is away before it gives up.</summary>
    public static readonly TimeSpan WorkerPatience = TimeSpan.FromSeconds(90);

    private const int LeastConnections = 3; // the listener's, one for frames, one for the rest
    private const int Retries = 4;

    /// <summary>A process that is stopped inside a transaction would hold its locks for as long as it is: the database ends it after the length of a lease.</summary>
    private const string EndTransactionsOfStoppedProcesses = "set idle_in_transaction_session_timeout = 3000";

    private readonly NpgsqlDataSource _work;
    private readonly NpgsqlDataSource _frames;
    private readonly string _where;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closed = new();

    private PostgresStore(NpgsqlConnectionStringBuilder settings, int workConnections, TimeProvider time, ILogger logger)
    {
        _time = time;
        _logger = logger;
        _where = $"{settings.Host}:{settings.Port}/{settings.Database}";
        _work = Source(settings, workConnections, EndTransactionsOfStoppedProcesses);
        Listening = Source(settings, 1, "");
        // Only frames commit without waiting for the disk: what a crash loses of them is in their worker's memory.
        _frames = Source(settings, 1, "set synchronous_commit = off");
    }

    /// <summary>For the one connection that listens.</summary>
    public NpgsqlDataSource Listening { get; }

    /// <summary>Time of the database when this process opened it.</summary>
    public DateTimeOffset OpenedAt { get; private set; }

    /// <summary>The cluster's secret, random, made with the schema.</summary>
    public ReadOnlyMemory<byte> Secret { get; private set; }

    /// <summary>Checks the server, makes or extends the schema.</summary>
    /// <exception cref="StoreException">The database cannot be used; the message says why and what to do.</exception>
    public static async Task<PostgresStore> OpenAsync(
        string connectionString, int maxConnections, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxConnections, LeastConnections);
        NpgsqlConnectionStringBuilder settings = PostgresSettings.Parse(connectionString);
        var store = new PostgresStore(settings, maxConnections - LeastConnections + 1, time, logger);
        try
        {
            await PostgresSettings.CheckServerAsync(settings, cancellationToken);
            await using NpgsqlConnection connection = await store._work.OpenConnectionAsync(cancellationToken);
            int version = await SchemaMigrator.ExpandAsync(connection, PostgresSchema.Steps, cancellationToken);
            store.OpenedAt = (DateTime)(await connection.ScalarAsync("select clock_timestamp()", cancellationToken))!;
            store.Secret = await ReadSecretAsync(connection, cancellationToken);
            logger.DatabaseOpened(store._where, version);
            return store;
        }
        catch (Exception failure)
        {
            await store.DisposeAsync();
            throw failure is NpgsqlException database ? PostgresSettings.Explain(database, store._where) : failure;
        }
    }

    /// <summary>Brings the schema up to date, contracting steps too.</summary>
    /// <exception cref="StoreException">The database cannot be used.</exception>
    public static Task<int> MigrateAsync(string connectionString, CancellationToken cancellationToken) =>
        VisitAsync(connectionString, (connection, token) => SchemaMigrator.MigrateAsync(connection, PostgresSchema.Steps, token), cancellationToken);

    /// <exception cref="StoreException">The database cannot be used, or holds no cluster.</exception>
    public static Task<ClusterStatus> ReadStatusAsync(string connectionString, CancellationToken cancellationToken) =>
        VisitAsync(connectionString, ClusterStatusReader.ReadAsync, cancellationToken);

    /// <summary>Reads what a cluster has counted and not let go of.</summary>
    /// <exception cref="StoreException">The database cannot be used, or holds no cluster.</exception>
    public static Task<ClusterAudit> ReadAuditAsync(string connectionString, CancellationToken cancellationToken) =>
        VisitAsync(connectionString, ClusterAuditReader.ReadAsync, cancellationToken);

    private static async Task<T> VisitAsync<T>(
        string connectionString, Func<NpgsqlConnection, CancellationToken, Task<T>> visit, CancellationToken cancellationToken)
    {
        NpgsqlConnectionStringBuilder settings = PostgresSettings.Parse(connectionString);
        string where = $"{settings.Host}:{settings.Port}/{settings.Database}";
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(settings);
        try
        {
            await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
            return await visit(connection, cancellationToken);
        }
        catch (PostgresException missing) when (missing.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn)
        {
            throw new StoreException($"The database {where} holds no cluster of this version yet. Start a gateway or a silo with it.", missing);
        }
        catch (NpgsqlException failure)
        {
            throw PostgresSettings.Explain(failure, where);
        }
    }

    /// <summary>Runs work that a repetition does not harm: it is tried again while the database is away.</summary>
    /// <exception cref="StoreException">The database refused, or stayed away for <paramref name="patience"/>.</exception>
    public Task<T> RunAsync<T>(TimeSpan patience, Func<NpgsqlConnection, CancellationToken, Task<T>> work) => RunAsync(_work, patience, work);

    /// <summary>As <see cref="RunAsync{T}(TimeSpan, Func{NpgsqlConnection, CancellationToken, Task{T}})"/>, all of it in one transaction.</summary>
    public Task<T> TransactAsync<T>(TimeSpan patience, Func<NpgsqlConnection, CancellationToken, Task<T>> work) =>
        RunAsync(_work, patience, async (connection, token) =>
        {
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(token);
            T result = await work(connection, token);
            await transaction.CommitAsync(token);
            return result;
        });

    /// <summary>As <see cref="RunAsync{T}(TimeSpan, Func{NpgsqlConnection, CancellationToken, Task{T}})"/>, on the connection that frames have.</summary>
    public Task<T> RunFrameAsync<T>(TimeSpan patience, Func<NpgsqlConnection, CancellationToken, Task<T>> work) => RunAsync(_frames, patience, work);

    /// <summary>Ends what is being tried again, and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        await _work.DisposeAsync();
        await Listening.DisposeAsync();
        await _frames.DisposeAsync();
        _closed.Dispose();
    }

    private async Task<T> RunAsync<T>(NpgsqlDataSource source, TimeSpan patience, Func<NpgsqlConnection, CancellationToken, Task<T>> work)
    {
        ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
        CancellationToken closed = _closed.Token;
        long start = _time.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlConnection connection = await source.OpenConnectionAsync(closed);
                return await work(connection, closed);
            }
            catch (PostgresException conflict) when (IsConflict(conflict) && attempt < Retries)
            {
                // Another process was faster; its result is seen now.
            }
            catch (NpgsqlException away) when (IsAway(away) && _time.GetElapsedTime(start) < patience)
            {
                if (attempt == 1)
                {
                    _logger.DatabaseAway(_where, away.Message);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1000, 50 << Math.Min(attempt, 5))), closed);
            }
            catch (NpgsqlException failure)
            {
                throw PostgresSettings.Explain(failure, _where);
            }
            catch (Exception) when (closed.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(PostgresStore), "The fabric was closed.");
            }
        }
    }

    private static async Task<byte[]> ReadSecretAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync(
            "insert into glm.secrets (name, value) values ('live', $1) on conflict do nothing", cancellationToken, RandomNumberGenerator.GetBytes(32));
        return (byte[])(await connection.ScalarAsync("select value from glm.secrets where name = 'live'", cancellationToken))!;
    }

    private static bool IsConflict(PostgresException failure) => failure.SqlState
        is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    private static bool IsAway(NpgsqlException failure) =>
        failure.IsTransient
        || failure is not PostgresException
        || failure is PostgresException { SqlState: "57P01" or "57P02" or "57P03" or "25006" or "25P03" }; // shutting down, crashed, starting, read-only, was stopped

    private static NpgsqlDataSource Source(NpgsqlConnectionStringBuilder settings, int connections, string start)
    {
        var own = new NpgsqlConnectionStringBuilder(settings.ConnectionString)
        {
            MaxPoolSize = connections,
            MinPoolSize = 0,
            MaxAutoPrepare = 50,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true,
            ApplicationName = "glm",
        };
        var builder = new NpgsqlDataSourceBuilder(own.ConnectionString);
        if (start.Length > 0)
        {
            builder.UsePhysicalConnectionInitializer(
                connection => connection.ExecuteAsync(start, CancellationToken.None).GetAwaiter().GetResult(),
                connection => connection.ExecuteAsync(start, CancellationToken.None));
        }

        return builder.Build();
    }
}
