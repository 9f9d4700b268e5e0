using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>Takes a worker's work away: seals it, reads its frames to the end, and gives its generations to others, or parks them.</summary>
internal sealed class Takeover(ClusterClock clock, ReaderMoves readers, DispatchPass dispatch, EndWriter ends)
{
    private const int MostWorkersLostAlone = 2;

    private const string WorkerLostMessage =
        "Two workers in a row failed while they ran only this request, before it got a token. It is not tried again; report it with the server's log.";

    /// <summary>
    /// 1. The seal: what the worker writes from here on is refused; a frame in flight is waited for.
    /// 2. Its frames become chunks of the logs they belong to.
    /// 3. Its generations are settled: cancelled, failed, waiting, or parked.
    /// 4. What waits goes to other workers.
    /// </summary>
    /// <returns>The worker and its unfinished generations; null: it was sealed before. One transaction, which may be repeated.</returns>
    public async Task<(WorkerCard Card, int Unfinished)?> RunAsync(
        NpgsqlConnection connection, IncarnationId incarnation, bool isDead, CancellationToken cancellationToken)
    {
        if (await WorkerRows.FindUnsealedAsync(connection, incarnation, cancellationToken) is not { } card)
        {
            return null;
        }

        // 1.
        await Wakeups.LockAsync(connection, card.Model, cancellationToken);
        if (!await WorkerRows.SealAsync(connection, incarnation, clock.Now, cancellationToken))
        {
            return null;
        }

        await WorkerRows.ForgetMemberAsync(connection, incarnation.Value, cancellationToken);
        await Wakeups.SendAsync(connection, Wakeups.Members, "", cancellationToken);

        // 2. and 3.
        List<GenerationRow> unfinished = await GenerationRows.LockOfWorkerAsync(connection, incarnation.Value, cancellationToken);
        foreach (GenerationRow row in unfinished)
        {
            TokenLog log = await TokenLogRows.ReadWholeAsync(connection, row.Id, cancellationToken);
            await TokenLogRows.AppendAsync(
                connection, row.Id, log.EntriesAfter((int)row.LoggedTokens, row.Id), fromFrame: null, worker: null, cancellationToken);
            await SettleAsync(connection, row with { LoggedTokens = log.Count }, isDead, wasAlone: unfinished.Count == 1, cancellationToken);
        }

        await RestartWaitAsync(connection, card.Model, cancellationToken);

        // 4.
        await dispatch.RunAsync(connection, card.Model, cancellationToken);
        return (card, unfinished.Count);
    }

    /// <summary>
    /// A worker died with this generation. One that got no token from it is suspect, and shows whether it is the cause when it runs alone. One that
    /// got tokens goes on in company: to run alone it would have to wait until another worker's answers end, and with a silo that is killed that
    /// would be every stream it had. If it is the cause, it dies again before its next token, and is suspect then.
    /// </summary>
    private async Task SettleAsync(NpgsqlConnection connection, GenerationRow row, bool isDead, bool wasAlone, CancellationToken cancellationToken)
    {
        int lostAlone = row.WorkersLostAlone;
        if (isDead)
        {
            bool gotTokens = row.LoggedTokens > row.TokensAtDispatch;
            lostAlone = wasAlone && !gotTokens ? row.WorkersLostAlone + 1 : 0;
            await connection.ExecuteAsync(
                "update glm.generations set is_suspect = $2, workers_lost_alone = $3 where id = $1",
                cancellationToken,
                row.Id.ToString(),
                !gotTokens,
                lostAlone);
        }

        if (lostAlone >= MostWorkersLostAlone && !row.IsCancelRequested)
        {
            await ends.WriteAsync(
                connection, row, EndReason.Failed, new GenerationFault(GenerationFaultCode.WorkerLost, WorkerLostMessage), cancellationToken);
            return;
        }

        await readers.SettleAsync(connection, row, keepDeadline: false, cancellationToken);
    }

    /// <summary>Where the last worker of a model left, the wait for another one begins now.</summary>
    private async Task RestartWaitAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken)
    {
        if (await connection.ScalarAsync(
            "select true from glm.incarnations where model_name = $1 and model_hash = $2 and not is_sealed limit 1",
            cancellationToken,
            model.Name,
            model.ContentHash) is true)
        {
            return;
        }

        List<GenerationId> waiting = await connection.QueryAsync(
            "select id from glm.generations where model_name = $1 and model_hash = $2 and ended_at is null and state = 1",
            row => row.Id(0),
            cancellationToken,
            model.Name,
            model.ContentHash);
        foreach (GenerationRow row in await GenerationRows.FindAllAsync(connection, waiting, cancellationToken))
        {
            await connection.ExecuteAsync(
                "update glm.generations set deadline = $2 where id = $1", cancellationToken, row.Id.ToString(), readers.DeadlineOf(row));
        }
    }
}
