using System.Text.Json;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;
using GlmCluster.Grains.Logs;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Requests, where they stand, and how they ended.</summary>
internal static class GenerationRows
{
    private const string Columns =
        "request, prompt, state, worker, from_frame, logged_tokens, tokens_at_dispatch, is_suspect, workers_lost_alone, is_cancel_requested, "
        + "deadline, generation_end, successor";

    /// <param name="connection">Inside a transaction.</param>
    /// <param name="request">What was admitted.</param>
    /// <param name="conversation">The conversation it belongs to; null: none.</param>
    /// <param name="deadline">When it is given up if no worker comes.</param>
    /// <param name="callerRunning">Most sequences of its caller that may run when it begins; null: any number.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static Task<int> InsertAsync(
        NpgsqlConnection connection,
        GenerationRequest request,
        GenerationId? conversation,
        long deadline,
        int? callerRunning,
        CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.generations (id, caller, model_name, model_hash, request, prompt, conversation, idempotency_key,
                idempotency_fingerprint, state, queued_number, deadline, priority, choices, caller_running)
            values ($1, $2, $3, $4, $5, $6, $7::text, $8::text, $9::text, $10, nextval('glm.queued_numbers'), $11, $12, $13, $14::int)
            """,
            cancellationToken,
            request.Id.ToString(),
            request.Caller,
            request.Model.Name,
            request.Model.ContentHash,
            JsonSerializer.Serialize(request with { PromptIds = [] }, ContractsJsonContext.Default.GenerationRequest),
            TokenBlob.FromIds(request.PromptIds.AsSpan()),
            conversation?.ToString(),
            request.IdempotencyKey,
            request.IdempotencyFingerprint,
            (short)GenerationRowState.Pending,
            deadline,
            request.Priority,
            request.Choices,
            callerRunning);

    public static async Task<GenerationRow?> FindAsync(NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken) =>
        (await connection.QueryAsync($"select {Columns} from glm.generations where id = $1", Read, cancellationToken, id.ToString()))
        .FirstOrDefault();

    /// <summary>Locks a generation until the end of the transaction, so that nobody else changes where it stands.</summary>
    public static async Task<GenerationRow?> LockAsync(NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken) =>
        (await connection.QueryAsync($"select {Columns} from glm.generations where id = $1 for update", Read, cancellationToken, id.ToString()))
        .FirstOrDefault();

    public static Task<List<GenerationRow>> FindAllAsync(
        NpgsqlConnection connection, IEnumerable<GenerationId> ids, CancellationToken cancellationToken) =>
        connection.QueryAsync($"select {Columns} from glm.generations where id = any($1)", Read, cancellationToken, (object)ids.Texts());

    /// <summary>What a worker has not ended, locked.</summary>
    public static Task<List<GenerationRow>> LockOfWorkerAsync(NpgsqlConnection connection, Guid worker, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            $"select {Columns} from glm.generations where worker = $1 and ended_at is null order by queued_number for update",
            Read,
            cancellationToken,
            worker);

    /// <summary>Whether a generation is to be forgotten, though its row may still be there.</summary>
    /// <param name="connection">Any.</param>
    /// <param name="id">Whose.</param>
    /// <param name="endedBefore">Loose ones that ended before are gone.</param>
    /// <param name="usedBefore">Conversations last used before are gone, with what is in them.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    public static async Task<bool> IsExpiredAsync(
        NpgsqlConnection connection, GenerationId id, long endedBefore, long usedBefore, CancellationToken cancellationToken) =>
        await connection.ScalarAsync(
            """
            select case when c.id is null then g.ended_at < $2 else c.running is null and c.last_used_at < $3 end
            from glm.generations g left join glm.conversations c on c.id = g.conversation
            where g.id = $1 and g.ended_at is not null
            """,
            cancellationToken,
            id.ToString(),
            endedBefore,
            usedBefore) is true;

    /// <returns>The generation that holds a caller's key, with its fingerprint; null: the key is free.</returns>
    public static async Task<(GenerationId Id, string? Fingerprint)?> FindByKeyAsync(
        NpgsqlConnection connection, string caller, string key, CancellationToken cancellationToken)
    {
        List<(GenerationId, string?)> found = await connection.QueryAsync(
            "select id, idempotency_fingerprint from glm.generations where caller = $1 and idempotency_key = $2",
            row => (row.Id(0), row.TextOrNull(1)),
            cancellationToken,
            caller,
            key);
        return found is [var holder] ? holder : null;
    }

    /// <summary>Puts a generation where no worker has it. One that has tokens keeps its place in the queue, before its caller's that have none.</summary>
    /// <param name="connection">Inside a transaction that has it locked.</param>
    /// <param name="id">Whose.</param>
    /// <param name="state">Pending or parked.</param>
    /// <param name="deadline">When it is given up; null: as before.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    public static Task<int> SettleAsync(
        NpgsqlConnection connection, GenerationId id, GenerationRowState state, long? deadline, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            update glm.generations set state = $2, worker = null, successor = null, deadline = coalesce($3::bigint, deadline),
                queued_number = case when $2 = 1 and (is_suspect or logged_tokens = 0) then nextval('glm.queued_numbers') else queued_number end
            where id = $1
            """,
            cancellationToken,
            id.ToString(),
            (short)state,
            deadline);

    /// <summary>Writes the end and drops the prompt.</summary>
    public static Task<int> EndAsync(
        NpgsqlConnection connection, GenerationId id, GenerationEnd end, int keptTokens, long endedAt, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            update glm.generations set state = 5, worker = null, successor = null, prompt = null, generation_end = $2, kept_tokens = $3, ended_at = $4
            where id = $1 and ended_at is null
            """,
            cancellationToken,
            id.ToString(),
            JsonSerializer.Serialize(end, ContractsJsonContext.Default.GenerationEnd),
            keptTokens,
            endedAt);

    /// <summary>Counts the tokens of a generation; a second time changes nothing.</summary>
    public static Task<int> CountUsageAsync(
        NpgsqlConnection connection, GenerationRequest request, TokenUsage usage, long endedAt, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.usage (generation, caller, model_name, model_hash, prompt_tokens, completion_tokens, cached_tokens, ended_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing
            """,
            cancellationToken,
            request.Id.ToString(),
            request.Caller,
            request.Model.Name,
            request.Model.ContentHash,
            usage.PromptTokens,
            usage.CompletionTokens,
            usage.CachedTokens,
            endedAt);

    /// <summary>Removes what ended before and belongs to no conversation any more.</summary>
    /// <returns>Generations removed.</returns>
    public static async Task<int> RemoveLooseAsync(NpgsqlConnection connection, long endedBefore, CancellationToken cancellationToken)
    {
        List<string> loose = await connection.QueryAsync(
            """
            delete from glm.generations g where ended_at < $1
            and (conversation is null or not exists (select 1 from glm.conversations c where c.id = g.conversation))
            returning id
            """,
            row => row.GetString(0),
            cancellationToken,
            endedBefore);
        await connection.ExecuteAsync("delete from glm.token_log where generation = any($1)", cancellationToken, (object)loose.ToArray());
        return loose.Count;
    }

    public static GenerationEnd ReadEnd(string json) => JsonSerializer.Deserialize(json, ContractsJsonContext.Default.GenerationEnd)
        ?? throw new InvalidDataException("A stored generation has no end.");

    private static GenerationRow Read(NpgsqlDataReader row)
    {
        GenerationRequest request = JsonSerializer.Deserialize(row.GetString(0), ContractsJsonContext.Default.GenerationRequest)
            ?? throw new InvalidDataException("A stored generation has no request.");
        return new GenerationRow
        {
            Request = row.IsDBNull(1) ? request : request with { PromptIds = TokenBlob.ToIds(row.Bytes(1)) },
            State = (GenerationRowState)row.GetInt16(2),
            Worker = row.IsDBNull(3) ? null : row.GetGuid(3),
            Successor = row.IsDBNull(12) ? null : row.GetGuid(12),
            FromFrame = row.GetInt64(4),
            LoggedTokens = row.GetInt64(5),
            TokensAtDispatch = row.GetInt64(6),
            IsSuspect = row.GetBoolean(7),
            WorkersLostAlone = row.GetInt32(8),
            IsCancelRequested = row.GetBoolean(9),
            Deadline = row.GetInt64(10),
            End = row.TextOrNull(11) is string json ? ReadEnd(json) : null,
        };
    }
}
