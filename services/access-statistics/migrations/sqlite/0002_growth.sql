-- Counts of areas also by strand; and the registry is heard anew, for sub-ICBs and PCNs.

create table area_strand_counts (
  area text not null,
  strand integer not null,
  day integer not null,
  arrived integer not null,
  count integer not null,
  primary key (area, strand, day, arrived)
) strict, without rowid;

delete from followed;
