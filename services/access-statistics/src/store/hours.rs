//! Hourly counts: writing them, reading them back, and ageing: they go once days are enough. The daily ones hold the same events, so
//! nothing is added up: rows go.
//!
//! The hours of a day of UTC's are the columns of a row: an eighth of the rows that a row for each would be, in writing, in ageing
//! and in the file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use database::{Dialect, Tx, Value, rows, sql};
use tally::{Column, Day, Hour, Period, PracticeOrdinal, StrandOrdinal};

use super::groups::{number_of, packed_practices, packed_strands};
use super::partitions::{HOURLY_COUNTS, first_utc_day};
use super::{StoreError, number, unsigned};

/// Rows forgotten at a time, since producers wait meanwhile.
const FORGOTTEN_MAX: u64 = 4_000;

/// Hours of a day of UTC's.
const HOURS: usize = Hour::PER_UTC_DAY as usize;

/// What a row begins with: day, practice, strand. In the order of the primary key, so that each page of the table is written once.
type Key = [i64; 3];

static ADD: LazyLock<String> = LazyLock::new(|| {
    let added = each_hour(|hour| format!("{hour} = hourly_counts.{hour} + excluded.{hour}"));
    format!(
        "insert into hourly_counts (utc_day, practice, strand, {}) values {{rows}}
         on conflict (utc_day, practice, strand) do update set {added}",
        each_hour(str::to_owned)
    )
});

static VIEWS_SQLITE: LazyLock<String> = LazyLock::new(|| {
    let sums = each_hour(|hour| format!("cast(sum(h.{hour}) as integer) as {hour}"));
    format!(
        "with strands as materialized (select value >> 16 as strand, value & 65535 as part from json_each($3))
         select m.value & 65535 as member_of, s.part, h.utc_day, {sums}
         from json_each($1) as t cross join json_each($2) as m cross join hourly_counts as h cross join strands as s
         where h.utc_day = t.value and h.practice = m.value >> 16 and s.strand = h.strand
         group by 1, 2, 3"
    )
});

static VIEWS_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let sums = each_hour(|hour| format!("cast(sum(h.{hour}) as bigint) as {hour}"));
    format!(
        "with strands as materialized
           (select packed >> 16 as strand, packed & 65535 as part from unnest($3::bigint[]) as s (packed))
         select m.packed & 65535 as member_of, s.part, h.utc_day, {sums}
         from unnest($1::bigint[]) as t (utc_day) cross join unnest($2::bigint[]) as m (packed)
         join hourly_counts as h on h.utc_day = t.utc_day and h.practice = m.packed >> 16
         join strands as s on s.strand = h.strand
         group by 1, 2, 3"
    )
});

/// How many, of which group and part, in which hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedHour {
    pub(crate) group: usize,
    pub(crate) part: usize,
    pub(crate) hour: Hour,
    pub(crate) count: u64,
}

/// Adds counts to what is there.
pub(crate) async fn add<'a>(tx: &mut Tx, columns: impl Iterator<Item = Column<'a>>) -> Result<(), StoreError> {
    let mut cells: BTreeMap<Key, [u64; HOURS]> = BTreeMap::new();
    for column in columns {
        let (utc_day, hour) = column.hour.in_utc_day();
        for (practice, count) in column.practices() {
            let key = [i64::from(utc_day), i64::from(practice.0), i64::from(column.strand.0)];
            cells.entry(key).or_default()[hour] += count;
        }
    }
    let mut statement = rows(&ADD);
    for (key, counts) in cells {
        let mut row = [const { Value::I64(None) }; 3 + HOURS];
        let values = key.into_iter().chain(counts.map(number));
        row.iter_mut().zip(values).for_each(|(place, value)| *place = Value::from(value));
        statement.row(row);
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

/// Records viewed by group, part and hour of a period; what is none is not there. A practice may be in several groups.
pub(crate) async fn views_of_groups(
    tx: &mut Tx,
    period: Period,
    members: impl Iterator<Item = (PracticeOrdinal, usize)>,
    strands: impl Iterator<Item = (StrandOrdinal, usize)>,
) -> Result<Vec<CountedHour>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => &VIEWS_SQLITE,
        Dialect::Postgres => &VIEWS_POSTGRES,
    });
    let hours = by_utc_day(period.each_hour());
    let days: Vec<i64> = hours.keys().copied().collect();
    let statement = statement.bind(days).bind(packed_practices(members)).bind(packed_strands(strands));
    let mut counted = Vec::new();
    for row in tx.fetch_all(statement).await? {
        let (group, part) = (number_of("member_of", &row)?, number_of("part", &row)?);
        for hour in &hours[&row.get::<i64>("utc_day")?] {
            let (_, place) = hour.in_utc_day();
            let count = unsigned("hourly_counts", row.get(&name_of(place))?)?;
            if count > 0 {
                counted.push(CountedHour { group, part, hour: *hour, count });
            }
        }
    }
    Ok(counted)
}

/// Forgets some of the days before `days_from`, the oldest first; whether there may be more. A day of UTC's stays where any of its
/// hours does. On PostgreSQL first the partitions of the months that lie before it go as a whole, which costs nothing whatever is in
/// them.
pub(crate) async fn forget_some(tx: &mut Tx, days_from: Day) -> Result<bool, StoreError> {
    let first_kept = first_utc_day(days_from);
    if tx.dialect() == Dialect::Postgres {
        let first_partition = HOURLY_COUNTS.partition(first_kept.month_start());
        tx.fetch_all(sql("select drop_partitions($1, $2)").bind(HOURLY_COUNTS.table).bind(first_partition)).await?;
    }
    let statement = sql("delete from hourly_counts where (utc_day, practice, strand) in
           (select utc_day, practice, strand from hourly_counts where utc_day < $1
            order by utc_day, practice, strand limit $2)");
    let statement = statement.bind(first_kept.number()).bind(number(FORGOTTEN_MAX));
    Ok(tx.execute(statement).await? == FORGOTTEN_MAX)
}

fn by_utc_day(hours: impl Iterator<Item = Hour>) -> BTreeMap<i64, Vec<Hour>> {
    let mut days: BTreeMap<i64, Vec<Hour>> = BTreeMap::new();
    for hour in hours {
        let (utc_day, _) = hour.in_utc_day();
        days.entry(i64::from(utc_day)).or_default().push(hour);
    }
    days
}

/// The column of an hour.
fn name_of(hour: usize) -> String {
    format!("h{hour}")
}

/// Something for each column, in their order.
fn each_hour(text: impl Fn(&str) -> String) -> String {
    let texts: Vec<String> = (0..HOURS).map(|hour| text(&name_of(hour))).collect();
    texts.join(", ")
}
