//! Adding a fold to the tables of counts and sketches.
//!
//! Counts are added to what is there; sketches are read, united and written back. Many rows a statement, since each
//! statement costs as much as some hundred rows.

use std::collections::BTreeMap;
use std::ops::Range;

use database::{Dialect, Tx, Value, rows, sql};
use tally::{
    AreaIndex, CapabilityOrdinal, Column, Day, Dictionary, Fold, Keeping, People, PracticeOrdinal, Sketch,
    StrandOrdinal, Union,
};

use super::{StoreError, hours, number};

/// From which days on something is kept; what is of before goes elsewhere, or nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptFrom {
    /// Counts by the hour.
    pub(crate) hours: Day,
    /// Sketches of practices by the day; those of before go to their months.
    pub(crate) practice_days: Day,
}

/// Adds everything that a fold has of areas to the tables.
pub(crate) async fn add_areas(
    tx: &mut Tx,
    fold: &Fold,
    dictionary: &Dictionary,
    areas: &AreaIndex,
) -> Result<(), StoreError> {
    add_area_counts(tx, fold, dictionary, areas).await?;
    let name = |area: tally::AreaOrdinal| areas.areas()[area.index()].to_string();
    for (key, sketches) in by_key(fold.people_by_area(), name) {
        add_area_sketches(tx, &key, dictionary, sketches).await?;
    }
    Ok(())
}

/// Adds everything that a fold has of these practices to the tables.
pub(crate) async fn add_practices(
    tx: &mut Tx,
    fold: &Fold,
    practices: &Range<u32>,
    dictionary: &Dictionary,
    kept: KeptFrom,
) -> Result<(), StoreError> {
    hours::add(tx, fold.columns_of(practices.clone()).filter(|column| column.day >= kept.hours)).await?;
    add_daily_counts(tx, fold.columns_of(practices.clone())).await?;
    for (key, people) in practices_people(fold.people_by_practice_of(practices.clone()), kept.practice_days) {
        let of_day = OfDay { capability: capability(&key, dictionary)?.to_owned(), day: key.day, arrived: key.arrived };
        add_practice_sketches(tx, &of_day, people).await?;
    }
    Ok(())
}

/// Rows that begin with their primary key, in its order: so that each page of the table is written once and not for each column.
type ByPrimaryKey<const N: usize> = BTreeMap<[i64; N], u64>;

async fn add_daily_counts<'a>(tx: &mut Tx, columns: impl Iterator<Item = Column<'a>>) -> Result<(), StoreError> {
    let mut cells = ByPrimaryKey::new();
    for column in columns {
        let (day, arrived) = (column.day.number(), column.arrived.number());
        for (practice, count) in column.practices() {
            *cells.entry([day, i64::from(practice.0), i64::from(column.strand.0), arrived]).or_default() += count;
        }
    }
    let mut statement = rows(
        "insert into daily_counts (day, practice, strand, arrived, count) values {rows}
         on conflict (day, practice, strand, arrived) do update set count = daily_counts.count + excluded.count",
    );
    for ([day, practice, strand, arrived], count) in cells {
        statement.row([day, practice, strand, arrived, number(count)].map(Value::from));
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

async fn add_area_counts(
    tx: &mut Tx,
    fold: &Fold,
    dictionary: &Dictionary,
    areas: &AreaIndex,
) -> Result<(), StoreError> {
    let mut sums = BTreeMap::new();
    let mut by_strand = BTreeMap::new();
    for column in fold.columns() {
        let Some(strand) = dictionary.strand(column.strand) else { return Err(unknown_strand(column.strand)) };
        let mut by_area = vec![0; areas.areas().len()];
        for (practice, count) in column.practices() {
            for area in areas.counted_for(practice) {
                by_area[area.index()] += count;
            }
        }
        for (area, count) in areas.areas().iter().zip(by_area).filter(|(_, count)| *count > 0) {
            let key = (area.to_string(), strand.capability.clone(), strand.kind, column.day, column.arrived);
            *sums.entry(key).or_insert(0) += count;
            if area.keeping() == Keeping::CountsAndPeople {
                *by_strand.entry((area.to_string(), column.strand, column.day, column.arrived)).or_insert(0) += count;
            }
        }
    }
    let mut statement = rows(
        "insert into area_counts (area, capability, kind, day, arrived, count) values {rows}
         on conflict (area, capability, kind, day, arrived) do update set count = area_counts.count + excluded.count",
    );
    for ((area, capability, kind, day, arrived), count) in sums {
        statement.row([
            Value::from(area),
            Value::from(capability.as_str()),
            Value::from(kind.number()),
            Value::from(day.number()),
            Value::from(arrived.number()),
            Value::from(number(count)),
        ]);
    }
    tx.execute_rows(statement).await?;
    add_area_strand_counts(tx, by_strand).await
}

async fn add_area_strand_counts(
    tx: &mut Tx,
    sums: BTreeMap<(String, StrandOrdinal, Day, Day), u64>,
) -> Result<(), StoreError> {
    let mut statement = rows(
        "insert into area_strand_counts (area, strand, day, arrived, count) values {rows}
         on conflict (area, strand, day, arrived) do update set count = area_strand_counts.count + excluded.count",
    );
    for ((area, strand, day, arrived), count) in sums {
        let (day, arrived) = (Value::from(day.number()), Value::from(arrived.number()));
        statement.row([Value::from(area), Value::from(i64::from(strand.0)), day, arrived, Value::from(number(count))]);
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

/// What sketches of many places have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SketchKey {
    day: Day,
    arrived: Day,
    capability: CapabilityOrdinal,
}

fn by_key<'a, Place, K: Ord>(
    people: impl Iterator<Item = People<'a, Place>>,
    name: impl Fn(Place) -> K,
) -> BTreeMap<SketchKey, BTreeMap<K, &'a Sketch>> {
    let mut keys: BTreeMap<SketchKey, BTreeMap<K, &Sketch>> = BTreeMap::new();
    for People { day, arrived, capability, place, sketch } in people {
        keys.entry(SketchKey { day, arrived, capability }).or_default().insert(name(place), sketch);
    }
    keys
}

fn practices_people<'a>(
    people: impl Iterator<Item = People<'a, PracticeOrdinal>>,
    days_from: Day,
) -> BTreeMap<SketchKey, BTreeMap<i64, Union>> {
    let mut keys: BTreeMap<SketchKey, BTreeMap<i64, Union>> = BTreeMap::new();
    for People { day, arrived, capability, place, sketch } in people {
        let day = if day < days_from { day.month_end() } else { day };
        let people = keys.entry(SketchKey { day, arrived, capability }).or_default();
        people.entry(i64::from(place.0)).or_insert_with(Union::for_practice).add(sketch);
    }
    keys
}

/// What sketches of practices have in common, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OfDay {
    pub(super) capability: String,
    pub(super) day: Day,
    pub(super) arrived: Day,
}

/// Unites these, by practice, with what is there of the same day that arrived on the same day.
pub(super) async fn add_practice_sketches(
    tx: &mut Tx,
    of_day: &OfDay,
    mut unions: BTreeMap<i64, Union>,
) -> Result<(), StoreError> {
    let OfDay { capability, day, arrived } = of_day;
    let known = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select practice, sketch from practice_sketches where capability = $1 and day = $2 and arrived = $3
             and practice in (select value from json_each($4))"
        }
        Dialect::Postgres => {
            "select practice, sketch from practice_sketches where capability = $1 and day = $2 and arrived = $3
             and practice = any($4)"
        }
    });
    let known = known.bind(capability.as_str()).bind(day.number()).bind(arrived.number());
    for row in tx.fetch_all(known.bind(unions.keys().copied().collect::<Vec<i64>>())).await? {
        let practice: i64 = row.get("practice")?;
        add_stored(&mut unions, &practice, &row)?;
    }
    let mut statement = rows(
        "insert into practice_sketches (day, practice, capability, arrived, sketch) values {rows}
         on conflict (day, practice, capability, arrived) do update set sketch = excluded.sketch",
    );
    for (practice, union) in unions {
        statement.row([
            Value::from(day.number()),
            Value::from(practice),
            Value::from(capability.as_str()),
            Value::from(arrived.number()),
            Value::from(union.to_bytes()),
        ]);
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

async fn add_area_sketches(
    tx: &mut Tx,
    key: &SketchKey,
    dictionary: &Dictionary,
    sketches: BTreeMap<String, &Sketch>,
) -> Result<(), StoreError> {
    let capability = capability(key, dictionary)?;
    let known = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select area, sketch from area_sketches where capability = $1 and day = $2 and arrived = $3
             and area in (select value from json_each($4))"
        }
        Dialect::Postgres => {
            "select area, sketch from area_sketches where capability = $1 and day = $2 and arrived = $3
             and area = any($4)"
        }
    });
    let known = known.bind(capability).bind(key.day.number()).bind(key.arrived.number());
    let mut unions = unions(sketches, Union::for_area);
    for row in tx.fetch_all(known.bind(unions.keys().cloned().collect::<Vec<String>>())).await? {
        let area: String = row.get("area")?;
        add_stored(&mut unions, &area, &row)?;
    }
    let mut statement = rows(
        "insert into area_sketches (area, capability, day, arrived, sketch) values {rows}
         on conflict (area, capability, day, arrived) do update set sketch = excluded.sketch",
    );
    for (area, union) in unions {
        statement.row([
            Value::from(area),
            Value::from(capability),
            Value::from(key.day.number()),
            Value::from(key.arrived.number()),
            Value::from(union.to_bytes()),
        ]);
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

fn unions<K: Ord>(sketches: BTreeMap<K, &Sketch>, empty: impl Fn() -> Union) -> BTreeMap<K, Union> {
    let united = |(place, sketch): (K, &Sketch)| {
        let mut union = empty();
        union.add(sketch);
        (place, union)
    };
    sketches.into_iter().map(united).collect()
}

fn add_stored<K: Ord>(unions: &mut BTreeMap<K, Union>, place: &K, row: &database::Row) -> Result<(), StoreError> {
    let bytes: Vec<u8> = row.get("sketch")?;
    if let Some(union) = unions.get_mut(place) {
        union.add_bytes(&bytes)?;
    }
    Ok(())
}

fn capability<'a>(key: &SketchKey, dictionary: &'a Dictionary) -> Result<&'a str, StoreError> {
    let found = dictionary.capability(key.capability).map(ods::Capability::as_str);
    found.ok_or_else(|| StoreError::Value { column: "strands.capability", value: format!("{:?}", key.capability) })
}

fn unknown_strand(strand: StrandOrdinal) -> StoreError {
    StoreError::Value { column: "batches.events", value: format!("strand {}", strand.0) }
}
