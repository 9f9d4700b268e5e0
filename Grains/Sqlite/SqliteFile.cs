using GlmCluster.Grains.Stores;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>Opens the store's file: private to the user, locked against a second server, checked, and at the newest schema version.</summary>
/// <remarks>
/// The lock is SQLite's own (<c>locking_mode = exclusive</c>), an operating system lock on the file that goes away with the process, however it dies.
/// </remarks>
internal static class SqliteFile
{
    private const int Busy = 5; // https://sqlite.org/rescode.html#busy
    private const int LockWaitSeconds = 1;

    /// <param name="path">The file; null: a store in memory that is gone when it is closed.</param>
    /// <exception cref="StoreException">It is in use, damaged, another program's, from a newer version, or cannot be written.</exception>
    public static SqliteConnection Open(string? path)
    {
        if (path is not null)
        {
            CreatePrivate(path);
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path ?? ":memory:",
            Mode = path is null ? SqliteOpenMode.Memory : SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = LockWaitSeconds,
        }.ToString());
        try
        {
            // A write-ahead log that is still there means that the last server did not close the store.
            bool closedCleanly = path is null || new FileInfo(path + "-wal") is not { Exists: true, Length: > 0 };
            connection.Open();
            Prepare(connection, path ?? "(memory)", closedCleanly);
            return connection;
        }
        catch (SqliteException failure)
        {
            connection.Dispose();
            throw Explain(failure, path ?? "(memory)");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Names the file and what to do about the failure.</summary>
    public static StoreException Explain(SqliteException failure, string path) => failure.SqliteErrorCode switch
    {
        Busy => new StoreException(
            $"The store '{path}' is in use by another server. Stop that server, or give this one a store file of its own.", failure),
        11 or 26 => new StoreException( // SQLITE_CORRUPT, SQLITE_NOTADB
            $"The store '{path}' is damaged or is no GlmCluster store ({failure.Message}). Restore a copy, or move the file away to start empty.",
            failure),
        13 => new StoreException($"The disk of the store '{path}' is full. Free some space.", failure), // SQLITE_FULL
        _ => new StoreException($"The store '{path}' cannot be used: {failure.Message}", failure),
    };

    private static void CreatePrivate(string path)
    {
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            if (OperatingSystem.IsWindows())
            {
                // The user's data folder is private by its access list.
                Directory.CreateDirectory(folder);
                File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite).Dispose();
                return;
            }

            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (!File.Exists(path))
            {
                // SQLite gives its -wal file the same mode. A file that was there keeps its own: it may be somebody else's, or a device.
                new FileStream(path, new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }).Dispose();
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"The store '{path}' cannot be created or written: {failure.Message}", failure);
        }
    }

    private static void Prepare(SqliteConnection connection, string path, bool closedCleanly)
    {
        connection.Execute("pragma locking_mode = exclusive");
        int applicationId = Number(connection, "pragma application_id");
        int version = Number(connection, "pragma user_version");
        bool isEmpty = Number(connection, "select count(*) from sqlite_schema") == 0;
        if (applicationId != SqliteSchema.ApplicationId && !(isEmpty && applicationId == 0))
        {
            throw new StoreException($"'{path}' is a database of another program, no GlmCluster store. Name another file.");
        }

        if (version > SqliteSchema.Version)
        {
            throw new StoreException(
                $"The store '{path}' has schema version {version}; this program knows versions up to {SqliteSchema.Version}. Use the newer program.");
        }

        if (!closedCleanly && connection.Query("pragma quick_check(1)", r => r.GetString(0)) is not ["ok"])
        {
            throw new StoreException($"The store '{path}' is damaged. Restore a copy, or move the file away to start empty.");
        }

        // secure_delete: what is removed is overwritten, in the file at once and in the write-ahead log at its next checkpoint.
        connection.Execute("pragma journal_mode = wal; pragma secure_delete = on");
        SqliteSchema.Migrate(connection, version);
    }

    private static int Number(SqliteConnection connection, string sql) => connection.Query(sql, r => r.GetInt32(0))[0];
}
