using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>Logged tokens, one row per entry.</summary>
internal static class TokenLogTable
{
    /// <summary>Adds entries of unfinished generations; those of ended ones are dropped, since the end carried the whole log.</summary>
    public static void Append(SqliteConnection connection, IEnumerable<LogEntry> entries) => Insert(
        connection,
        """
        insert into token_log (generation, first_seq, choice, ids, end_reason, end_kept_tokens, logprobs, top_logprobs)
        select $generation, $seq, $choice, $ids, $reason, $kept, $logprobs, $tops
        where exists (select 1 from generations where id = $generation and ended_at is null)
        """,
        entries);

    /// <summary>Puts the whole log of a generation in place of its rows.</summary>
    public static void Replace(SqliteConnection connection, GenerationId generation, ImmutableArray<LogEntry> entries)
    {
        connection.Execute("delete from token_log where generation = $id", ("$id", generation.ToString()));
        Insert(
            connection,
            """
            insert into token_log (generation, first_seq, choice, ids, end_reason, end_kept_tokens, logprobs, top_logprobs)
            values ($generation, $seq, $choice, $ids, $reason, $kept, $logprobs, $tops)
            """,
            entries);
    }

    /// <summary>The log in order; empty: nothing was logged.</summary>
    public static ImmutableArray<LogEntry> Read(SqliteConnection connection, GenerationId generation) =>
    [
        .. connection.Query(
            """
            select first_seq, choice, ids, end_reason, end_kept_tokens, logprobs, top_logprobs
            from token_log where generation = $id order by first_seq
            """,
            row => new LogEntry(generation, row.GetInt64(0), row.GetInt32(1), TokenBlob.ToIds(row.Bytes(2)), End: ReadEnd(row))
            {
                Logprobs = row.IsDBNull(5) ? default : TokenBlob.ToLogprobs(row.Bytes(5)),
                TopLogprobs = row.IsDBNull(6) ? default : TokenBlob.ToTopLogprobs(row.Bytes(6)),
            },
            ("$id", generation.ToString())),
    ];

    private static ChoiceEnd? ReadEnd(SqliteDataReader row) =>
        row.IsDBNull(3) ? null : new ChoiceEnd(Enum.Parse<EndReason>(row.GetString(3)), row.GetInt32(4));

    private static void Insert(SqliteConnection connection, string sql, IEnumerable<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            connection.Execute(
                sql,
                ("$generation", entry.Generation.ToString()),
                ("$seq", entry.FirstSeq),
                ("$choice", entry.Choice),
                ("$ids", TokenBlob.FromIds(entry.Ids.AsSpan())),
                ("$reason", entry.End?.Reason.ToString()),
                ("$kept", entry.End?.KeptTokens),
                ("$logprobs", TokenBlob.FromLogprobs(entry.Logprobs)),
                ("$tops", TokenBlob.FromTopLogprobs(entry.TopLogprobs)));
        }
    }
}
