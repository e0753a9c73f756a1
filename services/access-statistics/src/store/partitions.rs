//! Months: on PostgreSQL what is counted of practices lies in a partition for each month, so that a month that is forgotten goes
//! as a whole, and indexes that are written to stay as small as a month.
//!
//! A month has its partition before the first of its counts is written. What comes months late goes into the table's default
//! partition, as all would if there were no other.

use std::collections::BTreeSet;

use database::{Dialect, Tx, sql};
use tally::{Column, Day, Hour};

use super::StoreError;

/// Months that were over so many days ago get no partition: what comes so late is little, and of many months.
const DAYS_BACK_MAX: i32 = 100;

/// A table in partitions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partitioned {
    pub(super) table: &'static str,
    column: &'static str,
}

/// Its days are UTC's: the first hours of a month that begins in summer lie in the month before.
pub(super) const HOURLY_COUNTS: Partitioned = Partitioned { table: "hourly_counts", column: "utc_day" };
const DAILY_COUNTS: Partitioned = Partitioned { table: "daily_counts", column: "day" };

impl Partitioned {
    /// The name of a month's partition, by the month's first day: in their order the names are in that of the months.
    pub(super) fn partition(self, month: Day) -> String {
        format!("{}_{:04}_{:02}", self.table, month.date().year(), month.date().month())
    }
}

/// The day whose number is that of the day of UTC's in which a day of London's begins.
pub(super) fn first_utc_day(day: Day) -> Day {
    let hour = Hour::of_second(day.start().as_second());
    let number = hour.map_or(0, |hour| i64::from(hour.in_utc_day().0));
    Day::from_number(number).expect("hours are of the calendar")
}

/// The months, by their first days, that these counts are of and that are to have a partition.
pub(crate) fn months_of<'a>(columns: impl Iterator<Item = Column<'a>>, today: Day) -> BTreeSet<Day> {
    let earliest = today.plus(-DAYS_BACK_MAX).month_start();
    columns.map(|column| column.day.month_start()).filter(|month| *month >= earliest).collect()
}

/// Makes the partitions of a month that are not there. It locks the tables until the transaction ends, readers too.
pub(crate) async fn make(tx: &mut Tx, month: Day) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let next = month.month_end().plus(1);
    for partitioned in [HOURLY_COUNTS, DAILY_COUNTS] {
        let Partitioned { table, column } = partitioned;
        let statement = sql("select make_partition($1, $2, $3, $4, $5)").bind(table).bind(partitioned.partition(month));
        tx.fetch_all(statement.bind(column).bind(month.number()).bind(next.number())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn days_begin_by_the_clocks_in_london() {
        assert_eq!(first_utc_day(day("2031-02-01")), day("2031-02-01"));
        assert_eq!(first_utc_day(day("2031-07-01")), day("2031-06-30"), "an hour before UTC's, so June stays");
        assert_eq!(first_utc_day(day("1960-01-01")), day("1970-01-01"), "nothing happened before 1970");
    }

    #[test]
    fn names_sort_as_their_months() {
        let names = ["2031-02-01", "2031-10-01", "2032-01-01"].map(|month| HOURLY_COUNTS.partition(day(month)));
        assert_eq!(names[1], "hourly_counts_2031_10");
        assert!(names.is_sorted());
    }
}
