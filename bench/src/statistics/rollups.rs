//! Rows that years of days would have left behind: one day lies in the tables as the service counted it, and is written again for each
//! day before it, as long as the service keeps what.
//!
//! Hours and practices' people by the day are kept for their age, practices' people of before by the month, and all else for ever. A
//! month of days on which the same people came has the sketch of one such day. The service's own tests read this file, and hold what
//! it writes against what the service counts.

use database::{DatabaseError, Db, Dialect, sql};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// For how many days what is kept; the service's defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) hourly_count_days: i64,
    pub(crate) practice_sketch_days: i64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { hourly_count_days: 45, practice_sketch_days: 45 }
    }
}

/// A statement that writes the day $2 again, so many days earlier, for each number in $1.
struct Again {
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! again {
    ($into:literal, $table:literal, $day:literal) => {
        Again {
            sqlite: concat!($into, " from json_each($1) as b cross join ", $table, " where ", $day, " = $2"),
            postgres: concat!(
                $into,
                " from unnest($1::bigint[]) as b (value) cross join ",
                $table,
                " where ",
                $day,
                " = $2"
            ),
        }
    };
}

/// Of these every day is kept.
const EACH_DAY: [Again; 4] = [
    again!(
        "insert into daily_counts (day, practice, strand, arrived, count)
           select day - b.value, practice, strand, arrived - b.value, count",
        "daily_counts",
        "day"
    ),
    again!(
        "insert into area_counts (area, capability, kind, day, arrived, count)
           select area, capability, kind, day - b.value, arrived - b.value, count",
        "area_counts",
        "day"
    ),
    again!(
        "insert into area_strand_counts (area, strand, day, arrived, count)
           select area, strand, day - b.value, arrived - b.value, count",
        "area_strand_counts",
        "day"
    ),
    again!(
        "insert into area_sketches (area, capability, day, arrived, sketch)
           select area, capability, day - b.value, arrived - b.value, sketch",
        "area_sketches",
        "day"
    ),
];

const PRACTICES_PEOPLE: Again = again!(
    "insert into practice_sketches (day, practice, capability, arrived, sketch)
       select day - b.value, practice, capability, arrived - b.value, sketch",
    "practice_sketches",
    "day"
);

const PRACTICES_HOURS: Again = again!(
    "insert into hourly_counts (utc_day, practice, strand, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15,
         h16, h17, h18, h19, h20, h21, h22, h23)
       select utc_day - b.value, practice, strand, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17,
         h18, h19, h20, h21, h22, h23",
    "hourly_counts",
    "utc_day"
);

/// Days of rows in one transaction, and in one statement, which SQLite keeps in memory: of a nation's practices' people a day is some
/// twelve megabytes.
const DAYS_AT_A_TIME: usize = 10;

/// Writes so many days before the last one that there is, which all arrived on their own day, the oldest first: as they would have
/// come. `told` hears how many are still to be written.
pub(crate) async fn repeat(db: &Db, days: i64, kept: Kept, told: impl Fn(i64)) -> Result<(), DatabaseError> {
    let today: i64 = db.fetch_one(sql("select max(day) as day from daily_counts")).await?.get("day")?;
    let before: Vec<i64> = (1..=days).rev().collect();
    for some in before.chunks(DAYS_AT_A_TIME) {
        make_partitions(db, today, some, kept).await?;
        let mut tx = db.begin().await?;
        let people = some.iter().copied().filter(|before| has_people(today, *before, kept)).collect();
        let hours = some.iter().copied().filter(|before| has_hours(today, *before, kept)).collect();
        let each_day = EACH_DAY.iter().map(|again| (again, some.to_vec()));
        for (again, some) in each_day.chain([(&PRACTICES_PEOPLE, people), (&PRACTICES_HOURS, hours)]) {
            let text = if db.dialect() == Dialect::Sqlite { again.sqlite } else { again.postgres };
            tx.execute(sql(text).bind(some).bind(today)).await?;
        }
        tx.commit().await?;
        told(some.last().map_or(0, |last| last - 1));
    }
    Ok(())
}

/// Whether practices' people of a day so long before today lie in a row of their own: of recent months each day's, else the month's,
/// on its last day.
fn has_people(today: i64, before: i64, kept: Kept) -> bool {
    let day = civil(today - before);
    let days_from = civil(today + 1 - kept.practice_sketch_days).first_of_month();
    days_from <= day || day == day.last_of_month()
}

/// Whether hours of a day of UTC's so long before today are kept: a day stays where any of its hours does, and days begin by the clocks
/// in London.
fn has_hours(today: i64, before: i64, kept: Kept) -> bool {
    let days_from = civil(today + 1 - kept.hourly_count_days);
    let first =
        days_from.in_tz("Europe/London").map_or(days_from, |start| start.timestamp().to_zoned(TimeZone::UTC).date());
    first <= civil(today - before)
}

/// Each month has its partition on PostgreSQL, made as the month began.
async fn make_partitions(db: &Db, today: i64, before: &[i64], kept: Kept) -> Result<(), DatabaseError> {
    if db.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let oldest_hours = civil(today - kept.hourly_count_days).first_of_month();
    let mut months: Vec<Date> = before.iter().map(|before| civil(today - before).first_of_month()).collect();
    months.dedup();
    for month in months {
        let next = month.saturating_add(1.month());
        let hours = (oldest_hours <= month).then_some(("hourly_counts", "utc_day"));
        for (table, column) in std::iter::once(("daily_counts", "day")).chain(hours) {
            let name = format!("{table}_{:04}_{:02}", month.year(), month.month());
            let statement = sql("select make_partition($1, $2, $3, $4, $5)").bind(table).bind(name).bind(column);
            db.fetch_all(statement.bind(number(month)).bind(number(next))).await?;
        }
    }
    Ok(())
}

/// The first of the days that the tables number.
const EPOCH: Date = date(1970, 1, 1);

fn civil(number: i64) -> Date {
    EPOCH.saturating_add(number.days())
}

fn number(day: Date) -> i64 {
    day.duration_since(EPOCH).as_hours() / 24
}
