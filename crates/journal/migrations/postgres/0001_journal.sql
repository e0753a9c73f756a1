-- The last record: what a writer locks, and what the next record continues.
create table journal_head (
  id             bigint primary key check (id = 1),
  name           text   collate "C" not null,
  position       bigint not null,
  hash           bytea  not null,
  recorded_at_us bigint not null,
  written_by     text   collate "C" not null
);

-- Append-only; the trigger below keeps it so against accidents, the chain of hashes against intent.
create table journal_records (
  position       bigint primary key,
  recorded_at_us bigint not null,
  actor          text   collate "C" not null,
  request_id     text   collate "C" not null,
  cause          text   collate "C" not null,
  traceparent    text   collate "C" not null,
  kind           text   collate "C" not null,
  payload        text   collate "C" not null,
  reason_code    text   collate "C" not null,
  note_hash      bytea,
  previous_hash  bytea  not null,
  hash           bytea  not null
);

create index journal_records_by_time on journal_records (recorded_at_us, position);

create function journal_records_are_never_changed() returns trigger language plpgsql as $$
begin
  raise exception 'journal records are never updated or deleted';
end
$$;

create trigger journal_records_are_never_changed before update or delete or truncate on journal_records
  for each statement execute function journal_records_are_never_changed();

-- Beside the journal, so that a note can be taken away without breaking the chain (rule 16).
create table journal_notes (
  position bigint primary key,
  salt     bytea not null,
  note     text  not null
);

-- The first reply to each request, for replays.
create table journal_requests (
  request_id  text   collate "C" not null,
  actor       text   collate "C" not null,
  body_digest bytea  not null,
  reply       bytea  not null,
  position    bigint not null,
  primary key (request_id, actor)
);

-- A cache of states, in parts so that no write is long. A snapshot counts once its row here is written.
create table journal_snapshots (
  position    bigint primary key,
  hash        bytea  not null,
  shape       text   collate "C" not null,
  state_hash  bytea  not null,
  parts_count bigint not null
);

create table journal_snapshot_parts (
  position bigint not null,
  part     bigint not null,
  bytes    bytea  not null,
  primary key (position, part)
);
