//! Ageing: hourly counts go once days are enough. The daily ones hold the same events, so nothing is added up: rows go.

use database::{Dialect, Tx, sql};
use tally::Day;

use super::partitions::{HOURLY_COUNTS, first_hour};
use super::{StoreError, number};

/// Rows forgotten at a time, since producers wait meanwhile.
const FORGOTTEN_MAX: u64 = 4_000;

/// Forgets some of the hours before `days_from`, the oldest first; whether there may be more. On PostgreSQL first the partitions of
/// the months that lie before it go as a whole, which costs nothing whatever is in them.
pub(crate) async fn forget_some(tx: &mut Tx, days_from: Day) -> Result<bool, StoreError> {
    if tx.dialect() == Dialect::Postgres {
        let first_kept = HOURLY_COUNTS.partition(days_from.month_start());
        tx.fetch_all(sql("select drop_partitions($1, $2)").bind(HOURLY_COUNTS.table).bind(first_kept)).await?;
    }
    let statement = sql("delete from hourly_counts where (hour, practice, strand) in
           (select hour, practice, strand from hourly_counts where hour < $1
            order by hour, practice, strand limit $2)");
    let statement = statement.bind(first_hour(days_from)).bind(number(FORGOTTEN_MAX));
    Ok(tx.execute(statement).await? == FORGOTTEN_MAX)
}
