using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>What readers cause: they come, leave, and cancel. Each method is a transaction that may be repeated.</summary>
internal sealed class ReaderMoves(PostgresFabricOptions options, ClusterClock clock, DispatchPass dispatch, EndWriter ends)
{
    /// <summary>Counts a gateway in, but for a parked generation, which <see cref="WakeAsync"/> must wake.</summary>
    /// <returns>As it is now; null: there is none.</returns>
    public static async Task<GenerationRow?> AttachAsync(
        NpgsqlConnection connection, GenerationId id, Guid gateway, CancellationToken cancellationToken)
    {
        GenerationRow? row = await GenerationRows.LockAsync(connection, id, cancellationToken);
        if (row is { State: not GenerationRowState.Ended and not GenerationRowState.Parked })
        {
            await CountInAsync(connection, id, gateway, cancellationToken);
        }

        return row;
    }

    /// <summary>Counts a gateway in; a parked generation runs on, unless its time is over.</summary>
    /// <param name="connection">Inside a transaction.</param>
    /// <param name="request">Whose.</param>
    /// <param name="gateway">The reader's.</param>
    /// <param name="cameAt">UTC ticks at which the reader came.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public async Task<GenerationRow?> WakeAsync(
        NpgsqlConnection connection, GenerationRequest request, Guid gateway, long cameAt, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, request.Model, cancellationToken);
        GenerationRow? row = await AttachAsync(connection, request.Id, gateway, cancellationToken);
        if (row is not { State: GenerationRowState.Parked })
        {
            return row;
        }

        if (row.IsCancelRequested || cameAt >= row.Deadline)
        {
            await ends.WriteAsync(connection, row, EndReason.Cancelled, fault: null, cancellationToken);
        }
        else
        {
            await CountInAsync(connection, request.Id, gateway, cancellationToken);
            await GenerationRows.SettleAsync(connection, request.Id, GenerationRowState.Pending, DeadlineOf(row), cancellationToken);
            await dispatch.RunAsync(connection, request.Model, cancellationToken);
        }

        return await GenerationRows.FindAsync(connection, request.Id, cancellationToken);
    }

    /// <summary>Counts a gateway out. The last one's leaving before the end parks or cancels, as the request says.</summary>
    public async Task<bool> DetachAsync(NpgsqlConnection connection, GenerationRequest request, Guid gateway, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, request.Model, cancellationToken);
        GenerationRow? row = await GenerationRows.LockAsync(connection, request.Id, cancellationToken);
        await connection.ExecuteAsync(
            "delete from glm.readers where generation = $1 and gateway = $2", cancellationToken, request.Id.ToString(), gateway);
        if (row is null or { State: GenerationRowState.Ended or GenerationRowState.Parked or GenerationRowState.Parking }
            || row.RunsUnread
            || row.IsCancelRequested
            || await HasReadersAsync(connection, request.Id, cancellationToken))
        {
            return false;
        }

        if (request.OnDisconnect == DisconnectPolicy.Cancel)
        {
            await RequestCancelAsync(connection, row, cancellationToken);
            return true;
        }

        long deadline = clock.Now + options.ResumeWindow.Ticks;
        if (row.Worker is { } worker)
        {
            await connection.ExecuteAsync(
                "update glm.generations set state = 3, deadline = $2 where id = $1", cancellationToken, row.Id.ToString(), deadline);
            await WorkerCommands.SendAsync(connection, worker, WorkerCommandKind.Park, row.Id, cancellationToken);
            return true;
        }

        await GenerationRows.SettleAsync(connection, row.Id, GenerationRowState.Parked, deadline, cancellationToken);
        return true;
    }

    public async Task<bool> CancelAsync(NpgsqlConnection connection, GenerationId id, string caller, CancellationToken cancellationToken)
    {
        if (await GenerationRows.FindAsync(connection, id, cancellationToken) is not { State: not GenerationRowState.Ended } found
            || found.Request.Caller != caller)
        {
            return false;
        }

        await Wakeups.LockAsync(connection, found.Request.Model, cancellationToken);
        GenerationRow? row = await GenerationRows.LockAsync(connection, id, cancellationToken);
        if (row is null or { State: GenerationRowState.Ended } or { IsCancelRequested: true })
        {
            return false;
        }

        await RequestCancelAsync(connection, row, cancellationToken);
        return true;
    }

    /// <summary>
    /// A parked generation has left its worker: the worker that has prepared it goes on with it; else it waits for a reader, or runs again if one
    /// came back meanwhile.
    /// </summary>
    /// <param name="connection">Inside a transaction.</param>
    /// <param name="request">Whose.</param>
    /// <param name="worker">The incarnation that gives it back.</param>
    /// <param name="writeLog">Writes the rest of its log.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public async Task<bool> ReleaseAsync(
        NpgsqlConnection connection,
        GenerationRequest request,
        Guid worker,
        Func<NpgsqlConnection, GenerationRow, Task> writeLog,
        CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, request.Model, cancellationToken);
        GenerationRow? row = await GenerationRows.LockAsync(connection, request.Id, cancellationToken);
        if (row is not { State: GenerationRowState.Parking } || row.Worker != worker)
        {
            return false; // it ended before it was parked, or was taken away
        }

        await writeLog(connection, row);
        if (!row.IsCancelRequested
            && (row.RunsUnread || await HasReadersAsync(connection, row.Id, cancellationToken))
            && await Handover.TryFinishAsync(connection, row, cancellationToken))
        {
            return true;
        }

        await SettleAsync(connection, row, keepDeadline: row.Successor is null, cancellationToken); // a handover has set no deadline
        await dispatch.RunAsync(connection, request.Model, cancellationToken);
        return true;
    }

    /// <summary>Finds the state of a generation that no worker has: ended where that was asked for, waiting where it may run, else parked.</summary>
    public async Task SettleAsync(NpgsqlConnection connection, GenerationRow row, bool keepDeadline, CancellationToken cancellationToken)
    {
        if (row.IsCancelRequested)
        {
            await connection.ExecuteAsync("update glm.generations set worker = null where id = $1", cancellationToken, row.Id.ToString());
            GenerationRow logged = (await GenerationRows.FindAsync(connection, row.Id, cancellationToken))!;
            await ends.WriteAsync(connection, logged, EndReason.Cancelled, fault: null, cancellationToken);
        }
        else if (row.RunsUnread || await HasReadersAsync(connection, row.Id, cancellationToken))
        {
            await GenerationRows.SettleAsync(connection, row.Id, GenerationRowState.Pending, DeadlineOf(row), cancellationToken);
        }
        else
        {
            long? deadline = keepDeadline ? null : clock.Now + options.ResumeWindow.Ticks;
            await GenerationRows.SettleAsync(connection, row.Id, GenerationRowState.Parked, deadline, cancellationToken);
        }

        await Wakeups.SendMovedAsync(connection, row.Id, cancellationToken);
    }

    /// <summary>When a generation that waits for a worker is given up, where there is none.</summary>
    public long DeadlineOf(GenerationRow row) => clock.Now + (row.RunsUnread ? options.ConversationTtl : options.ResumeWindow).Ticks;

    private static Task<int> CountInAsync(NpgsqlConnection connection, GenerationId id, Guid gateway, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            "insert into glm.readers (generation, gateway) values ($1, $2) on conflict do nothing", cancellationToken, id.ToString(), gateway);

    private static async Task<bool> HasReadersAsync(NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken) =>
        await connection.ScalarAsync("select true from glm.readers where generation = $1 limit 1", cancellationToken, id.ToString()) is true;

    private async Task RequestCancelAsync(NpgsqlConnection connection, GenerationRow row, CancellationToken cancellationToken)
    {
        if (row.Worker is null)
        {
            await ends.WriteAsync(connection, row, EndReason.Cancelled, fault: null, cancellationToken);
            return;
        }

        await connection.ExecuteAsync("update glm.generations set is_cancel_requested = true where id = $1", cancellationToken, row.Id.ToString());
        if (row.State == GenerationRowState.Assigned)
        {
            await WorkerCommands.SendAsync(connection, row.Worker.Value, WorkerCommandKind.Cancel, row.Id, cancellationToken);
        }

        // A parking one ends once it is released.
    }
}
