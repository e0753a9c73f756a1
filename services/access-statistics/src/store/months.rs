//! Ageing: the sketches of a practice's days become one of their month, which lies on the month's last day.
//!
//! Who viewed on which day is of use for some weeks; after that it would be six thousand sketches a day for ever. The union of
//! a month's days is all that a month's figure needs.

use std::collections::BTreeMap;

use database::{Tx, sql};
use tally::{Day, Union};

use super::rollups::{OfDay, add_practice_sketches};
use super::{StoreError, day, number};

/// Sketches united at a time, or as many as one practice has: producers wait meanwhile.
const UNITED_MAX: u64 = 256;

/// Unites some of the sketches of the oldest day before `days_from`, the first of a month, with those of its month: those of the
/// first practices that it has. False where none is left but months' last days.
///
/// What arrived within the month counts as known from its end on.
pub(crate) async fn unite_some(tx: &mut Tx, days_from: Day) -> Result<bool, StoreError> {
    let Some(oldest) = oldest_single(tx, days_from).await? else { return Ok(false) };
    let last = sql("select max(practice) as practice from
           (select practice from practice_sketches where day = $1 order by practice limit $2) as first_practices");
    let last: i64 = tx.fetch_one(last.bind(oldest.number()).bind(number(UNITED_MAX))).await?.get("practice")?;
    let month_end = oldest.month_end();
    let statement = sql("select practice, capability, arrived, sketch from practice_sketches
         where day = $1 and practice <= $2");
    let mut unions: BTreeMap<OfDay, BTreeMap<i64, Union>> = BTreeMap::new();
    for row in tx.fetch_all(statement.bind(oldest.number()).bind(last)).await? {
        let arrived = day("practice_sketches.arrived", row.get("arrived")?)?.max(month_end);
        let of_month = OfDay { capability: row.get("capability")?, day: month_end, arrived };
        let people =
            unions.entry(of_month).or_default().entry(row.get("practice")?).or_insert_with(Union::for_practice);
        let bytes: Vec<u8> = row.get("sketch")?;
        people.add_bytes(&bytes)?;
    }
    for (of_month, people) in unions {
        add_practice_sketches(tx, &of_month, people).await?;
    }
    let statement = sql("delete from practice_sketches where day = $1 and practice <= $2");
    tx.execute(statement.bind(oldest.number()).bind(last)).await?;
    Ok(true)
}

/// The oldest day before `days_from` that is not the last of its month. Each month that is united already costs a look-up.
async fn oldest_single(tx: &mut Tx, days_from: Day) -> Result<Option<Day>, StoreError> {
    let mut from = i64::MIN;
    loop {
        let statement = sql("select min(day) as day from practice_sketches where day >= $1 and day < $2");
        let row = tx.fetch_optional(statement.bind(from).bind(days_from.number())).await?;
        let found: Option<i64> = row.map(|row| row.get("day")).transpose()?.flatten();
        let Some(number) = found else { return Ok(None) };
        let oldest = day("practice_sketches.day", number)?;
        if oldest != oldest.month_end() {
            return Ok(Some(oldest));
        }
        from = number + 1;
    }
}
