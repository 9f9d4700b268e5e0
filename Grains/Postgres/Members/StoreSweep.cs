using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>Removes what has expired, at one process at a time.</summary>
internal sealed class StoreSweep(PostgresFabricOptions options, ClusterClock clock)
{
    private const long SweepLock = 0x676C6D_0002;

    /// <summary>How long a sealed incarnation is kept to refuse what a stale worker writes late.</summary>
    private static readonly TimeSpan KeepSealed = TimeSpan.FromDays(1);

    /// <summary>One transaction.</summary>
    public async Task<bool> RunAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (await connection.ScalarAsync($"select pg_try_advisory_xact_lock({SweepLock})", cancellationToken) is not true)
        {
            return false;
        }

        long now = clock.Now;
        List<GenerationId> idle = await ConversationRows.LockIdleAsync(connection, now - options.ConversationTtl.Ticks, cancellationToken);
        await ConversationRows.RemoveAsync(connection, idle, cancellationToken);
        await GenerationRows.RemoveLooseAsync(connection, now - options.ResumeWindow.Ticks, cancellationToken);
        await connection.ExecuteAsync(
            "delete from glm.incarnations where is_sealed and sealed_at < $1", cancellationToken, now - KeepSealed.Ticks);
        await EmptyNextSlotAsync(connection, now, cancellationToken);
        return true;
    }

    /// <summary>
    /// Empties the partition that is used next, once an hour has nothing in it that an unfinished generation needs: all but the frames of running
    /// workers that no chunk covers are in chunks, and those are younger than the partition in any case but a stalled one.
    /// </summary>
    private static async Task EmptyNextSlotAsync(NpgsqlConnection connection, long now, CancellationToken cancellationToken)
    {
        long next = (now / TimeSpan.TicksPerHour + 1) % 4;
        bool isNeeded = await connection.ScalarAsync(
            """
            select true from glm.frames f join glm.generations g on g.worker = f.incarnation and f.number > g.from_frame
            where f.slot = $1 limit 1
            """,
            cancellationToken,
            (short)next) is true;
        if (isNeeded || await connection.ScalarAsync("select true from glm.frames where slot = $1 limit 1", cancellationToken, (short)next) is not true)
        {
            return;
        }

        await connection.ExecuteAsync(
            """
            update glm.incarnations i set last_frame = greatest(last_frame, f.number)
            from (select incarnation, max(number) as number from glm.frames where slot = $1 group by incarnation) f
            where i.id = f.incarnation and not i.is_sealed
            """,
            cancellationToken,
            (short)next);
        await connection.ExecuteAsync($"truncate glm.frames_{next}", cancellationToken);
    }
}
