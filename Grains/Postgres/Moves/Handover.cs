using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>
/// Moves generations from a worker that drains to others without a pause. Each method is a transaction, or part of one, that may be repeated.
/// 1. <see cref="PlanAsync"/>: a successor is named and told to prepare, while the old worker decodes on.
/// 2. <see cref="SwitchAsync"/>: it has prepared, so the old worker is told to park.
/// 3. <see cref="TryFinishAsync"/>: the old worker's log is complete, so the successor is told to run.
/// Whichever of the two dies meanwhile, its takeover finds a generation that is assigned or parking, as any other.
/// </summary>
internal static class Handover
{
    private const string LeftSql =
        """
        select g.id, g.state = 2 and not g.is_suspect and not g.is_cancel_requested
            and not exists (select 1 from glm.incarnations i where i.id = g.successor and not i.is_sealed and not i.is_draining)
        from glm.generations g where g.worker = $1 and g.ended_at is null order by g.queued_number
        """;

    /// <summary>Sequences as the last beat had them, or generations that came since, whichever is more.</summary>
    private const string SuccessorsSql =
        """
        select i.id, i.max_sequences - greatest(coalesce(b.running, 0),
            (select count(*)::int from glm.generations g where (g.worker = i.id or g.successor = i.id) and g.ended_at is null)) as room
        from glm.incarnations i left join glm.beats b on b.member = i.id
        where i.model_name = $1 and i.model_hash = $2 and not i.is_sealed and not i.is_draining
        and i.numerics_class is not distinct from (select own.numerics_class from glm.incarnations own where own.id = $3)
        order by i.joined_number
        """;

    /// <summary>From here on the worker is given nothing new.</summary>
    public static async Task<bool> BeginAsync(
        NpgsqlConnection connection, ModelReference model, IncarnationId worker, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, model, cancellationToken);
        return await connection.ExecuteAsync(
            "update glm.incarnations set is_draining = true where id = $1 and not is_sealed", cancellationToken, worker.Value) == 1;
    }

    /// <summary>Names a successor for each generation that has none, where one has room.</summary>
    /// <returns>Generations that the worker still has.</returns>
    public static async Task<int> PlanAsync(
        NpgsqlConnection connection, ModelReference model, IncarnationId worker, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, model, cancellationToken);
        List<(GenerationId Id, bool IsDue)> left = await connection.QueryAsync(
            LeftSql, row => (row.Id(0), row.GetBoolean(1)), cancellationToken, worker.Value);
        GenerationId[] due = [.. left.Where(generation => generation.IsDue).Select(generation => generation.Id)];
        if (due.Length == 0)
        {
            return left.Count;
        }

        List<Successor> successors = await connection.QueryAsync(
            SuccessorsSql,
            row => new Successor(row.GetGuid(0)) { Room = row.GetInt32(1) },
            cancellationToken,
            model.Name,
            model.ContentHash,
            worker.Value);
        await using NpgsqlBatch plan = connection.CreateBatch();
        foreach (GenerationRow row in await GenerationRows.FindAllAsync(connection, due, cancellationToken))
        {
            if (successors.MaxBy(successor => successor.Room) is { } roomiest && roomiest.Room >= row.Request.Choices)
            {
                roomiest.Room -= row.Request.Choices;
                plan.With("update glm.generations set successor = $2 where id = $1", row.Id.ToString(), roomiest.Id)
                    .With(WorkerCommands.InsertSql, roomiest.Id, (short)WorkerCommandKind.Prepare, row.Id.ToString())
                    .With("select pg_notify($1, $2)", Wakeups.Work, roomiest.Id.ToString("N"));
            }
        }

        if (plan.BatchCommands.Count > 0)
        {
            await plan.ExecuteNonQueryAsync(cancellationToken);
        }

        return left.Count;
    }

    /// <summary>The successor has prepared: the old worker lets go at its next step.</summary>
    public static async Task<bool> SwitchAsync(
        NpgsqlConnection connection, GenerationRequest request, IncarnationId successor, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, request.Model, cancellationToken);
        GenerationRow? row = await GenerationRows.LockAsync(connection, request.Id, cancellationToken);
        if (row is not { State: GenerationRowState.Assigned, IsCancelRequested: false, Worker: { } worker } || row.Successor != successor.Value)
        {
            return false;
        }

        await connection.ExecuteAsync("update glm.generations set state = 3 where id = $1", cancellationToken, row.Id.ToString());
        await WorkerCommands.SendAsync(connection, worker, WorkerCommandKind.Park, row.Id, cancellationToken);
        return true;
    }

    /// <summary>Gives a generation that its old worker has let go of to its successor. The model's lock and the row's must be held.</summary>
    /// <returns>False: it has none, or that one is gone.</returns>
    public static async Task<bool> TryFinishAsync(NpgsqlConnection connection, GenerationRow row, CancellationToken cancellationToken)
    {
        if (row.Successor is not { } successor || !await WorkerRows.FenceAsync(connection, new IncarnationId(successor), cancellationToken))
        {
            return false;
        }

        await using NpgsqlBatch assignment = connection.CreateBatch();
        DispatchPass.AddAssignment(assignment, row.Id, successor);
        await assignment.ExecuteNonQueryAsync(cancellationToken);
        return true;
    }

    private sealed class Successor(Guid id)
    {
        public Guid Id => id;

        /// <summary>Sequences it can take.</summary>
        public int Room { get; set; }
    }
}
