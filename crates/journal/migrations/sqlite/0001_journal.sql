-- The last record: what a writer locks, and what the next record continues.
create table journal_head (
  id             integer primary key check (id = 1),
  name           text    not null,
  position       integer not null,
  hash           blob    not null,
  recorded_at_us integer not null,
  written_by     text    not null
) strict;

-- Append-only; the triggers below keep it so against accidents, the chain of hashes against intent.
create table journal_records (
  position       integer primary key,
  recorded_at_us integer not null,
  actor          text    not null,
  request_id     text    not null,
  cause          text    not null,
  traceparent    text    not null,
  kind           text    not null,
  payload        text    not null,
  reason_code    text    not null,
  note_hash      blob,
  previous_hash  blob    not null,
  hash           blob    not null
) strict;

create index journal_records_by_time on journal_records (recorded_at_us, position);

create trigger journal_records_are_never_updated before update on journal_records
begin
  select raise(abort, 'journal records are never updated');
end;

create trigger journal_records_are_never_deleted before delete on journal_records
begin
  select raise(abort, 'journal records are never deleted');
end;

-- Beside the journal, so that a note can be taken away without breaking the chain (rule 16).
create table journal_notes (
  position integer primary key,
  salt     blob not null,
  note     text not null
) strict;

-- The first reply to each request, for replays.
create table journal_requests (
  request_id  text    not null,
  actor       text    not null,
  body_digest blob    not null,
  reply       blob    not null,
  position    integer not null,
  primary key (request_id, actor)
) strict;

-- A cache of states, in parts so that no write is long. A snapshot counts once its row here is written.
create table journal_snapshots (
  position    integer primary key,
  hash        blob    not null,
  shape       text    not null,
  state_hash  blob    not null,
  parts_count integer not null
) strict;

create table journal_snapshot_parts (
  position integer not null,
  part     integer not null,
  bytes    blob    not null,
  primary key (position, part)
) strict;
