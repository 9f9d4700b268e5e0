using System.Collections.Immutable;
using System.Text.Json;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;
using GlmCluster.Grains.Logs;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>A generation as its row has it.</summary>
/// <param name="Request">As admitted; without prompt ids once ended.</param>
/// <param name="Log">In order.</param>
/// <param name="End">Null while unfinished.</param>
internal sealed record StoredGeneration(GenerationRequest Request, ImmutableArray<LogEntry> Log, GenerationEnd? End);

/// <summary>Requests and how they ended.</summary>
internal static class GenerationTable
{
    private const string Columns = "request, prompt, generation_end";

    /// <param name="connection">Inside a transaction.</param>
    /// <param name="request">What was admitted.</param>
    /// <param name="conversation">The conversation it belongs to; null: none.</param>
    public static void Insert(SqliteConnection connection, GenerationRequest request, GenerationId? conversation) => connection.Execute(
        """
        insert into generations (id, caller, request, prompt, conversation, idempotency_key, idempotency_fingerprint)
        values ($id, $caller, $request, $prompt, $conversation, $key, $fingerprint)
        """,
        ("$id", request.Id.ToString()),
        ("$caller", request.Caller),
        ("$request", JsonSerializer.Serialize(request with { PromptIds = [] }, ContractsJsonContext.Default.GenerationRequest)),
        ("$prompt", TokenBlob.FromIds(request.PromptIds.AsSpan())),
        ("$conversation", conversation?.ToString()),
        ("$key", request.IdempotencyKey),
        ("$fingerprint", request.IdempotencyFingerprint));

    public static StoredGeneration? Find(SqliteConnection connection, GenerationId id)
    {
        List<StoredGeneration> found = connection.Query(
            $"select {Columns} from generations where id = $id", row => Read(connection, row), ("$id", id.ToString()));
        return found is [StoredGeneration generation] ? generation : null;
    }

    /// <summary>What an earlier process left unfinished.</summary>
    public static List<StoredGeneration> FindUnfinished(SqliteConnection connection) =>
        connection.Query($"select {Columns} from generations where ended_at is null", row => Read(connection, row));

    /// <returns>The generation that holds a caller's key, with its fingerprint; null: the key is free.</returns>
    public static (GenerationId Id, string? Fingerprint)? FindByKey(SqliteConnection connection, string caller, string key)
    {
        List<(GenerationId, string?)> found = connection.Query(
            "select id, idempotency_fingerprint from generations where caller = $caller and idempotency_key = $key",
            row => (GenerationId.Parse(row.GetString(0)), row.TextOrNull(1)),
            ("$caller", caller),
            ("$key", key));
        return found is [var holder] ? holder : null;
    }

    /// <summary>Writes the end and drops the prompt.</summary>
    /// <returns>False: there is no such unfinished generation.</returns>
    public static bool End(SqliteConnection connection, GenerationId id, GenerationEnd end, int keptTokens, long endedAt) => connection.Execute(
        """
        update generations set prompt = null, generation_end = $end, kept_tokens = $kept, ended_at = $now
        where id = $id and ended_at is null
        """,
        ("$id", id.ToString()),
        ("$end", JsonSerializer.Serialize(end, ContractsJsonContext.Default.GenerationEnd)),
        ("$kept", keptTokens),
        ("$now", endedAt)) == 1;

    /// <summary>Counts the tokens of a generation; a second time changes nothing.</summary>
    public static void CountUsage(SqliteConnection connection, GenerationRequest request, TokenUsage usage, long endedAt) => connection.Execute(
        """
        insert into usage (generation, caller, model_name, model_hash, prompt_tokens, completion_tokens, cached_tokens, ended_at)
        values ($id, $caller, $name, $hash, $prompt, $completion, $cached, $now)
        on conflict do nothing
        """,
        ("$id", request.Id.ToString()),
        ("$caller", request.Caller),
        ("$name", request.Model.Name),
        ("$hash", request.Model.ContentHash),
        ("$prompt", usage.PromptTokens),
        ("$completion", usage.CompletionTokens),
        ("$cached", usage.CachedTokens),
        ("$now", endedAt));

    /// <summary>Removes what ended before <paramref name="endedBefore"/> and belongs to no conversation any more.</summary>
    /// <returns>Generations removed.</returns>
    public static int RemoveLoose(SqliteConnection connection, long endedBefore)
    {
        const string Loose =
            """
            select id from generations where ended_at < $before
            and (conversation is null or conversation not in (select id from conversations))
            """;
        connection.Execute($"delete from token_log where generation in ({Loose})", ("$before", endedBefore));
        return connection.Execute($"delete from generations where id in ({Loose})", ("$before", endedBefore));
    }

    private static StoredGeneration Read(SqliteConnection connection, SqliteDataReader row)
    {
        GenerationRequest request = ReadRequest(row.GetString(0));
        if (!row.IsDBNull(1))
        {
            request = request with { PromptIds = TokenBlob.ToIds(row.Bytes(1)) };
        }

        GenerationEnd? end = row.TextOrNull(2) is string json
            ? JsonSerializer.Deserialize(json, ContractsJsonContext.Default.GenerationEnd)
            : null;
        return new StoredGeneration(request, TokenLogTable.Read(connection, request.Id), end);
    }

    /// <exception cref="InvalidDataException">The column holds no request.</exception>
    public static GenerationRequest ReadRequest(string json) =>
        JsonSerializer.Deserialize(json, ContractsJsonContext.Default.GenerationRequest)
            ?? throw new InvalidDataException("A stored generation has no request.");
}
