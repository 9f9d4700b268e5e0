using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Logs;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>Conversations: who they belong to, what they end with, what runs in them. Turns are read from the generations that answered.</summary>
internal static class ConversationTable
{
    /// <summary>Finds a conversation by the id of any of its answers.</summary>
    public static ConversationState? FindState(SqliteConnection connection, GenerationId anyAnswer, string caller)
    {
        List<ConversationState> found = connection.Query(
            """
            select c.id, c.turns, c.running from generations g join conversations c on c.id = g.conversation
            where g.id = $answer and c.caller = $caller
            """,
            row => new ConversationState(GenerationId.Parse(row.GetString(0)), row.GetInt32(1), IdOrNull(row, 2)),
            ("$answer", anyAnswer.ToString()),
            ("$caller", caller));
        return found is [ConversationState state] ? state : null;
    }

    /// <summary>Starts the conversation of a first answer, reserved by it.</summary>
    public static void Start(SqliteConnection connection, GenerationRequest first, long now) => connection.Execute(
        """
        insert into conversations (id, caller, model_name, model_hash, turns, context, running, last_used_at)
        values ($id, $caller, $name, $hash, 0, x'', $id, $now)
        """,
        ("$id", first.Id.ToString()),
        ("$caller", first.Caller),
        ("$name", first.Model.Name),
        ("$hash", first.Model.ContentHash),
        ("$now", now));

    public static void Reserve(SqliteConnection connection, GenerationId conversation, GenerationId running, long now) => connection.Execute(
        "update conversations set running = $running, last_used_at = $now where id = $id",
        ("$id", conversation.ToString()),
        ("$running", running.ToString()),
        ("$now", now));

    /// <summary>Appends the turn of an ended generation and gives up its reservation.</summary>
    public static void Append(SqliteConnection connection, GenerationRequest request, ReadOnlySpan<int> keptIds, long now)
    {
        connection.Execute(
            """
            update generations set turn_index = (select turns from conversations where id = generations.conversation)
            where id = $id
            """,
            ("$id", request.Id.ToString()));
        connection.Execute(
            """
            update conversations set turns = turns + 1, context = $context, model_name = $name, model_hash = $hash,
                running = null, last_used_at = $now
            where running = $id
            """,
            ("$id", request.Id.ToString()),
            ("$context", TokenBlob.FromIds([.. request.PromptIds, .. keptIds])),
            ("$name", request.Model.Name),
            ("$hash", request.Model.ContentHash),
            ("$now", now));
    }

    /// <summary>Gives a reservation up without a turn; a conversation that never had one goes.</summary>
    public static void Release(SqliteConnection connection, GenerationId running, long now)
    {
        connection.Execute("delete from conversations where running = $id and turns = 0", ("$id", running.ToString()));
        connection.Execute(
            "update conversations set running = null, last_used_at = $now where running = $id", ("$id", running.ToString()), ("$now", now));
    }

    public static Conversation? Find(SqliteConnection connection, GenerationId anyAnswer, string caller)
    {
        if (FindState(connection, anyAnswer, caller) is not { } state)
        {
            return null;
        }

        ImmutableArray<FinishedTurn> turns =
        [
            .. connection.Query(
                """
                select id from generations where conversation = $id and turn_index is not null order by turn_index
                """,
                row => GenerationId.Parse(row.GetString(0)),
                ("$id", state.Id.ToString())).Select(answer => FindTurn(connection, answer)),
        ];
        return connection.Query(
            "select model_name, model_hash, context, last_used_at from conversations where id = $id",
            row => new Conversation
            {
                Id = state.Id,
                Model = new ModelReference(row.GetString(0), row.GetString(1)),
                Turns = turns,
                ContextIds = TokenBlob.ToIds(row.Bytes(2)),
                Running = state.Running,
                LastUsedAt = Time(row.GetInt64(3)),
            },
            ("$id", state.Id.ToString()))[0];
    }

    /// <summary>A caller's conversations, most recently used first.</summary>
    public static List<ConversationSummary> List(SqliteConnection connection, string caller, int limit, long usedBefore) => connection.Query(
        """
        select id, model_name, turns, last_used_at from conversations
        where caller = $caller and last_used_at < $before order by last_used_at desc limit $limit
        """,
        row => new ConversationSummary(GenerationId.Parse(row.GetString(0)), row.GetString(1), row.GetInt32(2), Time(row.GetInt64(3))),
        ("$caller", caller),
        ("$before", usedBefore),
        ("$limit", limit));

    /// <summary>Removes an unreserved conversation with its generations.</summary>
    public static void Remove(SqliteConnection connection, GenerationId conversation)
    {
        (string, object?) id = ("$id", conversation.ToString());
        connection.Execute("delete from token_log where generation in (select id from generations where conversation = $id)", id);
        connection.Execute("delete from generations where conversation = $id", id);
        connection.Execute("delete from conversations where id = $id", id);
    }

    /// <summary>Conversations that nobody used since <paramref name="usedBefore"/> and in which nothing runs.</summary>
    public static List<GenerationId> FindIdle(SqliteConnection connection, long usedBefore) => connection.Query(
        "select id from conversations where last_used_at < $before and running is null",
        row => GenerationId.Parse(row.GetString(0)),
        ("$before", usedBefore));

    private static FinishedTurn FindTurn(SqliteConnection connection, GenerationId answer)
    {
        StoredGeneration stored = GenerationTable.Find(connection, answer)!;
        int kept = connection.Query(
            "select kept_tokens from generations where id = $id", row => row.GetInt32(0), ("$id", answer.ToString()))[0];
        IEnumerable<int> ids = stored.Log.Where(entry => entry.Choice == 0).SelectMany(entry => entry.Ids);
        return new FinishedTurn(answer, stored.Request.Turn!, [.. ids.Take(kept)], stored.End!.Reason);
    }

    private static GenerationId? IdOrNull(SqliteDataReader row, int column) =>
        row.TextOrNull(column) is string id ? GenerationId.Parse(id) : null;

    private static DateTimeOffset Time(long utcTicks) => new(utcTicks, TimeSpan.Zero);
}
