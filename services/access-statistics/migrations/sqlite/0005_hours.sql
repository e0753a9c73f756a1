-- The hours of a day are columns, not rows: an eighth of the rows. Days are UTC's, so that each has 24.

alter table hourly_counts rename to hourly_counts_in_rows;
create table hourly_counts (
  utc_day integer not null,
  practice integer not null,
  strand integer not null,
  h0 integer not null default 0, h1 integer not null default 0, h2 integer not null default 0, h3 integer not null default 0,
  h4 integer not null default 0, h5 integer not null default 0, h6 integer not null default 0, h7 integer not null default 0,
  h8 integer not null default 0, h9 integer not null default 0, h10 integer not null default 0, h11 integer not null default 0,
  h12 integer not null default 0, h13 integer not null default 0, h14 integer not null default 0, h15 integer not null default 0,
  h16 integer not null default 0, h17 integer not null default 0, h18 integer not null default 0, h19 integer not null default 0,
  h20 integer not null default 0, h21 integer not null default 0, h22 integer not null default 0, h23 integer not null default 0,
  primary key (utc_day, practice, strand)
) strict, without rowid;
insert into hourly_counts
  (utc_day, practice, strand, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22, h23)
  select hour / 24, practice, strand,
    coalesce(sum(count) filter (where hour % 24 = 0), 0), coalesce(sum(count) filter (where hour % 24 = 1), 0),
    coalesce(sum(count) filter (where hour % 24 = 2), 0), coalesce(sum(count) filter (where hour % 24 = 3), 0),
    coalesce(sum(count) filter (where hour % 24 = 4), 0), coalesce(sum(count) filter (where hour % 24 = 5), 0),
    coalesce(sum(count) filter (where hour % 24 = 6), 0), coalesce(sum(count) filter (where hour % 24 = 7), 0),
    coalesce(sum(count) filter (where hour % 24 = 8), 0), coalesce(sum(count) filter (where hour % 24 = 9), 0),
    coalesce(sum(count) filter (where hour % 24 = 10), 0), coalesce(sum(count) filter (where hour % 24 = 11), 0),
    coalesce(sum(count) filter (where hour % 24 = 12), 0), coalesce(sum(count) filter (where hour % 24 = 13), 0),
    coalesce(sum(count) filter (where hour % 24 = 14), 0), coalesce(sum(count) filter (where hour % 24 = 15), 0),
    coalesce(sum(count) filter (where hour % 24 = 16), 0), coalesce(sum(count) filter (where hour % 24 = 17), 0),
    coalesce(sum(count) filter (where hour % 24 = 18), 0), coalesce(sum(count) filter (where hour % 24 = 19), 0),
    coalesce(sum(count) filter (where hour % 24 = 20), 0), coalesce(sum(count) filter (where hour % 24 = 21), 0),
    coalesce(sum(count) filter (where hour % 24 = 22), 0), coalesce(sum(count) filter (where hour % 24 = 23), 0)
  from hourly_counts_in_rows group by hour / 24, practice, strand;
drop table hourly_counts_in_rows;
