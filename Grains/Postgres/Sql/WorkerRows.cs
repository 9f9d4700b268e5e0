using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>A worker as its row has it.</summary>
/// <param name="Status">What the directory shows.</param>
/// <param name="Url">Where its live path is; null: nowhere.</param>
internal sealed record WorkerRow(WorkerStatus Status, Uri? Url);

/// <summary>Incarnations of workers, processes, and the beats of both.</summary>
internal static class WorkerRows
{
    public static Task<int> InsertAsync(
        NpgsqlConnection connection, IncarnationId incarnation, WorkerCard card, Uri? url, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.incarnations (id, name, model_name, model_hash, max_sequences, max_queued, numerics_class, url)
            values ($1, $2, $3, $4, $5, $6, $7::text, $8::text) on conflict do nothing
            """,
            cancellationToken,
            incarnation.Value,
            card.Name,
            card.Model.Name,
            card.Model.ContentHash,
            card.MaxSequences,
            card.MaxQueued,
            card.NumericsClass,
            url?.ToString());

    /// <summary>Unsealed workers in the order they joined.</summary>
    public static Task<List<WorkerRow>> ListAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => connection.QueryAsync(
        """
        select i.id, i.name, i.model_name, i.model_hash, i.max_sequences, i.max_queued, i.numerics_class, i.url,
            b.counter, b.running, b.free_blocks, b.prefix_digest,
            (select count(*)::int from glm.generations g where g.worker = i.id)
        from glm.incarnations i left join glm.beats b on b.member = i.id
        where not i.is_sealed order by i.joined_number
        """,
        Read,
        cancellationToken);

    public static async Task<WorkerCard?> FindUnsealedAsync(NpgsqlConnection connection, IncarnationId incarnation, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(
            """
            select name, model_name, model_hash, max_sequences, max_queued, numerics_class from glm.incarnations where id = $1 and not is_sealed
            """,
            row => new WorkerCard(
                row.GetString(0), new ModelReference(row.GetString(1), row.GetString(2)), row.GetInt32(3), row.GetInt32(4), row.TextOrNull(5)),
            cancellationToken,
            incarnation.Value)).FirstOrDefault();

    /// <summary>Refuses everything the incarnation writes from here on; waits for a frame that is being written.</summary>
    /// <returns>False: it was sealed before.</returns>
    public static async Task<bool> SealAsync(NpgsqlConnection connection, IncarnationId incarnation, long now, CancellationToken cancellationToken) =>
        await connection.ExecuteAsync(
            "update glm.incarnations set is_sealed = true, sealed_at = $2 where id = $1 and not is_sealed", cancellationToken, incarnation.Value, now) == 1;

    /// <summary>Holds an incarnation unsealed until the end of the transaction. False: it is sealed.</summary>
    public static async Task<bool> FenceAsync(NpgsqlConnection connection, IncarnationId incarnation, CancellationToken cancellationToken) =>
        await connection.ScalarAsync(
            "select true from glm.incarnations where id = $1 and not is_sealed for share", cancellationToken, incarnation.Value) is true;

    public static async Task ForgetMemberAsync(NpgsqlConnection connection, Guid member, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync("delete from glm.beats where member = $1", cancellationToken, member);
        await connection.ExecuteAsync("delete from glm.commands where incarnation = $1", cancellationToken, member);
        await connection.ExecuteAsync("delete from glm.processes where id = $1", cancellationToken, member);
    }

    public static Task<int> BeatAsync(NpgsqlConnection connection, Guid member, WorkerBeat beat, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.beats (member, counter, running, free_blocks, prefix_digest) values ($1, $2, $3, $4, $5)
            on conflict (member) do update set counter = excluded.counter, running = excluded.running,
                free_blocks = excluded.free_blocks, prefix_digest = excluded.prefix_digest, beat_at = clock_timestamp()
            """,
            cancellationToken,
            member,
            beat.Counter,
            beat.RunningSequences,
            beat.FreeBlocks,
            beat.PrefixDigest.IsDefault ? [] : beat.PrefixDigest.ToArray());

    private static WorkerRow Read(NpgsqlDataReader row)
    {
        var card = new WorkerCard(
            row.GetString(1), new ModelReference(row.GetString(2), row.GetString(3)), row.GetInt32(4), row.GetInt32(5), row.TextOrNull(6));
        WorkerBeat? beat = row.IsDBNull(8)
            ? null
            : new WorkerBeat(row.GetInt64(8), row.GetInt32(9), row.GetInt32(10), [.. row.Bytes(11)]);
        var status = new WorkerStatus(new IncarnationId(row.GetGuid(0)), card, beat, row.GetInt32(12));
        return new WorkerRow(status, row.TextOrNull(7) is string url ? new Uri(url) : null);
    }
}
