using System.Collections.Concurrent;
using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>What this incarnation prepares while another one, which drains, still runs it. Thread-safe.</summary>
internal sealed class IncomingHandovers(IncarnationId incarnation, PostgresStore store)
{
    /// <summary>
    /// Tokens that a log may have grown by while it was prepared. The successor computes them between the old worker's last token and its own first:
    /// as many as a step reads beside others without anybody noticing.
    /// </summary>
    private const int MostTokensBehind = 32;

    /// <summary>Where a worker prepares no faster than another one decodes, it never catches up.</summary>
    private const int MostRounds = 10;

    private readonly ConcurrentDictionary<GenerationId, Preparation> _preparing = new();

    /// <summary>Reads what is to be prepared.</summary>
    public async Task<List<PrepareGeneration>> ReadAsync(
        NpgsqlConnection connection, IEnumerable<GenerationId> generations, CancellationToken cancellationToken)
    {
        List<PrepareGeneration> commands = [];
        foreach (GenerationRow row in await GenerationRows.FindAllAsync(connection, generations, cancellationToken))
        {
            if (row.Successor == incarnation.Value && row.State == GenerationRowState.Assigned)
            {
                TokenLog log = await TokenLogRows.ReadWholeAsync(connection, row.Id, cancellationToken);
                commands.Add(Start(row.Request, log, rounds: 1));
            }
        }

        return commands;
    }

    /// <summary>A preparation is done.</summary>
    /// <returns>What is to be prepared in addition; null: nothing, for the generation is being handed over, or is not to be any more.</returns>
    public async Task<PrepareGeneration?> ConfirmAsync(GenerationId generation)
    {
        if (!_preparing.TryRemove(generation, out Preparation? done))
        {
            return null;
        }

        TokenLog log = await store.RunAsync(
            PostgresStore.WorkerPatience, (connection, token) => TokenLogRows.ReadWholeAsync(connection, generation, token));
        if (log.Count - done.Tokens > MostTokensBehind && done.Rounds < MostRounds)
        {
            return Start(done.Request, log, done.Rounds + 1);
        }

        await store.TransactAsync(
            PostgresStore.WorkerPatience, (connection, token) => Handover.SwitchAsync(connection, done.Request, incarnation, token));
        return null;
    }

    private PrepareGeneration Start(GenerationRequest request, TokenLog log, int rounds)
    {
        ImmutableArray<LogEntry> entries = log.ToEntries(request.Id);
        _preparing[request.Id] = new Preparation(request, log.Count, rounds);
        return new PrepareGeneration(request, entries);
    }

    private sealed record Preparation(GenerationRequest Request, int Tokens, int Rounds);
}
