using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Routing;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>Gives the pending generations of a model to workers, oldest first. The model's lock must be held.</summary>
internal sealed class DispatchPass(IRoutingPolicy routing)
{
    private const string PendingSql =
        """
        select id, is_suspect, logged_tokens from glm.generations
        where model_name = $1 and model_hash = $2 and ended_at is null and state = 1 and not is_cancel_requested order by queued_number
        """;

    private const string WorkersSql =
        """
        select i.id, i.max_sequences + i.max_queued, count(g.id)::int, coalesce(bool_or(g.is_suspect), false)
        from glm.incarnations i left join glm.generations g on g.worker = i.id
        where i.model_name = $1 and i.model_hash = $2 and not i.is_sealed and not i.is_draining group by i.id order by i.joined_number
        """;

    private const string AssignSql =
        """
        update glm.generations set state = 2, worker = $2, successor = null, tokens_at_dispatch = logged_tokens,
            from_frame = greatest((select coalesce(max(number), 0) from glm.frames where incarnation = $2),
                                  (select last_frame from glm.incarnations where id = $2))
        where id = $1
        """;

    public async Task RunAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken)
    {
        List<(GenerationId Id, bool IsSuspect)> pending = await connection.QueryAsync(
            PendingSql, row => (row.Id(0), row.GetBoolean(1)), cancellationToken, model.Name, model.ContentHash);
        if (pending.Count == 0)
        {
            return;
        }

        List<Candidate> workers = await connection.QueryAsync(
            WorkersSql,
            row => new Candidate(row.GetGuid(0), row.GetInt32(1)) { Assigned = row.GetInt32(2), HasSuspect = row.GetBoolean(3) },
            cancellationToken,
            model.Name,
            model.ContentHash);
        await using NpgsqlBatch assignments = connection.CreateBatch();
        foreach ((GenerationId id, bool isSuspect) in pending)
        {
            if (Pick(workers, isSuspect) is { } worker)
            {
                worker.Assigned++;
                worker.HasSuspect |= isSuspect;
                AddAssignment(assignments, id, worker.Id);
            }
            else if (isSuspect)
            {
                break; // it waits for an empty worker, which younger ones must not fill again
            }
        }

        if (assignments.BatchCommands.Count > 0)
        {
            await assignments.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Adds to a batch what gives a generation to a worker. The model's lock must be held.</summary>
    public static void AddAssignment(NpgsqlBatch batch, GenerationId id, Guid worker) => batch
        .With(AssignSql, id.ToString(), worker)
        .With(WorkerCommands.InsertSql, worker, (short)WorkerCommandKind.Run, id.ToString())
        .With("select pg_notify($1, $2)", Wakeups.Work, worker.ToString("N"))
        .With("select pg_notify($1, $2)", Wakeups.Moved, id.ToString());

    private Candidate? Pick(List<Candidate> workers, bool isSuspect)
    {
        List<Candidate> free = workers.FindAll(worker => isSuspect ? worker.Assigned == 0 : !worker.HasSuspect);
        int picked = routing.Pick([.. free.Select(worker => new WorkerLoad(worker.Assigned, worker.Capacity))]);
        return picked < 0 ? null : free[picked];
    }

    private sealed class Candidate(Guid id, int capacity)
    {
        public Guid Id => id;

        public int Capacity => capacity;

        public int Assigned { get; set; }

        public bool HasSuspect { get; set; }
    }
}
