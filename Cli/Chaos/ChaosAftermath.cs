using System.Text.Json.Nodes;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Members;

namespace GlmCluster.Cli.Chaos;

/// <summary>What must hold once every client has its answers and all works again.</summary>
internal sealed class ChaosAftermath(ChaosCluster cluster, ChaosClient client)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits until all silos are there, idle.</summary>
    /// <returns>KV blocks that each of them has.</returns>
    public async Task<int> WaitForBlocksAsync(int silos, CancellationToken cancellationToken)
    {
        while (true)
        {
            ClusterAudit audit = await PostgresFabric.ReadAuditAsync(cluster.ConnectionString, cancellationToken);
            if (audit.FreeBlocks.Count == silos && audit.FreeBlocks[0] > 0 && audit.FreeBlocks.All(count => count == audit.FreeBlocks[0]))
            {
                return audit.FreeBlocks[0];
            }

            await Task.Delay(Between, cancellationToken);
        }
    }

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
            ClusterAudit audit = await PostgresFabric.ReadAuditAsync(cluster.ConnectionString, cancellationToken);
            List<string> left = [.. audit.Leftovers.Where(pair => pair.Value > 0).Select(pair => $"{pair.Value} {pair.Key}")];
            if (audit.FreeBlocks.Count != silos || audit.FreeBlocks.Any(count => count != blocks))
            {
                left.Add($"free KV blocks {string.Join(", ", audit.FreeBlocks)} instead of {blocks} in each of {silos} silos");
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
        ClusterAudit audit = await PostgresFabric.ReadAuditAsync(cluster.ConnectionString, cancellationToken);
        int right = audit.CompletionTokens.Count(usage => answers.TryGetValue(usage.Key, out int tokens) && tokens == usage.Value);
        return answers.Count - right + audit.CompletionTokens.Keys.Count(id => !answers.ContainsKey(id));
    }

    /// <summary>A conversation must hold all its answers in order.</summary>
    public async Task<bool> IsWholeAsync(IReadOnlyList<Delivery> answers, CancellationToken cancellationToken)
    {
        JsonNode? conversation = await client.GetAsync($"/v1/conversations/{answers[0].Id}", cancellationToken);
        IEnumerable<string?> kept = conversation?["messages"]?.AsArray()
            .Where(message => (string?)message!["role"] == "assistant").Select(message => (string?)message!["content"]) ?? [];
        return kept.SequenceEqual(answers.Select(answer => answer.Text(0)));
    }
}
