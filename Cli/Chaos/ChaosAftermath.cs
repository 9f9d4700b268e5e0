using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;

namespace GlmCluster.Cli.Chaos;

/// <summary>What must hold once every client has its answers and all works again.</summary>
internal sealed class ChaosAftermath(ChaosCluster cluster, ChaosClient client)
{
    /// <summary>Each counts what is left over; all must come to 0.</summary>
    private static readonly (string What, string Sql)[] Leftovers =
    [
        ("unfinished generations", "select count(*) from glm.generations where ended_at is null"),
        ("reserved conversations", "select count(*) from glm.conversations where running is not null"),
        ("commands that nobody took", "select count(*) from glm.commands c join glm.incarnations i on i.id = c.incarnation where not i.is_sealed"),
        ("readers that nobody took off", "select count(*) from glm.readers"),
        ("sequences in silos", "select coalesce(sum(b.running), 0) from glm.incarnations i join glm.beats b on b.member = i.id where not i.is_sealed"),
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    /// <summary>KV blocks that no sequence holds, by silo.</summary>
    public async Task<int[]> FreeBlocksAsync(CancellationToken cancellationToken) => await ReadAsync(
        "select b.free_blocks from glm.incarnations i join glm.beats b on b.member = i.id where not i.is_sealed and b.counter > 0",
        row => row.GetInt32(0),
        cancellationToken);

    /// <summary>Waits until nothing is left over.</summary>
    /// <param name="blocks">KV blocks of an idle silo.</param>
    /// <param name="silos">How many there must be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is still left over, for people.</returns>
    public async Task<List<string>> FindLeftoversAsync(int blocks, int silos, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            List<string> left = [];
            foreach ((string what, string sql) in Leftovers)
            {
                long count = (await ReadAsync(sql, row => Convert.ToInt64(row.GetValue(0), CultureInfo.InvariantCulture), cancellationToken))[0];
                if (count > 0)
                {
                    left.Add($"{count} {what}");
                }
            }

            int[] free = await FreeBlocksAsync(cancellationToken);
            if (free.Length != silos || free.Any(count => count != blocks))
            {
                left.Add($"free KV blocks {string.Join(", ", free)} instead of {blocks} in each of {silos} silos");
            }

            if (left.Count == 0 || TimeProvider.System.GetElapsedTime(start) > Patience)
            {
                return left;
            }

            await Task.Delay(Between, cancellationToken);
        }
    }

    /// <summary>Every answer's usage must be there once, and no other.</summary>
    /// <param name="answers">Ids and tokens.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    /// <returns>Answers whose usage differs or is missing, and usage of answers that nobody got.</returns>
    public async Task<int> CountUsageFaultsAsync(IReadOnlyDictionary<string, int> answers, CancellationToken cancellationToken)
    {
        (string Id, int Tokens)[] counted = await ReadAsync(
            "select generation, completion_tokens from glm.usage", row => (row.GetString(0), row.GetInt32(1)), cancellationToken);
        int right = counted.Count(usage => answers.TryGetValue(usage.Id, out int tokens) && tokens == usage.Tokens);
        return answers.Count - right + counted.Count(usage => !answers.ContainsKey(usage.Id));
    }

    /// <summary>A conversation must hold all its answers in order.</summary>
    public async Task<bool> IsWholeAsync(IReadOnlyList<Delivery> answers, CancellationToken cancellationToken)
    {
        JsonNode? conversation = await client.GetAsync($"/v1/conversations/{answers[0].Id}", cancellationToken);
        IEnumerable<string?> kept = conversation?["messages"]?.AsArray()
            .Where(message => (string?)message!["role"] == "assistant").Select(message => (string?)message!["content"]) ?? [];
        return kept.SequenceEqual(answers.Select(answer => answer.Text(0)));
    }

    private async Task<T[]> ReadAsync<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(cluster.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await using NpgsqlDataReader rows = await command.ExecuteReaderAsync(cancellationToken);
        List<T> found = [];
        while (await rows.ReadAsync(cancellationToken))
        {
            found.Add(read(rows));
        }

        return [.. found];
    }
}
