-- The hours of a day are columns, not rows: an eighth of the rows. Days are UTC's, so that each has 24.

create table hourly_counts_in_rows as select hour, practice, strand, count from hourly_counts;
drop table hourly_counts;
create table hourly_counts (
  utc_day bigint not null,
  practice bigint not null,
  strand bigint not null,
  h0 bigint not null default 0, h1 bigint not null default 0, h2 bigint not null default 0, h3 bigint not null default 0,
  h4 bigint not null default 0, h5 bigint not null default 0, h6 bigint not null default 0, h7 bigint not null default 0,
  h8 bigint not null default 0, h9 bigint not null default 0, h10 bigint not null default 0, h11 bigint not null default 0,
  h12 bigint not null default 0, h13 bigint not null default 0, h14 bigint not null default 0, h15 bigint not null default 0,
  h16 bigint not null default 0, h17 bigint not null default 0, h18 bigint not null default 0, h19 bigint not null default 0,
  h20 bigint not null default 0, h21 bigint not null default 0, h22 bigint not null default 0, h23 bigint not null default 0,
  primary key (utc_day, practice, strand)
) partition by range (utc_day);
-- As before: months that nobody makes a partition for.
create table hourly_counts_other partition of hourly_counts default;
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
