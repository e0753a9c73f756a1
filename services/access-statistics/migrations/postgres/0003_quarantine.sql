-- Events that are not counted, by batch and reason; and which replica folds.

create table quarantine (
  position bigint not null,
  reason bigint not null,
  source text collate "C" not null,
  incarnation bigint not null,
  first_sequence bigint not null,
  last_sequence bigint not null,
  count bigint not null,
  arrived_at bigint not null,
  primary key (position, reason)
);
create index quarantine_by_source on quarantine (source, position);

create table fold_lease (
  id bigint not null primary key check (id = 1),
  epoch bigint not null,
  replica text collate "C" not null
);
insert into fold_lease (id, epoch, replica) values (1, 0, '');
