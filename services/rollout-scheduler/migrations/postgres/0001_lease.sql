-- Which scheduler performs effects: one row. The count of heart-beats stands still when its holder does.
create table lease (
  id bigint primary key check (id = 1),
  epoch bigint not null,
  replica text not null,
  beat_count bigint not null
);
