//! Hourly counts: reading them back, and ageing: they go once days are enough. The daily ones hold the same events, so nothing is
//! added up: rows go.

use database::{Dialect, Tx, sql};
use tally::{Day, Hour, Period, PracticeOrdinal, StrandOrdinal};

use super::groups::{number_of, packed_practices, packed_strands};
use super::partitions::{HOURLY_COUNTS, first_hour};
use super::{StoreError, number, unsigned};

/// Rows forgotten at a time, since producers wait meanwhile.
const FORGOTTEN_MAX: u64 = 4_000;

/// How many, of which group and part, in which hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountedHour {
    pub(crate) group: usize,
    pub(crate) part: usize,
    pub(crate) hour: Hour,
    pub(crate) count: u64,
}

/// Records viewed by group, part and hour of a period; what is none is not there. A practice may be in several groups.
pub(crate) async fn views_of_groups(
    tx: &mut Tx,
    period: Period,
    members: impl Iterator<Item = (PracticeOrdinal, usize)>,
    strands: impl Iterator<Item = (StrandOrdinal, usize)>,
) -> Result<Vec<CountedHour>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "with strands as materialized (select value >> 16 as strand, value & 65535 as part from json_each($3))
             select m.value & 65535 as member_of, s.part, h.hour, cast(sum(h.count) as integer) as count
             from json_each($1) as t cross join json_each($2) as m cross join hourly_counts as h cross join strands as s
             where h.hour = t.value and h.practice = m.value >> 16 and s.strand = h.strand
             group by 1, 2, 3"
        }
        Dialect::Postgres => {
            "with strands as materialized
               (select packed >> 16 as strand, packed & 65535 as part from unnest($3::bigint[]) as s (packed))
             select m.packed & 65535 as member_of, s.part, h.hour, cast(sum(h.count) as bigint) as count
             from unnest($1::bigint[]) as t (hour) cross join unnest($2::bigint[]) as m (packed)
             join hourly_counts as h on h.hour = t.hour and h.practice = m.packed >> 16
             join strands as s on s.strand = h.strand
             group by 1, 2, 3"
        }
    });
    let hours: Vec<i64> = period.each_hour().map(|hour| i64::from(hour.0)).collect();
    let statement = statement.bind(hours).bind(packed_practices(members)).bind(packed_strands(strands));
    let mut counted = Vec::new();
    for row in tx.fetch_all(statement).await? {
        let hour: i64 = row.get("hour")?;
        let unknown = |_| StoreError::Value { column: "hourly_counts.hour", value: hour.to_string() };
        counted.push(CountedHour {
            group: number_of("member_of", &row)?,
            part: number_of("part", &row)?,
            hour: Hour(u32::try_from(hour).map_err(unknown)?),
            count: unsigned("hourly_counts.count", row.get("count")?)?,
        });
    }
    Ok(counted)
}

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
