using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>Writes an end: the rest of the log, the reason, the usage, and the turn in the conversation, all in the caller's transaction.</summary>
internal sealed class EndWriter(ClusterClock clock)
{
    /// <param name="connection">Inside a transaction that has the generation locked, in which it has not ended.</param>
    /// <param name="row">As locked.</param>
    /// <param name="log">The whole log.</param>
    /// <param name="end">Reason and usage.</param>
    /// <param name="keptTokens">Ids of choice 0 that the conversation keeps.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public async Task WriteAsync(
        NpgsqlConnection connection, GenerationRow row, TokenLog log, GenerationEnd end, int keptTokens, CancellationToken cancellationToken)
    {
        GenerationRequest request = row.Request;
        long now = clock.Now;
        await TokenLogRows.AppendAsync(
            connection, row.Id, log.EntriesAfter((int)row.LoggedTokens, row.Id), fromFrame: null, worker: null, cancellationToken);
        await GenerationRows.EndAsync(connection, row.Id, end, keptTokens, now, cancellationToken);
        await GenerationRows.CountUsageAsync(connection, request, end.Usage, now, cancellationToken);
        if (request.Turn is not null && end.Reason is EndReason.Stop or EndReason.Length)
        {
            ImmutableArray<int> kept =
                [.. log.ToEntries(row.Id).Where(entry => entry.Choice == 0).SelectMany(entry => entry.Ids).Take(keptTokens)];
            await ConversationRows.AppendAsync(connection, request, kept, now, cancellationToken);
        }
        else if (request.Turn is not null)
        {
            await ConversationRows.ReleaseAsync(connection, row.Id, now, cancellationToken);
        }

        await connection.ExecuteAsync("delete from glm.readers where generation = $1", cancellationToken, row.Id.ToString());
        await Wakeups.SendMovedAsync(connection, row.Id, cancellationToken);
    }

    /// <summary>Ends a generation that no worker has.</summary>
    public async Task WriteAsync(
        NpgsqlConnection connection, GenerationRow row, EndReason reason, GenerationFault? fault, CancellationToken cancellationToken)
    {
        TokenLog log = await TokenLogRows.ReadWholeAsync(connection, row.Id, cancellationToken);
        var end = new GenerationEnd(reason, new TokenUsage(row.Request.PromptIds.Length, log.Count), fault);
        await WriteAsync(connection, row, log, end, keptTokens: 0, cancellationToken);
    }
}
