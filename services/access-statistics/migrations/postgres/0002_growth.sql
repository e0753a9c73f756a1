-- Counts of areas also by strand; counts of practices in a partition for each month; and the registry is heard anew, for
-- sub-ICBs and PCNs.

create table area_strand_counts (
  area text collate "C" not null,
  strand bigint not null,
  day bigint not null,
  arrived bigint not null,
  count bigint not null,
  primary key (area, strand, day, arrived)
);

alter table hourly_counts rename to hourly_counts_of_all_time;
alter table hourly_counts_of_all_time rename constraint hourly_counts_pkey to hourly_counts_of_all_time_pkey;
create table hourly_counts (
  hour bigint not null,
  practice bigint not null,
  strand bigint not null,
  count bigint not null,
  primary key (hour, practice, strand)
) partition by range (hour);
-- Months that nobody makes a partition for: of long ago, by producers whose clocks are wrong, and of before this migration.
create table hourly_counts_other partition of hourly_counts default;
insert into hourly_counts (hour, practice, strand, count)
  select hour, practice, strand, count from hourly_counts_of_all_time;
drop table hourly_counts_of_all_time;

alter table daily_counts rename to daily_counts_of_all_time;
alter table daily_counts_of_all_time rename constraint daily_counts_pkey to daily_counts_of_all_time_pkey;
create table daily_counts (
  day bigint not null,
  practice bigint not null,
  strand bigint not null,
  arrived bigint not null,
  count bigint not null,
  primary key (day, practice, strand, arrived)
) partition by range (day);
create table daily_counts_other partition of daily_counts default;
insert into daily_counts (day, practice, strand, arrived, count)
  select day, practice, strand, arrived, count from daily_counts_of_all_time;
drop table daily_counts_of_all_time;

-- Makes the partition of a month, whose name and bounds the caller gives, unless there is one, or what belongs into it lies
-- in the default partition already and stays there.
create function make_partition(of_table text, name text, column_name text, first bigint, next bigint) returns void
language plpgsql as $$
declare
  lies_elsewhere boolean;
begin
  if to_regclass(quote_ident(current_schema()) || '.' || quote_ident(name)) is not null then
    return;
  end if;
  execute format('select exists (select from %I where %I >= $1 and %I < $2)', of_table || '_other', column_name, column_name)
    into lies_elsewhere using first, next;
  if not lies_elsewhere then
    execute format('create table %I partition of %I for values from (%s) to (%s)', name, of_table, first, next);
  end if;
end
$$;

-- Drops the partitions of the months before the one whose partition has this name.
create function drop_partitions(of_table text, first_kept text) returns void
language plpgsql as $$
declare
  month name;
begin
  for month in
    select child.relname from pg_inherits
      join pg_class as child on child.oid = pg_inherits.inhrelid
      join pg_class as parent on parent.oid = pg_inherits.inhparent
    where parent.relname = of_table and parent.relnamespace = current_schema()::regnamespace
      and child.relname ~ '_[0-9]{4}_[0-9]{2}$' and child.relname < first_kept collate "C"
  loop
    execute format('drop table %I', month);
  end loop;
end
$$;

delete from followed;
