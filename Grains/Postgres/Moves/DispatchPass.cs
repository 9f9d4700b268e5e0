using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Routing;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>Gives the pending generations of a model to workers that have room, fairly between all callers of the cluster. The model's lock must be held.</summary>
internal sealed class DispatchPass(DispatchPlanner planner, ClusterHints hints)
{
    private const string NextPrioritySql =
        "select min(priority) from glm.generations where model_name = $1 and model_hash = $2 and state = 1 and not is_cancel_requested and priority > $3";

    private const string WorkersSql =
        """
        select i.id, i.name, i.model_name, i.model_hash, i.max_sequences, i.max_queued, i.numerics_class, i.prefix_seed, i.shares_by_caller,
            g.priority, g.sequences, g.has_suspect
        from glm.incarnations i left join lateral (
            select priority, sum(choices)::int as sequences, bool_or(is_suspect) as has_suspect
            from glm.generations where worker = i.id group by priority) g on true
        where i.model_name = $1 and i.model_hash = $2 and not i.is_sealed and not i.is_draining order by i.joined_number
        """;

    /// <summary>The callers one by one through the index, and of each no more than could begin: a queue of any length costs the same.</summary>
    private const string PendingSql =
        """
        with recursive callers as (
            (select caller from glm.generations
             where model_name = $1 and model_hash = $2 and state = 1 and priority = $3 order by caller limit 1)
            union all
            select (select caller from glm.generations
                    where model_name = $1 and model_hash = $2 and state = 1 and priority = $3 and caller > c.caller order by caller limit 1)
            from callers c where c.caller is not null)
        select p.id, p.caller, p.choices, p.queued_number, p.is_suspect, p.logged_tokens > 0, p.caller_running,
            coalesce(p.numerics_class, v.numerics_class), v.worker, p.conversation, r.running
        from callers c
        cross join lateral (
            select * from glm.generations g
            where g.model_name = $1 and g.model_hash = $2 and g.state = 1 and g.priority = $3 and g.caller = c.caller and not g.is_cancel_requested
            order by g.queued_number limit $4) p
        cross join lateral (
            select coalesce(sum(choices), 0)::int as running from glm.generations a
            where a.model_name = $1 and a.model_hash = $2 and a.caller = c.caller and a.worker is not null) r
        left join glm.conversations v on v.running = p.id
        """;

    private const string AssignSql =
        """
        update glm.generations set state = 2, worker = $2, successor = null, tokens_at_dispatch = logged_tokens,
            from_frame = greatest((select coalesce(max(number), 0) from glm.frames where incarnation = $2),
                                  (select last_frame from glm.incarnations where id = $2)),
            numerics_class = coalesce(numerics_class, (select numerics_class from glm.incarnations where id = $2))
        where id = $1
        """;

    private const string NoteHomeSql =
        """
        update glm.conversations set worker = $2,
            numerics_class = coalesce(numerics_class, (select numerics_class from glm.incarnations where id = $2))
        where running = $1
        """;

    public async Task RunAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken)
    {
        int? priority = await NextPriorityAsync(connection, model, after: int.MinValue, cancellationToken);
        if (priority is null)
        {
            return;
        }

        List<RoutedWorker> workers = await ReadWorkersAsync(connection, model, cancellationToken);
        await using NpgsqlBatch assignments = connection.CreateBatch();
        while (priority is { } level && workers.Exists(worker => worker.HasRoom(level)))
        {
            await PlanAsync(connection, model, level, workers, assignments, cancellationToken);
            priority = await NextPriorityAsync(connection, model, level, cancellationToken);
        }

        if (assignments.BatchCommands.Count > 0)
        {
            await assignments.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Adds to a batch what gives a generation to a worker. The model's lock must be held.</summary>
    public static void AddAssignment(NpgsqlBatch batch, GenerationId id, Guid worker) => batch
        .With(AssignSql, id.ToString(), worker)
        .With(NoteHomeSql, id.ToString(), worker)
        .With(WorkerCommands.InsertSql, worker, (short)WorkerCommandKind.Run, id.ToString())
        .With("select pg_notify($1, $2)", Wakeups.Work, worker.ToString("N"))
        .With("select pg_notify($1, $2)", Wakeups.Moved, id.ToString());

    private async Task PlanAsync(
        NpgsqlConnection connection,
        ModelReference model,
        int priority,
        List<RoutedWorker> workers,
        NpgsqlBatch assignments,
        CancellationToken cancellationToken)
    {
        int room = workers.Sum(worker => worker.Room(priority));
        var running = new Dictionary<string, int>();
        List<PendingGeneration> pending = await connection.QueryAsync(
            PendingSql,
            row =>
            {
                running[row.GetString(1)] = row.GetInt32(10);
                return Read(row, priority);
            },
            cancellationToken,
            model.Name,
            model.ContentHash,
            priority,
            room);
        List<QueuedGeneration> queue = DispatchPlanner.Order(pending, running);
        if (workers.Count > 1 && planner.UsesPrefixes)
        {
            await ReadPromptsAsync(connection, queue, room, cancellationToken);
        }

        foreach ((PendingGeneration generation, RoutedWorker worker) in planner.Plan(queue, workers))
        {
            AddAssignment(assignments, generation.Id, worker.Id);
        }
    }

    private static async Task<int?> NextPriorityAsync(NpgsqlConnection connection, ModelReference model, int after, CancellationToken cancellationToken) =>
        (int?)await connection.ScalarAsync(NextPrioritySql, cancellationToken, model.Name, model.ContentHash, after);

    private async Task<List<RoutedWorker>> ReadWorkersAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken)
    {
        var workers = new List<RoutedWorker>();
        await connection.QueryAsync(
            WorkersSql,
            row =>
            {
                Guid id = row.GetGuid(0);
                if (workers.Count == 0 || workers[^1].Id != id)
                {
                    workers.Add(new RoutedWorker(id, WorkerRows.ReadCard(row, firstColumn: 1), hints.Of(id)));
                }

                if (!row.IsDBNull(9))
                {
                    workers[^1].Add(row.GetInt32(9), row.GetInt32(10), row.GetBoolean(11));
                }

                return id;
            },
            cancellationToken,
            model.Name,
            model.ContentHash);
        return workers;
    }

    /// <summary>Prompts are large, so only those that are likely to begin are read.</summary>
    private static async Task ReadPromptsAsync(
        NpgsqlConnection connection, List<QueuedGeneration> queue, int most, CancellationToken cancellationToken)
    {
        GenerationId[] first = [.. queue.Take(most).Select(queued => queued.Generation.Id)];
        Dictionary<GenerationId, ImmutableArray<int>> prompts = (await connection.QueryAsync(
            "select id, prompt from glm.generations where id = any($1)",
            row => (Id: row.Id(0), Prompt: TokenBlob.ToIds(row.Bytes(1))),
            cancellationToken,
            (object)first.Texts())).ToDictionary(read => read.Id, read => read.Prompt);
        for (int i = 0; i < first.Length; i++)
        {
            queue[i] = queue[i] with { Generation = queue[i].Generation with { PromptIds = prompts[first[i]] } };
        }
    }

    private static PendingGeneration Read(NpgsqlDataReader row, int priority) => new()
    {
        Id = row.Id(0),
        Caller = row.GetString(1),
        Priority = priority,
        Sequences = row.GetInt32(2),
        QueuedNumber = row.GetInt64(3),
        IsSuspect = row.GetBoolean(4),
        HasTokens = row.GetBoolean(5),
        CallerRunning = row.IsDBNull(6) ? null : row.GetInt32(6),
        NumericsClass = row.TextOrNull(7),
        Home = row.IsDBNull(8) ? null : row.GetGuid(8),
        Conversation = row.TextOrNull(9),
        PromptIds = [],
    };
}
