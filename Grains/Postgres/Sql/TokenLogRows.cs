using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Logs: their chunks, and the frames that hold what no chunk has yet.</summary>
internal static class TokenLogRows
{
    /// <summary>Adds a chunk and moves the place up to which frames are not needed any more.</summary>
    /// <param name="connection">Inside a transaction, or with <paramref name="worker"/> set.</param>
    /// <param name="generation">Whose.</param>
    /// <param name="entries">They follow the last chunk.</param>
    /// <param name="fromFrame">The worker's last frame that the chunk covers; null: as before.</param>
    /// <param name="worker">Writes only while this unsealed incarnation has the generation; null: always.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static async Task AppendAsync(
        NpgsqlConnection connection,
        GenerationId generation,
        ImmutableArray<LogEntry> entries,
        long? fromFrame,
        Guid? worker,
        CancellationToken cancellationToken)
    {
        if (entries.IsEmpty)
        {
            return;
        }

        long last = entries[^1].FirstSeq + entries[^1].Ids.Length - 1;
        await connection.ExecuteAsync(
            """
            with fence as (select id from glm.incarnations where id = $6::uuid and not is_sealed for share),
            moved as (
                update glm.generations set logged_tokens = $4, from_frame = coalesce($5::bigint, from_frame)
                where id = $1 and ($6::uuid is null or worker = (select id from fence)) returning id)
            insert into glm.token_log (generation, first_seq, entries) select id, $2, $3 from moved on conflict do nothing
            """,
            cancellationToken,
            generation.ToString(),
            entries[0].FirstSeq,
            LogCodec.Encode(entries),
            last,
            fromFrame,
            worker);
    }

    /// <summary>The log of a generation from some token on; entries may begin before it, and overlap.</summary>
    /// <param name="connection">Any; both statements are one batch.</param>
    /// <param name="id">Whose.</param>
    /// <param name="afterSeq">Tokens that the caller has.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    public static async Task<List<LogEntry>> ReadAsync(
        NpgsqlConnection connection, GenerationId id, long afterSeq, CancellationToken cancellationToken)
    {
        // One statement sees one moment: a chunk that is written meanwhile does not open a hole between chunks and frames.
        List<byte[]> parts = await connection.QueryAsync(
            """
            select entries from (
                select 0 as source, first_seq as place, entries from glm.token_log
                where generation = $1
                and first_seq >= coalesce((select max(first_seq) from glm.token_log where generation = $1 and first_seq <= $2 + 1), 0)
                union all
                select 1, f.number, f.entries from glm.generations g
                join glm.frames f on f.incarnation = g.worker and f.number > g.from_frame
                where g.id = $1) parts
            order by source, place
            """,
            row => row.Bytes(0),
            cancellationToken,
            id.ToString(),
            afterSeq);
        return [.. parts.SelectMany(part => LogCodec.Decode(part)).Where(entry => entry.Generation == id)];
    }

    public static async Task<TokenLog> ReadWholeAsync(NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken)
    {
        var log = new TokenLog();
        var nobody = new ReaderWaker();
        (await ReadAsync(connection, id, 0, cancellationToken)).ForEach(entry => log.Append(entry, nobody));
        return log;
    }
}
