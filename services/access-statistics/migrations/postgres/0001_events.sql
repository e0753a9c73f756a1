-- The log of event batches, what it was folded into, and what the registry told.

create table head (
  id bigint not null primary key check (id = 1),
  position bigint not null,
  folded bigint not null
);
insert into head (id, position, folded) values (1, 0, 0);

create table sources (
  name text collate "C" not null,
  incarnation bigint not null,
  durable_sequence bigint not null,
  primary key (name, incarnation)
);

create table batches (
  position bigint not null primary key,
  source text collate "C" not null,
  incarnation bigint not null,
  first_sequence bigint not null,
  last_sequence bigint not null,
  arrived_at bigint not null,
  events bytea not null
);
create index batches_by_source on batches (source, incarnation, last_sequence);

create table practices (
  ordinal bigint not null primary key,
  code text collate "C" not null unique
);

create table strands (
  ordinal bigint not null primary key,
  capability text collate "C" not null,
  kind bigint not null,
  channel text collate "C" not null,
  section bigint not null,
  unique (capability, kind, channel, section)
);

-- Keys of what is counted by practice begin with the time: what is written together lies together, some ninety pages of a day
-- and not one of each practice.
create table hourly_counts (
  hour bigint not null,
  practice bigint not null,
  strand bigint not null,
  count bigint not null,
  primary key (hour, practice, strand)
);

create table daily_counts (
  day bigint not null,
  practice bigint not null,
  strand bigint not null,
  arrived bigint not null,
  count bigint not null,
  primary key (day, practice, strand, arrived)
);

create table area_counts (
  area text collate "C" not null,
  capability text collate "C" not null,
  kind bigint not null,
  day bigint not null,
  arrived bigint not null,
  count bigint not null,
  primary key (area, capability, kind, day, arrived)
);

create table practice_sketches (
  day bigint not null,
  practice bigint not null,
  capability text collate "C" not null,
  arrived bigint not null,
  sketch bytea not null,
  primary key (day, practice, capability, arrived)
);

create table area_sketches (
  area text collate "C" not null,
  capability text collate "C" not null,
  day bigint not null,
  arrived bigint not null,
  sketch bytea not null,
  primary key (area, capability, day, arrived)
);

create table followed (
  id bigint not null primary key check (id = 1),
  position bigint not null,
  journal_hash bytea not null,
  resume_token text not null
);

create table told (
  number bigint not null primary key,
  practice text collate "C" not null,
  effective_from bigint not null,
  recorded_at bigint not null,
  registry_position bigint not null,
  fact text not null
);
