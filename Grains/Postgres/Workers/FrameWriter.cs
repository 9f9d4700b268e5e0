using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>Writes an incarnation's frames, one autocommit insert each, and again those that a crash of the database lost. One caller at a time.</summary>
internal sealed class FrameWriter(IncarnationId incarnation, PostgresStore store, ClusterClock clock, ILogger logger)
{
    /// <summary>Frames kept to be written again: more than a database loses, which is what it had not flushed within 600 ms.</summary>
    private const int MostKept = 2048;

    private const int Slots = 4;

    /// <summary>The lock on the incarnation's row lets no frame in after the seal; a hole or a repeat inserts nothing.</summary>
    private const string InsertSql =
        """
        insert into glm.frames (incarnation, number, slot, entries)
        select i.id, $2, $3, $4 from (select id, last_frame from glm.incarnations where id = $1 and not is_sealed for share) i
        where $2 = greatest(i.last_frame, (select coalesce(max(number), 0) from glm.frames where incarnation = $1)) + 1
        on conflict do nothing
        """;

    private const string LastSql =
        """
        select is_sealed, greatest(last_frame, (select coalesce(max(number), 0) from glm.frames where incarnation = $1))
        from glm.incarnations where id = $1
        """;

    private readonly Queue<(long Number, byte[] Entries)> _kept = new();

    /// <summary>The last frame that was written.</summary>
    public long Last { get; private set; }

    /// <summary>Writes the next frame, waiting for a database that is away.</summary>
    /// <returns>Written, or sealed.</returns>
    /// <exception cref="StoreException">The database refused, stayed away, or lost more than is kept.</exception>
    public async Task<LogWriteResult> WriteAsync(LogFrame frame)
    {
        byte[] entries = LogCodec.Encode(frame.Entries);
        LogWriteResult result = await store.RunFrameAsync(
            PostgresStore.WorkerPatience, (connection, token) => WriteAsync(connection, frame.Number, entries, token));
        if (result == LogWriteResult.Written)
        {
            Last = frame.Number;
            _kept.Enqueue((frame.Number, entries));
            if (_kept.Count > MostKept)
            {
                _kept.Dequeue();
            }
        }

        return result;
    }

    private async Task<LogWriteResult> WriteAsync(NpgsqlConnection connection, long number, byte[] entries, CancellationToken cancellationToken)
    {
        if (await InsertAsync(connection, number, entries, cancellationToken))
        {
            return LogWriteResult.Written;
        }

        (bool isSealed, long stored) = (await connection.QueryAsync(
            LastSql, row => (row.GetBoolean(0), row.GetInt64(1)), cancellationToken, incarnation.Value)).FirstOrDefault((true, 0));
        if (isSealed)
        {
            return LogWriteResult.Sealed;
        }

        if (stored >= number)
        {
            return LogWriteResult.Written; // by an attempt whose answer was lost
        }

        if (_kept.Count == 0 || _kept.Peek().Number > stored + 1)
        {
            throw new StoreException($"The database lost frames of {incarnation} from {stored + 1} on, more than are kept. Its backup may be old.");
        }

        logger.FramesWrittenAgain(incarnation, stored + 1, number - 1);
        foreach ((long lost, byte[] kept) in _kept.Where(frame => frame.Number > stored))
        {
            await InsertAsync(connection, lost, kept, cancellationToken);
        }

        return await InsertAsync(connection, number, entries, cancellationToken) ? LogWriteResult.Written : LogWriteResult.Sealed;
    }

    private async Task<bool> InsertAsync(NpgsqlConnection connection, long number, byte[] entries, CancellationToken cancellationToken) =>
        await connection.ExecuteAsync(
            InsertSql, cancellationToken, incarnation.Value, number, (short)(clock.Now / TimeSpan.TicksPerHour % Slots), entries) == 1;
}
