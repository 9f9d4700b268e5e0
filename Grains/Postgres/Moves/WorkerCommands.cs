using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>What a worker is told; the numbers are stored.</summary>
internal enum WorkerCommandKind : short
{
    Run = 1,
    Park = 2,
    Cancel = 3,
    Prepare = 4,
}

/// <summary>A stored command.</summary>
internal sealed record StoredCommand(long Number, WorkerCommandKind Kind, GenerationId Generation);

/// <summary>Commands that wait for their worker. Those of one generation are numbered in order, because its row is locked while one is added.</summary>
internal static class WorkerCommands
{
    public const string InsertSql = "insert into glm.commands (incarnation, kind, generation) values ($1, $2, $3)";

    /// <summary>Adds a command and wakes the worker.</summary>
    public static async Task SendAsync(
        NpgsqlConnection connection, Guid worker, WorkerCommandKind kind, GenerationId generation, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync(InsertSql, cancellationToken, worker, (short)kind, generation.ToString());
        await Wakeups.SendAsync(connection, Wakeups.Work, worker.ToString("N"), cancellationToken);
    }

    /// <summary>Removes what was taken before, and reads the rest, which stays until the next call: an answer that gets lost loses nothing.</summary>
    public static async Task<List<StoredCommand>> TakeAsync(
        NpgsqlConnection connection, Guid worker, long[] takenBefore, CancellationToken cancellationToken)
    {
        if (takenBefore.Length > 0)
        {
            await connection.ExecuteAsync("delete from glm.commands where number = any($1)", cancellationToken, (object)takenBefore);
        }

        return await connection.QueryAsync(
            "select number, kind, generation from glm.commands where incarnation = $1 order by number",
            row => new StoredCommand(row.GetInt64(0), (WorkerCommandKind)row.GetInt16(1), row.Id(2)),
            cancellationToken,
            worker);
    }
}
