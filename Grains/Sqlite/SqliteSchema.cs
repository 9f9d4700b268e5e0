using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>The tables, made and extended step by step. Steps only add, so that an older store is always readable.</summary>
/// <remarks>Times are UTC ticks. A generation is unfinished while <c>ended_at</c> is null; its conversation's <c>running</c> names it.</remarks>
internal static class SqliteSchema
{
    /// <summary>Marks our files in SQLite's header: "GLMc".</summary>
    public const int ApplicationId = 0x474C4D63;

    /// <summary>Step i brings a store from version i to i + 1. Never edited once released.</summary>
    private static readonly string[] Steps =
    [
        """
        create table model_cards (
            name text not null, content_hash text not null, card text not null,
            primary key (name, content_hash)) without rowid;
        create table text_assets (hash text primary key, body blob not null);

        create table conversations (
            id text primary key, caller text not null, model_name text not null, model_hash text not null,
            turns integer not null, context blob not null, running text, last_used_at integer not null);
        create index conversations_by_caller on conversations (caller, last_used_at);
        create index conversations_by_use on conversations (last_used_at);

        -- prompt: ids, null once ended. turn_index: set when the conversation keeps the answer.
        create table generations (
            id text primary key, caller text not null, request text not null, prompt blob,
            conversation text, turn_index integer, idempotency_key text, idempotency_fingerprint text,
            kept_tokens integer, generation_end text, ended_at integer);
        create unique index generations_by_idempotency_key on generations (caller, idempotency_key) where idempotency_key is not null;
        create index generations_by_conversation on generations (conversation, turn_index) where conversation is not null;
        create index generations_unfinished on generations (id) where ended_at is null;
        create index generations_by_end on generations (ended_at) where ended_at is not null;

        -- Clustered by generation, so reading a log touches no other generation's rows. Ended logs are rewritten to one row per run of a choice.
        create table token_log (
            generation text not null, first_seq integer not null, choice integer not null, ids blob not null,
            end_reason text, end_kept_tokens integer,
            primary key (generation, first_seq)) without rowid;

        create table usage (
            generation text primary key, caller text not null, model_name text not null, model_hash text not null,
            prompt_tokens integer not null, completion_tokens integer not null, cached_tokens integer not null,
            ended_at integer not null) without rowid;
        """,
        """
        -- Per id four bytes, and per alternative of each id eight: see TokenBlob. Null: not asked for.
        alter table token_log add column logprobs blob;
        alter table token_log add column top_logprobs blob;
        """,
    ];

    /// <summary>The newest version this program knows.</summary>
    public static int Version => Steps.Length;

    /// <summary>Runs the steps that are missing, all in one transaction.</summary>
    public static void Migrate(SqliteConnection connection, int storedVersion)
    {
        using SqliteTransaction transaction = connection.BeginTransaction();
        foreach (string step in Steps.AsSpan(storedVersion))
        {
            connection.Execute(step);
        }

        // A pragma takes no parameters; both values are our own constants.
        connection.Execute($"pragma application_id = {ApplicationId}; pragma user_version = {Version}");
        transaction.Commit();
    }
}
