using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Schema;

/// <summary>Makes or extends the schema, one process at a time; refuses one that this program must not run on.</summary>
internal static class SchemaMigrator
{
    private const long MigrationLock = 0x676C6D_0001; // any number that all versions share

    /// <summary>Runs the missing steps up to the first contracting one.</summary>
    /// <returns>The version in force.</returns>
    /// <exception cref="StoreException">The schema needs a newer program, or a step that only <c>glm db migrate</c> runs.</exception>
    public static Task<int> ExpandAsync(NpgsqlConnection connection, IReadOnlyList<SchemaStep> steps, CancellationToken cancellationToken) =>
        MigrateAsync(connection, steps, withContractions: false, cancellationToken);

    /// <summary>Runs all missing steps, contracting ones too.</summary>
    public static Task<int> MigrateAsync(NpgsqlConnection connection, IReadOnlyList<SchemaStep> steps, CancellationToken cancellationToken) =>
        MigrateAsync(connection, steps, withContractions: true, cancellationToken);

    private static async Task<int> MigrateAsync(
        NpgsqlConnection connection, IReadOnlyList<SchemaStep> steps, bool withContractions, CancellationToken cancellationToken)
    {
        if (await ReadAsync(connection, cancellationToken) is { } ready && ready.Version >= steps.Count)
        {
            Check(ready, steps.Count);
            return ready.Version; // nothing to do: no lock, and no right to change tables is needed
        }

        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.ExecuteAsync($"select pg_advisory_xact_lock({MigrationLock})", cancellationToken);
        StoredVersion stored = await ReadAsync(connection, cancellationToken) ?? new StoredVersion(0, 0);
        Check(stored, steps.Count);
        int version = stored.Version;
        int least = stored.Least;
        foreach (SchemaStep step in steps.Skip(stored.Version).TakeWhile(step => withContractions || !step.Contracts))
        {
            if (version == 0)
            {
                await connection.ExecuteAsync(
                    "create schema if not exists glm; create table glm.schema_version (version int not null, least_version int not null)",
                    cancellationToken);
                await connection.ExecuteAsync("insert into glm.schema_version values (0, 0)", cancellationToken);
            }

            await connection.ExecuteAsync(step.Sql, cancellationToken);
            version++;
            least = Math.Max(least, step.LeastVersion);
        }

        if (steps.Skip(version).Any(step => !step.Contracts))
        {
            throw new StoreException(
                $"The database's schema has version {version}; this program needs version {steps.Count}, and the step in between takes something away "
                + "that older programs use. Stop those, then run glm db migrate.");
        }

        if (version > stored.Version)
        {
            await connection.ExecuteAsync("update glm.schema_version set version = $1, least_version = $2", cancellationToken, version, least);
        }

        await transaction.CommitAsync(cancellationToken);
        return version;
    }

    private static void Check(StoredVersion stored, int known)
    {
        if (stored.Least > known)
        {
            throw new StoreException(
                $"The database's schema has version {stored.Version} and needs a program that knows version {stored.Least}; this one knows "
                + $"{known}. Run a newer glm, or give this one a database of its own.");
        }
    }

    private static async Task<StoredVersion?> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Not to_regclass: it may answer from the catalogue cache of this backend, which does not yet know the table that another process has just
        // made while this one waited for the lock. A query has a snapshot of its own.
        if (await connection.ScalarAsync(
            "select true from pg_catalog.pg_tables where schemaname = 'glm' and tablename = 'schema_version'", cancellationToken) is not true)
        {
            return null;
        }

        List<StoredVersion> rows = await connection.QueryAsync(
            "select version, least_version from glm.schema_version", row => new StoredVersion(row.GetInt32(0), row.GetInt32(1)), cancellationToken);
        return rows is [StoredVersion only] ? only : throw new StoreException("The table glm.schema_version must have one row; restore the database.");
    }

    /// <param name="Version">Steps done.</param>
    /// <param name="Least">The oldest program that may run on it.</param>
    private sealed record StoredVersion(int Version, int Least);
}
