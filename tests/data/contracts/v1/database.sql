-- A database as version 1 left it when its processes were killed: one turn of a conversation, an ended generation of two choices, one that runs.
create schema glm;
create table glm.schema_version (version int not null, least_version int not null);
insert into glm.schema_version values (3, 1);

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

alter table glm.beats add column beat_at timestamptz not null default clock_timestamp();

alter table glm.incarnations add column is_draining boolean not null default false;
alter table glm.generations add column successor uuid;
create index generations_by_successor on glm.generations (successor) where successor is not null;

insert into glm.model_cards (name, content_hash, card) values
    ('sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '{"model":{"name":"sample","content_hash":"026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076"},"architecture":"glm","context_tokens":8192,"vocabulary_size":1000,"stop_ids":[2],"default_sampling":{"temperature":1,"top_p":1,"top_k":0,"min_p":0,"repetition_penalty":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":[],"min_tokens":0,"seed":0},"text_assets_hash":"d2fc9c44e95fc6e557199a27515906dc063e256e7dfbdf2bfa2505445f545bef","weight_format":"f32","published_at":"2026-01-01T00:00:00+00:00"}');
insert into glm.text_assets (hash, body) values
    ('d2fc9c44e95fc6e557199a27515906dc063e256e7dfbdf2bfa2505445f545bef', '\x73616d706c65207465787420617373657473');
insert into glm.incarnations (id, name, model_name, model_hash, max_sequences, max_queued, numerics_class, url, last_frame, is_sealed, sealed_at, is_draining) values
    ('aff7eebd-4a7d-4995-8468-68b7d3aeeb81', 'scripted', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '64', '64', NULL, 'local://b1b043deaa3b41cca3fdd794ec1737fc/', '0', 'true', '639312099018826970', 'false');
insert into glm.incarnations (id, name, model_name, model_hash, max_sequences, max_queued, numerics_class, url, last_frame, is_sealed, sealed_at, is_draining) values
    ('17e98865-2a47-46c3-b45c-a55b9f9dc409', 'by hand', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '8', '8', NULL, 'local://b1b043deaa3b41cca3fdd794ec1737fc/', '0', 'false', NULL, 'false');
insert into glm.processes (id, name, role) values
    ('3ac02ee3-dcf8-4489-897e-be711e90cc35', 'test', 'silo');
insert into glm.beats (member, counter, running, free_blocks, prefix_digest, beat_at) values
    ('3ac02ee3-dcf8-4489-897e-be711e90cc35', '1', '0', '0', '\x', '2026-11-25 13:25:01.923892+00');
insert into glm.beats (member, counter, running, free_blocks, prefix_digest, beat_at) values
    ('17e98865-2a47-46c3-b45c-a55b9f9dc409', '7', '1', '100', '\x010203', '2026-11-25 13:25:02.32515+00');
insert into glm.conversations (id, caller, model_name, model_hash, turns, context, running, last_used_at) values
    ('aaaaaaaaaaaaaaaaaaaaaaa1', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '1', '\x0b0000000c0000000d00000064000000650000006600000067000000', 'aaaaaaaaaaaaaaaaaaaaaaa2', '639312099018826970');
insert into glm.generations (id, caller, model_name, model_hash, request, prompt, conversation, turn_index, idempotency_key, idempotency_fingerprint, state, queued_number, deadline, worker, from_frame, logged_tokens, tokens_at_dispatch, is_suspect, workers_lost_alone, is_cancel_requested, kept_tokens, generation_end, ended_at, successor) values
    ('aaaaaaaaaaaaaaaaaaaaaaa1', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', E'{"version":1,"id":"aaaaaaaaaaaaaaaaaaaaaaa1","caller":"alice","model":{"name":"sample","content_hash":"026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076"},"prompt_ids":[],"sampling":{"temperature":0,"top_p":1,"top_k":0,"min_p":0,"repetition_penalty":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":[],"min_tokens":0,"seed":0},"stop_ids":[2],"stop_strings":["\\n\\nUser:"],"is_chat_reply":false,"choices":1,"max_tokens":1000,"on_disconnect":"Park","priority":0,"turn":{"index":0,"messages":[{"role":"user","content":"Hello","tool_calls":[]}],"tools":[]},"idempotency_key":"key","idempotency_fingerprint":"fingerprint","view":{"dialect":"test","model_name":"sample","include_usage":false,"prefix":"","tools":[]},"created_at":"2026-01-01T00:00:00+00:00"}', null, 'aaaaaaaaaaaaaaaaaaaaaaa1', '0', 'key', 'fingerprint', '5', '1', '639312099618826970', NULL, '0', '5', '0', 'false', '0', 'false', '4', '{"reason":"Stop","usage":{"prompt_tokens":3,"completion_tokens":5,"cached_tokens":0}}', '639312099018826970', NULL);
insert into glm.generations (id, caller, model_name, model_hash, request, prompt, conversation, turn_index, idempotency_key, idempotency_fingerprint, state, queued_number, deadline, worker, from_frame, logged_tokens, tokens_at_dispatch, is_suspect, workers_lost_alone, is_cancel_requested, kept_tokens, generation_end, ended_at, successor) values
    ('bbbbbbbbbbbbbbbbbbbbbbb1', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '{"version":1,"id":"bbbbbbbbbbbbbbbbbbbbbbb1","caller":"alice","model":{"name":"sample","content_hash":"026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076"},"prompt_ids":[],"sampling":{"temperature":0.5,"top_p":0.9,"top_k":0,"min_p":0,"repetition_penalty":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":[{"id":7,"bias":-100}],"min_tokens":0,"seed":18446744073709551615},"stop_ids":[2],"stop_strings":[],"is_chat_reply":false,"choices":2,"top_logprobs":1,"max_tokens":1000,"on_disconnect":"Park","priority":0,"view":{"dialect":"test","model_name":"sample","include_usage":false,"prefix":"","tools":[]},"created_at":"2026-01-01T00:00:00+00:00"}', null, NULL, NULL, NULL, NULL, '5', '2', '639312099618826970', NULL, '0', '4', '0', 'false', '0', 'false', '1', '{"reason":"Stop","usage":{"prompt_tokens":3,"completion_tokens":4,"cached_tokens":2}}', '639312099018826970', NULL);
insert into glm.generations (id, caller, model_name, model_hash, request, prompt, conversation, turn_index, idempotency_key, idempotency_fingerprint, state, queued_number, deadline, worker, from_frame, logged_tokens, tokens_at_dispatch, is_suspect, workers_lost_alone, is_cancel_requested, kept_tokens, generation_end, ended_at, successor) values
    ('aaaaaaaaaaaaaaaaaaaaaaa2', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '{"version":1,"id":"aaaaaaaaaaaaaaaaaaaaaaa2","caller":"alice","model":{"name":"sample","content_hash":"026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076"},"prompt_ids":[],"sampling":{"temperature":0,"top_p":1,"top_k":0,"min_p":0,"repetition_penalty":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":[],"min_tokens":0,"seed":0},"stop_ids":[2],"stop_strings":[],"is_chat_reply":false,"choices":1,"max_tokens":1000,"on_disconnect":"Detach","priority":0,"turn":{"conversation":"aaaaaaaaaaaaaaaaaaaaaaa1","index":1,"messages":[{"role":"user","content":"And then?","tool_calls":[]}],"tools":[]},"view":{"dialect":"test","model_name":"sample","include_usage":false,"prefix":"","tools":[]},"created_at":"2026-01-01T00:00:00+00:00"}', '\x0b0000000c0000000d000000', 'aaaaaaaaaaaaaaaaaaaaaaa1', NULL, NULL, NULL, '2', '3', '639312963018826970', '17e98865-2a47-46c3-b45c-a55b9f9dc409', '0', '0', '0', 'false', '0', 'false', NULL, NULL, NULL, NULL);
insert into glm.token_log (generation, first_seq, entries) values
    ('aaaaaaaaaaaaaaaaaaaaaaa1', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa10100056465666702737b2267656e65726174696f6e223a22616161616161616161616161616161616161616161616131222c2266697273745f736571223a312c2263686f696365223a302c22696473223a5b5d2c22656e64223a7b22726561736f6e223a2253746f70222c226b6570745f746f6b656e73223a347d7d');
insert into glm.token_log (generation, first_seq, entries) values
    ('bbbbbbbbbbbbbbbbbbbbbbb1', '1', '\x01bbbbbbbbbbbbbbbbbbbbbbb10100016488017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a312c2263686f696365223a302c22696473223a5b5d2c226c6f6770726f6273223a5b2d302e355d2c22746f705f6c6f6770726f6273223a5b7b226964223a3130302c226c6f6770726f62223a2d302e357d5d7dbbbbbbbbbbbbbbbbbbbbbbb1020101658a017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a322c2263686f696365223a312c22696473223a5b5d2c226c6f6770726f6273223a5b2d302e32355d2c22746f705f6c6f6770726f6273223a5b7b226964223a3130312c226c6f6770726f62223a2d302e32357d5d7dbbbbbbbbbbbbbbbbbbbbbbb103000102b2017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a332c2263686f696365223a302c22696473223a5b5d2c226c6f6770726f6273223a5b2d302e3132355d2c22656e64223a7b22726561736f6e223a2253746f70222c226b6570745f746f6b656e73223a317d2c22746f705f6c6f6770726f6273223a5b7b226964223a322c226c6f6770726f62223a2d302e3132357d5d7dbbbbbbbbbbbbbbbbbbbbbbb104010102aa017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a342c2263686f696365223a312c22696473223a5b5d2c226c6f6770726f6273223a5b2d315d2c22656e64223a7b22726561736f6e223a2253746f70222c226b6570745f746f6b656e73223a317d2c22746f705f6c6f6770726f6273223a5b7b226964223a322c226c6f6770726f62223a2d317d5d7d');
insert into glm.frames (incarnation, number, slot, entries) values
    ('aff7eebd-4a7d-4995-8468-68b7d3aeeb81', '1', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa10100016400');
insert into glm.frames (incarnation, number, slot, entries) values
    ('aff7eebd-4a7d-4995-8468-68b7d3aeeb81', '2', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa10200016500');
insert into glm.frames (incarnation, number, slot, entries) values
    ('aff7eebd-4a7d-4995-8468-68b7d3aeeb81', '3', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa10300016600');
insert into glm.frames (incarnation, number, slot, entries) values
    ('aff7eebd-4a7d-4995-8468-68b7d3aeeb81', '4', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa10400016700');
insert into glm.frames (incarnation, number, slot, entries) values
    ('17e98865-2a47-46c3-b45c-a55b9f9dc409', '1', '1', '\x01bbbbbbbbbbbbbbbbbbbbbbb10100016488017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a312c2263686f696365223a302c22696473223a5b5d2c226c6f6770726f6273223a5b2d302e355d2c22746f705f6c6f6770726f6273223a5b7b226964223a3130302c226c6f6770726f62223a2d302e357d5d7dbbbbbbbbbbbbbbbbbbbbbbb1020101658a017b2267656e65726174696f6e223a22626262626262626262626262626262626262626262626231222c2266697273745f736571223a322c2263686f696365223a312c22696473223a5b5d2c226c6f6770726f6273223a5b2d302e32355d2c22746f705f6c6f6770726f6273223a5b7b226964223a3130312c226c6f6770726f62223a2d302e32357d5d7daaaaaaaaaaaaaaaaaaaaaaa2010002646500');
insert into glm.frames (incarnation, number, slot, entries) values
    ('17e98865-2a47-46c3-b45c-a55b9f9dc409', '2', '1', '\x01aaaaaaaaaaaaaaaaaaaaaaa20300016600');
insert into glm.secrets (name, value) values
    ('live', '\x0000000000000000000000000000000000000000000000000000000000000000');
insert into glm.usage (generation, caller, model_name, model_hash, prompt_tokens, completion_tokens, cached_tokens, ended_at) values
    ('aaaaaaaaaaaaaaaaaaaaaaa1', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '3', '5', '0', '639312099018826970');
insert into glm.usage (generation, caller, model_name, model_hash, prompt_tokens, completion_tokens, cached_tokens, ended_at) values
    ('bbbbbbbbbbbbbbbbbbbbbbb1', 'alice', 'sample', '026487d9350a44dc242a3bd4a605fe97c13518b7fef49048c14850b4e6871076', '3', '4', '2', '639312099018826970');
