namespace GlmCluster.Grains.Postgres.Schema;

/// <summary>The tables in the database's schema <c>glm</c>, made and extended step by step. Steps are never edited once released.</summary>
/// <remarks>
/// Times are UTC ticks of the cluster's clock (<see cref="ClusterClock"/>). A generation's log is its chunks in <c>token_log</c> and then the
/// entries in the frames of its worker with a number above <c>from_frame</c>.
/// </remarks>
internal static class PostgresSchema
{
    public static IReadOnlyList<SchemaStep> Steps { get; } =
    [
        new SchemaStep(LeastVersion: 1,
            """
            create table glm.model_cards (
                name text not null, content_hash text not null, card text not null, primary key (name, content_hash));
            create table glm.text_assets (hash text primary key, body bytea not null);

            create table glm.incarnations (
                id uuid primary key, joined_number bigint generated always as identity, name text not null,
                model_name text not null, model_hash text not null, max_sequences int not null, max_queued int not null,
                numerics_class text, url text, last_frame bigint not null default 0, is_sealed boolean not null default false,
                sealed_at bigint);
            create index incarnations_unsealed on glm.incarnations (model_name, model_hash) where not is_sealed;

            -- role: gateway or silo. Workers and processes raise a counter while they live.
            create table glm.processes (id uuid primary key, name text not null, role text not null);
            create table glm.beats (
                member uuid primary key, counter bigint not null, running int not null default 0, free_blocks int not null default 0,
                prefix_digest bytea not null default '') with (fillfactor = 50);

            create table glm.conversations (
                id text primary key, caller text not null, model_name text not null, model_hash text not null,
                turns int not null, context bytea not null, running text, last_used_at bigint not null);
            create index conversations_by_caller on glm.conversations (caller, last_used_at);
            create index conversations_by_use on glm.conversations (last_used_at);
            create index conversations_running on glm.conversations (running) where running is not null;

            -- prompt: null once ended. logged_tokens: ids in token_log. state: as GenerationRowState.
            create table glm.generations (
                id text primary key, caller text not null, model_name text not null, model_hash text not null,
                request text not null, prompt bytea, conversation text, turn_index int,
                idempotency_key text, idempotency_fingerprint text,
                state smallint not null, queued_number bigint, deadline bigint not null default 0,
                worker uuid, from_frame bigint not null default 0, logged_tokens bigint not null default 0,
                tokens_at_dispatch bigint not null default 0, is_suspect boolean not null default false,
                workers_lost_alone int not null default 0, is_cancel_requested boolean not null default false,
                kept_tokens int, generation_end text, ended_at bigint) with (fillfactor = 70);
            create sequence glm.queued_numbers;
            create unique index generations_by_idempotency_key on glm.generations (caller, idempotency_key) where idempotency_key is not null;
            create index generations_by_conversation on glm.generations (conversation, turn_index) where conversation is not null;
            create index generations_unfinished on glm.generations (model_name, model_hash) where ended_at is null;
            create index generations_by_worker on glm.generations (worker) where worker is not null;
            create index generations_by_end on glm.generations (ended_at) where ended_at is not null;

            create table glm.readers (generation text not null, gateway uuid not null, primary key (generation, gateway));
            create index readers_by_gateway on glm.readers (gateway);

            -- What a worker has not picked up yet.
            create table glm.commands (
                number bigint generated always as identity primary key, incarnation uuid not null, kind smallint not null, generation text not null);
            create index commands_by_incarnation on glm.commands (incarnation);

            create table glm.token_log (
                generation text not null, first_seq bigint not null, entries bytea not null, primary key (generation, first_seq));

            -- One row per engine step. The partitions are used in turn and emptied as a whole; rows are never deleted.
            create table glm.frames (
                incarnation uuid not null, number bigint not null, slot smallint not null, entries bytea not null,
                primary key (incarnation, number, slot)) partition by list (slot);
            create table glm.frames_0 partition of glm.frames for values in (0);
            create table glm.frames_1 partition of glm.frames for values in (1);
            create table glm.frames_2 partition of glm.frames for values in (2);
            create table glm.frames_3 partition of glm.frames for values in (3);

            -- What members of the cluster prove to each other that they know.
            create table glm.secrets (name text primary key, value bytea not null);

            create table glm.usage (
                generation text primary key, caller text not null, model_name text not null, model_hash text not null,
                prompt_tokens int not null, completion_tokens int not null, cached_tokens int not null, ended_at bigint not null);
            """),

        // Shown to operators; decides nothing.
        new SchemaStep(LeastVersion: 1, "alter table glm.beats add column beat_at timestamptz not null default clock_timestamp()"),

        // A worker that drains takes no new work. successor: the worker that prepares a generation in order to go on with it.
        new SchemaStep(LeastVersion: 1,
            """
            alter table glm.incarnations add column is_draining boolean not null default false;
            alter table glm.generations add column successor uuid;
            create index generations_by_successor on glm.generations (successor) where successor is not null;
            """),

        new SchemaStep(LeastVersion: 1, "create index usage_by_end on glm.usage (model_name, model_hash, ended_at)"),

        // What routing looks at. priority, choices: as in the request. caller_running: most sequences of the caller that run when it begins.
        // numerics_class: in which a generation or conversation began. worker: of a conversation's last turn. digest_number: new with every digest.
        new SchemaStep(LeastVersion: 1,
            """
            alter table glm.generations add column priority int not null default 0, add column choices int not null default 1,
                add column caller_running int, add column numerics_class text;
            alter table glm.conversations add column worker uuid, add column numerics_class text;
            alter table glm.incarnations add column prefix_seed text, add column shares_by_caller boolean not null default false;
            alter table glm.beats add column digest_number bigint not null default 0;
            create sequence glm.digest_numbers;
            create index generations_pending on glm.generations (model_name, model_hash, priority, caller, queued_number) where state = 1;
            create index generations_assigned on glm.generations (model_name, model_hash, caller) where worker is not null;
            """),
    ];

    /// <summary>The newest version this program knows.</summary>
    public static int Version => Steps.Count;
}

/// <summary>Brings a schema from one version to the next.</summary>
/// <param name="LeastVersion">The oldest program (by the schema version it knows) that may run on the result.</param>
/// <param name="Sql">Statements, run in one transaction with the new version.</param>
/// <param name="Contracts">It takes something away that an older program uses, so it runs only by <c>glm db migrate</c>.</param>
internal sealed record SchemaStep(int LeastVersion, string Sql, bool Contracts = false);
