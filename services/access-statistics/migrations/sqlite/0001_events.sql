-- The log of event batches, what it was folded into, and what the registry told.

create table head (
  id integer not null primary key check (id = 1),
  position integer not null,
  folded integer not null
) strict;
insert into head (id, position, folded) values (1, 0, 0);

create table sources (
  name text not null,
  incarnation integer not null,
  durable_sequence integer not null,
  primary key (name, incarnation)
) strict, without rowid;

create table batches (
  position integer not null primary key,
  source text not null,
  incarnation integer not null,
  first_sequence integer not null,
  last_sequence integer not null,
  arrived_at integer not null,
  events blob not null
) strict;
create index batches_by_source on batches (source, incarnation, last_sequence);

create table practices (
  ordinal integer not null primary key,
  code text not null unique
) strict;

create table strands (
  ordinal integer not null primary key,
  capability text not null,
  kind integer not null,
  channel text not null,
  section integer not null,
  unique (capability, kind, channel, section)
) strict;

-- Keys of what is counted by practice begin with the time: what is written together lies together, some ninety pages of a day
-- and not one of each practice.
create table hourly_counts (
  hour integer not null,
  practice integer not null,
  strand integer not null,
  count integer not null,
  primary key (hour, practice, strand)
) strict, without rowid;

create table daily_counts (
  day integer not null,
  practice integer not null,
  strand integer not null,
  arrived integer not null,
  count integer not null,
  primary key (day, practice, strand, arrived)
) strict, without rowid;

create table area_counts (
  area text not null,
  capability text not null,
  kind integer not null,
  day integer not null,
  arrived integer not null,
  count integer not null,
  primary key (area, capability, kind, day, arrived)
) strict, without rowid;

create table practice_sketches (
  day integer not null,
  practice integer not null,
  capability text not null,
  arrived integer not null,
  sketch blob not null,
  primary key (day, practice, capability, arrived)
) strict;

create table area_sketches (
  area text not null,
  capability text not null,
  day integer not null,
  arrived integer not null,
  sketch blob not null,
  primary key (area, capability, day, arrived)
) strict;

create table followed (
  id integer not null primary key check (id = 1),
  position integer not null,
  journal_hash blob not null,
  resume_token text not null
) strict;

create table told (
  number integer not null primary key,
  practice text not null,
  effective_from integer not null,
  recorded_at integer not null,
  registry_position integer not null,
  fact text not null
) strict;
