using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>The cluster as the database has it, for operators.</summary>
/// <param name="Gateways">By name.</param>
/// <param name="Silos">By name; one entry per worker, and one per silo that has none yet.</param>
/// <param name="Models">By name.</param>
public sealed record ClusterStatus(
    IReadOnlyList<GatewayStatus> Gateways, IReadOnlyList<SiloStatus> Silos, IReadOnlyList<ModelStatus> Models);

/// <param name="Name">Host and port.</param>
/// <param name="Streams">Unfinished generations that its clients read.</param>
/// <param name="BeatAgeSeconds">Since it last showed that it lives; others take it for dead after 3 s.</param>
public sealed record GatewayStatus(string Name, int Streams, double BeatAgeSeconds);

/// <param name="Name">Host, device and port.</param>
/// <param name="State"><c>working</c>; <c>draining</c>: told to stop, it hands over what it has; <c>loading</c>: it has no worker yet.</param>
/// <param name="Model">What it runs; empty while it loads.</param>
/// <param name="ContentHash">Which weights.</param>
/// <param name="Assigned">Generations it has.</param>
/// <param name="Capacity">Most it takes, waiting ones included.</param>
/// <param name="MaxSequences">Most it runs at once.</param>
/// <param name="FreeBlocks">KV blocks not in use.</param>
/// <param name="BeatAgeSeconds">Since its loop last turned or was idle.</param>
public sealed record SiloStatus(
    string Name, string State, string Model, string ContentHash, int Assigned, int Capacity, int MaxSequences, int FreeBlocks, double BeatAgeSeconds);

/// <param name="Name">As clients write it.</param>
/// <param name="ContentHash">Which weights.</param>
/// <param name="Workers">Unsealed ones.</param>
/// <param name="Running">Generations that a worker has.</param>
/// <param name="Waiting">Generations that wait for a worker.</param>
/// <param name="Parked">Generations that wait for their client.</param>
/// <param name="Finished">Generations that ended within the last hour.</param>
/// <param name="CacheHitRate">Share of their prompt tokens that were found in a prefix cache, 0 to 1.</param>
public sealed record ModelStatus(
    string Name, string ContentHash, int Workers, int Running, int Waiting, int Parked, long Finished, double CacheHitRate);

/// <summary>Reads a <see cref="ClusterStatus"/>; joins nothing and changes nothing.</summary>
internal static class ClusterStatusReader
{
    private static readonly TimeSpan Recent = TimeSpan.FromHours(1);

    private const string GatewaysSql =
        """
        select p.name, (select count(*)::int from glm.readers r where r.gateway = p.id),
            coalesce(extract(epoch from clock_timestamp() - b.beat_at), 0)::float8
        from glm.processes p left join glm.beats b on b.member = p.id where p.role = 'gateway' order by p.name
        """;

    private const string SilosSql =
        """
        select i.name, case when i.is_draining then 'draining' else 'working' end, i.model_name, i.model_hash, (select count(*)::int from glm.generations g where g.worker = i.id),
            i.max_sequences + i.max_queued, i.max_sequences, coalesce(b.free_blocks, 0),
            coalesce(extract(epoch from clock_timestamp() - b.beat_at), 0)::float8
        from glm.incarnations i left join glm.beats b on b.member = i.id where not i.is_sealed
        union all
        select p.name, 'loading', '', '', 0, 0, 0, 0, coalesce(extract(epoch from clock_timestamp() - b.beat_at), 0)::float8
        from glm.processes p left join glm.beats b on b.member = p.id
        where p.role = 'silo' and not exists (select 1 from glm.incarnations i where i.name = p.name and not i.is_sealed)
        order by 1
        """;

    private const string ModelsSql =
        """
        select c.name, c.content_hash,
            (select count(*)::int from glm.incarnations i where i.model_name = c.name and i.model_hash = c.content_hash and not i.is_sealed),
            count(g.id) filter (where g.state in (2, 3))::int, count(g.id) filter (where g.state = 1)::int,
            count(g.id) filter (where g.state = 4)::int,
            max(recent.finished), max(recent.hits)
        from glm.model_cards c
        cross join lateral (
            select count(*) as finished, coalesce(sum(cached_tokens)::float8 / nullif(sum(prompt_tokens), 0), 0) as hits from glm.usage u
            where u.model_name = c.name and u.model_hash = c.content_hash and u.ended_at > $1) recent
        left join glm.generations g on g.model_name = c.name and g.model_hash = c.content_hash and g.ended_at is null
        group by c.name, c.content_hash order by c.name, c.content_hash
        """;

    public static async Task<ClusterStatus> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => new(
        await connection.QueryAsync(
            GatewaysSql, row => new GatewayStatus(row.GetString(0), row.GetInt32(1), row.GetDouble(2)), cancellationToken),
        await connection.QueryAsync(
            SilosSql,
            row => new SiloStatus(
                row.GetString(0),
                row.GetString(1),
                row.GetString(2),
                row.GetString(3),
                row.GetInt32(4),
                row.GetInt32(5),
                row.GetInt32(6),
                row.GetInt32(7),
                row.GetDouble(8)),
            cancellationToken),
        await connection.QueryAsync(
            ModelsSql,
            row => new ModelStatus(
                row.GetString(0),
                row.GetString(1),
                row.GetInt32(2),
                row.GetInt32(3),
                row.GetInt32(4),
                row.GetInt32(5),
                row.GetInt64(6),
                row.GetDouble(7)),
            cancellationToken,
            await NowAsync(connection, cancellationToken) - Recent.Ticks));

    /// <summary>UTC ticks, as usage has them.</summary>
    private static async Task<long> NowAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ((DateTime)(await connection.ScalarAsync("select clock_timestamp()", cancellationToken))!).Ticks;
}
