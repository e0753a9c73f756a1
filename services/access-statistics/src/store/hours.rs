//! Ageing: hourly counts go once days are enough. The daily ones hold the same events, so nothing is added up: rows go.

use database::{Dialect, Tx, sql};
use tally::Day;

use super::StoreError;
use super::partitions::{HOURLY_COUNTS, first_hour};

/// Forgets the hours of the oldest day of those before `days_from`; false where there are none. One day at a time, since a
/// nation's has some million rows and producers wait meanwhile. On PostgreSQL first the partitions of the months that lie
/// before it go as a whole, which costs nothing whatever is in them.
pub(crate) async fn forget_oldest_day(tx: &mut Tx, days_from: Day) -> Result<bool, StoreError> {
    let limit = first_hour(days_from);
    if tx.dialect() == Dialect::Postgres {
        let first_kept = HOURLY_COUNTS.partition(days_from.month_start());
        tx.fetch_all(sql("select drop_partitions($1, $2)").bind(HOURLY_COUNTS.table).bind(first_kept)).await?;
    }
    let oldest = sql("select min(hour) as hour from hourly_counts where hour < $1").bind(limit);
    let found: Option<i64> = tx.fetch_one(oldest).await?.get("hour")?;
    let Some(oldest) = found else { return Ok(false) };
    let end = limit.min(oldest + HOURS_AT_A_TIME);
    tx.execute(sql("delete from hourly_counts where hour < $1").bind(end)).await?;
    Ok(true)
}

/// A day's.
const HOURS_AT_A_TIME: i64 = 24;
