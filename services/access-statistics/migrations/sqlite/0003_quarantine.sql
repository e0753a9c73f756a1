-- Events that are not counted, by batch and reason; and which replica folds.

create table quarantine (
  position integer not null,
  reason integer not null,
  source text not null,
  incarnation integer not null,
  first_sequence integer not null,
  last_sequence integer not null,
  count integer not null,
  arrived_at integer not null,
  primary key (position, reason)
) strict;
create index quarantine_by_source on quarantine (source, position);

create table fold_lease (
  id integer not null primary key check (id = 1),
  epoch integer not null,
  replica text not null
) strict;
insert into fold_lease (id, epoch, replica) values (1, 0, '');
