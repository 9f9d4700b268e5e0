using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>A worker as its row has it.</summary>
/// <param name="Status">What the directory shows.</param>
/// <param name="Url">Where its live path is; null: nowhere.</param>
/// <param name="DigestNumber">Of its digest, which is left out of the status where the caller has it.</param>
internal sealed record WorkerRow(WorkerStatus Status, Uri? Url, long DigestNumber);

/// <summary>Incarnations of workers, processes, and the beats of both.</summary>
internal static class WorkerRows
{
    public static Task<int> InsertAsync(
        NpgsqlConnection connection, IncarnationId incarnation, WorkerCard card, Uri? url, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.incarnations (id, name, model_name, model_hash, max_sequences, max_queued, numerics_class, prefix_seed, shares_by_caller, url)
            values ($1, $2, $3, $4, $5, $6, $7::text, $8::text, $9, $10::text) on conflict do nothing
            """,
            cancellationToken,
            incarnation.Value,
            card.Name,
            card.Model.Name,
            card.Model.ContentHash,
            card.MaxSequences,
            card.MaxQueued,
            card.NumericsClass,
            card.PrefixSeed,
            card.SharesByCaller,
            url?.ToString());

    /// <summary>Unsealed workers in the order they joined.</summary>
    public static Task<List<WorkerRow>> ListAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ListAsync(connection, [], cancellationToken);

    /// <summary>The same without the digests that the caller has already.</summary>
    public static Task<List<WorkerRow>> ListAsync(NpgsqlConnection connection, long[] knownDigests, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            """
            select i.id, i.name, i.model_name, i.model_hash, i.max_sequences, i.max_queued, i.numerics_class, i.prefix_seed, i.shares_by_caller, i.url,
                b.counter, b.running, b.free_blocks, b.digest_number, case when b.digest_number = any($1) then null else b.prefix_digest end,
                (select count(*)::int from glm.generations g where g.worker = i.id)
            from glm.incarnations i left join glm.beats b on b.member = i.id
            where not i.is_sealed order by i.joined_number
            """,
            Read,
            cancellationToken,
            (object)knownDigests);

    public static async Task<WorkerCard?> FindUnsealedAsync(NpgsqlConnection connection, IncarnationId incarnation, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(
            """
            select name, model_name, model_hash, max_sequences, max_queued, numerics_class, prefix_seed, shares_by_caller
            from glm.incarnations where id = $1 and not is_sealed
            """,
            row => ReadCard(row, firstColumn: 0),
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
            insert into glm.beats as b (member, counter, running, free_blocks, prefix_digest) values ($1, $2, $3, $4, $5)
            on conflict (member) do update set counter = excluded.counter, running = excluded.running,
                free_blocks = excluded.free_blocks, prefix_digest = excluded.prefix_digest, beat_at = clock_timestamp(),
                digest_number = case when b.prefix_digest = excluded.prefix_digest then b.digest_number else nextval('glm.digest_numbers') end
            """,
            cancellationToken,
            member,
            beat.Counter,
            beat.RunningSequences,
            beat.FreeBlocks,
            beat.PrefixDigest.IsDefault ? [] : beat.PrefixDigest.ToArray());

    /// <summary>Reads name, model_name, model_hash, max_sequences, max_queued, numerics_class, prefix_seed, shares_by_caller.</summary>
    public static WorkerCard ReadCard(NpgsqlDataReader row, int firstColumn) => new(
        row.GetString(firstColumn),
        new ModelReference(row.GetString(firstColumn + 1), row.GetString(firstColumn + 2)),
        row.GetInt32(firstColumn + 3),
        row.GetInt32(firstColumn + 4),
        row.TextOrNull(firstColumn + 5),
        row.TextOrNull(firstColumn + 6),
        row.GetBoolean(firstColumn + 7));

    private static WorkerRow Read(NpgsqlDataReader row)
    {
        WorkerBeat? beat = row.IsDBNull(10)
            ? null
            : new WorkerBeat(row.GetInt64(10), row.GetInt32(11), row.GetInt32(12), row.IsDBNull(14) ? [] : [.. row.Bytes(14)]);
        var status = new WorkerStatus(new IncarnationId(row.GetGuid(0)), ReadCard(row, firstColumn: 1), beat, row.GetInt32(15));
        return new WorkerRow(status, row.TextOrNull(9) is string url ? new Uri(url) : null, row.IsDBNull(13) ? 0 : row.GetInt64(13));
    }
}
