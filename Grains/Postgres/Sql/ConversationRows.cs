using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Logs;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Conversations: who they belong to, what they end with, what runs in them. Turns are read from the generations that answered.</summary>
internal static class ConversationRows
{
    /// <summary>Finds a conversation by the id of any of its answers, and locks it until the end of the transaction.</summary>
    public static async Task<ConversationState?> LockAsync(
        NpgsqlConnection connection, GenerationId anyAnswer, string caller, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(
            """
            select c.id, c.turns, c.running from glm.generations g join glm.conversations c on c.id = g.conversation
            where g.id = $1 and c.caller = $2 for update of c
            """,
            row => new ConversationState(row.Id(0), row.GetInt32(1), row.IdOrNull(2)),
            cancellationToken,
            anyAnswer.ToString(),
            caller)).FirstOrDefault();

    /// <summary>Starts the conversation of a first answer, reserved by it.</summary>
    public static Task<int> StartAsync(NpgsqlConnection connection, GenerationRequest first, long now, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            insert into glm.conversations (id, caller, model_name, model_hash, turns, context, running, last_used_at)
            values ($1, $2, $3, $4, 0, '', $1, $5)
            """,
            cancellationToken,
            first.Id.ToString(),
            first.Caller,
            first.Model.Name,
            first.Model.ContentHash,
            now);

    public static Task<int> ReserveAsync(
        NpgsqlConnection connection, GenerationId conversation, GenerationId running, long now, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            "update glm.conversations set running = $2, last_used_at = $3 where id = $1",
            cancellationToken,
            conversation.ToString(),
            running.ToString(),
            now);

    /// <summary>Appends the turn of an ended generation and gives up its reservation.</summary>
    public static Task<int> AppendAsync(
        NpgsqlConnection connection, GenerationRequest request, ImmutableArray<int> keptIds, long now, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(
            """
            with kept as (
                update glm.conversations set turns = turns + 1, context = $2, model_name = $3, model_hash = $4, running = null, last_used_at = $5
                where running = $1 returning turns)
            update glm.generations set turn_index = (select turns - 1 from kept) where id = $1
            """,
            cancellationToken,
            request.Id.ToString(),
            TokenBlob.FromIds([.. request.PromptIds, .. keptIds]),
            request.Model.Name,
            request.Model.ContentHash,
            now);

    /// <summary>Gives a reservation up without a turn; a conversation that never had one goes.</summary>
    public static async Task ReleaseAsync(NpgsqlConnection connection, GenerationId running, long now, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync("delete from glm.conversations where running = $1 and turns = 0", cancellationToken, running.ToString());
        await connection.ExecuteAsync(
            "update glm.conversations set running = null, last_used_at = $2 where running = $1", cancellationToken, running.ToString(), now);
    }

    /// <param name="connection">Any.</param>
    /// <param name="anyAnswer">Id of any of its answers.</param>
    /// <param name="caller">Whose.</param>
    /// <param name="usedBefore">UTC ticks; one last used before is gone.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    public static async Task<Conversation?> FindAsync(
        NpgsqlConnection connection, GenerationId anyAnswer, string caller, long usedBefore, CancellationToken cancellationToken)
    {
        List<Conversation> found = await connection.QueryAsync(
            """
            select c.id, c.model_name, c.model_hash, c.context, c.running, c.last_used_at
            from glm.generations g join glm.conversations c on c.id = g.conversation
            where g.id = $1 and c.caller = $2 and (c.running is not null or c.last_used_at >= $3)
            """,
            row => new Conversation
            {
                Id = row.Id(0),
                Model = new ModelReference(row.GetString(1), row.GetString(2)),
                Turns = [],
                ContextIds = TokenBlob.ToIds(row.Bytes(3)),
                Running = row.IdOrNull(4),
                LastUsedAt = Time(row.GetInt64(5)),
            },
            cancellationToken,
            anyAnswer.ToString(),
            caller,
            usedBefore);
        return found is [Conversation conversation]
            ? conversation with { Turns = await FindTurnsAsync(connection, conversation.Id, cancellationToken) }
            : null;
    }

    /// <summary>A caller's conversations, most recently used first.</summary>
    public static Task<List<ConversationSummary>> ListAsync(
        NpgsqlConnection connection, string caller, int limit, long usedSince, long usedBefore, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            """
            select id, model_name, turns, last_used_at from glm.conversations
            where caller = $1 and last_used_at < $2 and (running is not null or last_used_at >= $4) order by last_used_at desc limit $3
            """,
            row => new ConversationSummary(row.Id(0), row.GetString(1), row.GetInt32(2), Time(row.GetInt64(3))),
            cancellationToken,
            caller,
            usedBefore,
            limit,
            usedSince);

    /// <summary>Removes unreserved conversations with their generations.</summary>
    public static async Task RemoveAsync(NpgsqlConnection connection, IEnumerable<GenerationId> conversations, CancellationToken cancellationToken)
    {
        object ids = conversations.Texts();
        await connection.ExecuteAsync(
            "delete from glm.token_log where generation in (select id from glm.generations where conversation = any($1))", cancellationToken, ids);
        await connection.ExecuteAsync("delete from glm.generations where conversation = any($1)", cancellationToken, ids);
        await connection.ExecuteAsync("delete from glm.conversations where id = any($1)", cancellationToken, ids);
    }

    /// <summary>Conversations that nobody used since and in which nothing runs, locked.</summary>
    public static Task<List<GenerationId>> LockIdleAsync(NpgsqlConnection connection, long usedBefore, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            "select id from glm.conversations where last_used_at < $1 and running is null for update skip locked",
            row => row.Id(0),
            cancellationToken,
            usedBefore);

    private static async Task<ImmutableArray<FinishedTurn>> FindTurnsAsync(
        NpgsqlConnection connection, GenerationId conversation, CancellationToken cancellationToken)
    {
        List<(GenerationId Answer, int Kept)> answers = await connection.QueryAsync(
            "select id, kept_tokens from glm.generations where conversation = $1 and turn_index is not null order by turn_index",
            row => (row.Id(0), row.GetInt32(1)),
            cancellationToken,
            conversation.ToString());
        Dictionary<GenerationId, GenerationRow> rows =
            (await GenerationRows.FindAllAsync(connection, answers.Select(answer => answer.Answer), cancellationToken)).ToDictionary(row => row.Id);
        List<LogEntry> entries = await connection.QueryAsync(
            "select entries from glm.token_log where generation = any($1) order by generation, first_seq",
            row => LogCodec.Decode(row.Bytes(0)),
            cancellationToken,
            (object)answers.Select(answer => answer.Answer).Texts()) is { } chunks ? [.. chunks.SelectMany(chunk => chunk)] : [];
        ILookup<GenerationId, int> ids = entries
            .Where(entry => entry.Choice == 0)
            .SelectMany(entry => entry.Ids.Select(id => (entry.Generation, id)))
            .ToLookup(pair => pair.Generation, pair => pair.id);
        return
        [
            .. answers.Where(answer => rows.ContainsKey(answer.Answer)).Select(answer => new FinishedTurn(
                answer.Answer, rows[answer.Answer].Request.Turn!, [.. ids[answer.Answer].Take(answer.Kept)], rows[answer.Answer].End!.Reason)),
        ];
    }

    private static DateTimeOffset Time(long utcTicks) => new(utcTicks, TimeSpan.Zero);
}
