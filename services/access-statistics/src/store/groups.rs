//! Reading counts and sketches of groups of practices, and counts by channel or section.
//!
//! The groups are the caller's, of this question only. A statement takes them as numbers: above sixteen bits the practice or the
//! strand, in them the group or the part that it belongs to.

use database::{Dialect, Tx, sql};
use tally::{Area, Day, PracticeOrdinal, StrandOrdinal};

use super::flows::{FlowQuery, bind_days, days};
use super::{StoreError, day, practice, unsigned};

/// Most groups and most parts of one question: their numbers have sixteen bits.
pub(crate) const NUMBERS_MAX: usize = 1 << 16;

/// How many, of which part, on which day; by the key asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted<K> {
    pub(crate) of: K,
    pub(crate) part: usize,
    pub(crate) day: Day,
    pub(crate) count: u64,
}

/// Records viewed by area, part and day; what is none is not there.
pub(crate) async fn views_of_areas_by_part(
    tx: &mut Tx,
    query: &FlowQuery,
    areas: &[Area],
    strands: impl Iterator<Item = (StrandOrdinal, usize)>,
) -> Result<Vec<Counted<String>>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "with strands as materialized (select value >> 16 as strand, value & 65535 as part from json_each($2))
             select c.area, s.part, c.day, cast(sum(c.count) as integer) as count
             from json_each($1) as a cross join strands as s cross join area_strand_counts as c
             where c.area = a.value and c.strand = s.strand and c.day between $3 and $4 and c.arrived <= $5
             group by c.area, s.part, c.day"
        }
        Dialect::Postgres => {
            "with strands as materialized
               (select packed >> 16 as strand, packed & 65535 as part from unnest($2::bigint[]) as s (packed))
             select c.area, s.part, c.day, cast(sum(c.count) as bigint) as count
             from area_strand_counts as c join strands as s on c.strand = s.strand
             where c.area = any($1) and c.day between $3 and $4 and c.arrived <= $5
             group by c.area, s.part, c.day"
        }
    });
    let names: Vec<String> = areas.iter().map(Area::to_string).collect();
    let statement = bind_days(statement.bind(names).bind(packed_strands(strands)), query);
    let mut counted = Vec::new();
    for row in tx.fetch_all(statement).await? {
        counted.push(read_counted(&row, row.get("area")?)?);
    }
    Ok(counted)
}

/// Records viewed by group, part and day; what is none is not there. A practice may be in several groups.
pub(crate) async fn views_of_groups(
    tx: &mut Tx,
    query: &FlowQuery,
    members: impl Iterator<Item = (PracticeOrdinal, usize)>,
    strands: impl Iterator<Item = (StrandOrdinal, usize)>,
) -> Result<Vec<Counted<usize>>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "with strands as materialized (select value >> 16 as strand, value & 65535 as part from json_each($3))
             select m.value & 65535 as member_of, s.part, d.day, cast(sum(d.count) as integer) as count
             from json_each($1) as t cross join json_each($2) as m cross join daily_counts as d cross join strands as s
             where d.day = t.value and d.practice = m.value >> 16 and d.arrived <= $4 and s.strand = d.strand
             group by 1, 2, 3"
        }
        Dialect::Postgres => {
            "with strands as materialized
               (select packed >> 16 as strand, packed & 65535 as part from unnest($3::bigint[]) as s (packed))
             select m.packed & 65535 as member_of, s.part, d.day, cast(sum(d.count) as bigint) as count
             from unnest($1::bigint[]) as t (day) cross join unnest($2::bigint[]) as m (packed)
             join daily_counts as d on d.day = t.day and d.practice = m.packed >> 16
             join strands as s on s.strand = d.strand
             where d.arrived <= $4
             group by 1, 2, 3"
        }
    });
    let statement = statement.bind(days(query)).bind(packed_practices(members)).bind(packed_strands(strands));
    let mut counted = Vec::new();
    for row in tx.fetch_all(statement.bind(query.known.number())).await? {
        counted.push(read_counted(&row, number_of("member_of", &row)?)?);
    }
    Ok(counted)
}

/// Sketches of the viewers of these practices on one day; a practice has one for each day on which its events arrived.
pub(crate) async fn sketches_of_practices(
    tx: &mut Tx,
    query: &FlowQuery,
    of_day: Day,
    practices: &[i64],
) -> Result<Vec<(PracticeOrdinal, Vec<u8>)>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select practice, sketch from practice_sketches where practice in (select value from json_each($1))
             and capability = $2 and day = $3 and arrived <= $4"
        }
        Dialect::Postgres => {
            "select practice, sketch from practice_sketches where practice = any($1)
             and capability = $2 and day = $3 and arrived <= $4"
        }
    });
    let statement = statement.bind(practices.to_vec()).bind(query.capability.as_str());
    let mut sketches = Vec::new();
    for row in tx.fetch_all(statement.bind(of_day.number()).bind(query.known.number())).await? {
        sketches.push((practice("practice_sketches.practice", row.get("practice")?)?, row.get("sketch")?));
    }
    Ok(sketches)
}

fn read_counted<K>(row: &database::Row, of: K) -> Result<Counted<K>, StoreError> {
    Ok(Counted {
        of,
        part: number_of("part", row)?,
        day: day("counts.day", row.get("day")?)?,
        count: unsigned("counts.count", row.get("count")?)?,
    })
}

/// The number of a group or part in a row.
pub(super) fn number_of(column: &'static str, row: &database::Row) -> Result<usize, StoreError> {
    Ok(usize::try_from(unsigned(column, row.get(column)?)?).unwrap_or(usize::MAX))
}

pub(super) fn packed_practices(members: impl Iterator<Item = (PracticeOrdinal, usize)>) -> Vec<i64> {
    members.map(|(practice, group)| packed(practice.0, group)).collect()
}

pub(super) fn packed_strands(strands: impl Iterator<Item = (StrandOrdinal, usize)>) -> Vec<i64> {
    strands.map(|(strand, part)| packed(u32::from(strand.0), part)).collect()
}

/// # Panics
/// Where a number is not below [`NUMBERS_MAX`]: it would be read as another one's.
fn packed(ordinal: u32, number: usize) -> i64 {
    assert!(number < NUMBERS_MAX, "{number} is beyond what a question may have");
    (i64::from(ordinal) << 16) | i64::try_from(number).expect("below 2^16")
}
