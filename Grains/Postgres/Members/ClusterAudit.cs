using System.Globalization;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>What a cluster has counted, and what it has not let go of; for whoever checks that nothing gets lost in it.</summary>
/// <param name="Leftovers">What must come to nothing once no client asks any more, with how much there is of it.</param>
/// <param name="FreeBlocks">KV blocks that no sequence holds, of each silo that has beaten.</param>
/// <param name="CompletionTokens">Tokens of every answer whose usage was counted, by its id.</param>
public sealed record ClusterAudit(
    IReadOnlyDictionary<string, long> Leftovers, IReadOnlyList<int> FreeBlocks, IReadOnlyDictionary<string, int> CompletionTokens);

/// <summary>Reads a <see cref="ClusterAudit"/>; joins nothing and changes nothing.</summary>
internal static class ClusterAuditReader
{
    private static readonly (string What, string Sql)[] Leftovers =
    [
        ("unfinished generations", "select count(*) from glm.generations where ended_at is null"),
        ("reserved conversations", "select count(*) from glm.conversations where running is not null"),
        ("untaken commands", "select count(*) from glm.commands c join glm.incarnations i on i.id = c.incarnation where not i.is_sealed"),
        ("readers", "select count(*) from glm.readers"),
        ("sequences in silos", "select coalesce(sum(b.running), 0) from glm.incarnations i join glm.beats b on b.member = i.id where not i.is_sealed"),
    ];

    public static async Task<ClusterAudit> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        Dictionary<string, long> leftovers = new(StringComparer.Ordinal);
        foreach ((string what, string sql) in Leftovers)
        {
            leftovers[what] = Convert.ToInt64(await connection.ScalarAsync(sql, cancellationToken), CultureInfo.InvariantCulture);
        }

        List<int> blocks = await connection.QueryAsync(
            "select b.free_blocks from glm.incarnations i join glm.beats b on b.member = i.id where not i.is_sealed and b.counter > 0",
            row => row.GetInt32(0),
            cancellationToken);
        List<(string Id, int Tokens)> usage = await connection.QueryAsync(
            "select generation, completion_tokens from glm.usage", row => (row.GetString(0), row.GetInt32(1)), cancellationToken);
        return new ClusterAudit(leftovers, blocks, usage.ToDictionary(row => row.Id, row => row.Tokens, StringComparer.Ordinal));
    }
}
