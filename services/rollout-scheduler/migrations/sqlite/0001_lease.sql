-- Which scheduler performs effects: one row. The count of heart-beats stands still when its holder does.
create table lease (
  id integer primary key check (id = 1),
  epoch integer not null,
  replica text not null,
  beat_count integer not null
) strict;
