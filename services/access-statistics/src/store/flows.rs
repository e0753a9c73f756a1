//! Reading counts and sketches back: views and viewers of areas and practices, by day.

use database::{DatabaseError, Db, Dialect, Sql, Tx, sql};
use ods::Capability;
use tally::{Area, Day, EventKind, Period, PracticeOrdinal, StrandOrdinal};

use super::log::{Tables, read_tables};
use super::{StoreError, day, practice, unsigned};

/// Of which days, as known on which day, of which capability.
#[derive(Clone, Debug)]
pub(crate) struct FlowQuery {
    pub(crate) capability: Capability,
    pub(crate) period: Period,
    /// What arrived on this day or before counts.
    pub(crate) known: Day,
}

/// How many, on which day; by the key asked for.
pub(crate) type Counts<K> = Vec<(K, Day, u64)>;

/// Records viewed by area and day; days without any are not there.
///
/// All days of an area come as one text, `day:count,day:count`: a row takes microseconds on its way here, and a year of the ICBs
/// would be thirteen thousand.
pub(crate) async fn views_of_areas(
    tx: &mut Tx,
    query: &FlowQuery,
    areas: &[Area],
) -> Result<Counts<String>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select area, group_concat(day || ':' || count) as days from
               (select area, day, sum(count) as count from area_counts
                where area in (select value from json_each($1)) and capability = $2 and kind = $3
                and day between $4 and $5 and arrived <= $6 group by area, day)
             group by area"
        }
        Dialect::Postgres => {
            "select area, string_agg(day || ':' || count, ',') as days from
               (select area, day, sum(count) as count from area_counts
                where area = any($1) and capability = $2 and kind = $3
                and day between $4 and $5 and arrived <= $6 group by area, day) as days_of_areas
             group by area"
        }
    });
    let names: Vec<String> = areas.iter().map(Area::to_string).collect();
    let statement = statement.bind(names).bind(query.capability.as_str()).bind(EventKind::RecordViewed.number());
    let mut counts = Vec::new();
    for row in tx.fetch_all(bind_days(statement, query)).await? {
        let (area, days): (String, String) = (row.get("area")?, row.get("days")?);
        for pair in days.split(',') {
            let unreadable = || StoreError::Value { column: "area_counts.count", value: pair.to_owned() };
            let (of_day, count) = pair.split_once(':').ok_or_else(unreadable)?;
            let of_day = day("area_counts.day", of_day.parse().map_err(|_| unreadable())?)?;
            counts.push((area.clone(), of_day, count.parse().map_err(|_| unreadable())?));
        }
    }
    Ok(counts)
}

/// Records viewed by practice and day; days without any are not there. `strands` are those of views.
///
/// Keys begin with the day, so each day of each practice is looked up: for one practice that is what little there is to read,
/// and for all of them about what reading all rows of the period costs.
pub(crate) async fn views_of_practices(
    tx: &mut Tx,
    query: &FlowQuery,
    practices: &[PracticeOrdinal],
    strands: &[StrandOrdinal],
) -> Result<Counts<PracticeOrdinal>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select practice, day, cast(sum(count) as integer) as count
             from json_each($1) days cross join json_each($2) practices
             cross join daily_counts on day = days.value and practice = practices.value
             where strand in (select value from json_each($3)) and arrived <= $4 group by practice, day"
        }
        Dialect::Postgres => {
            "select practice, day, cast(sum(count) as bigint) as count from daily_counts
             where day = any($1) and practice = any($2) and strand = any($3) and arrived <= $4 group by practice, day"
        }
    });
    let practices: Vec<i64> = practices.iter().map(|practice| i64::from(practice.0)).collect();
    let strands: Vec<i64> = strands.iter().map(|strand| i64::from(strand.0)).collect();
    let statement = statement.bind(days(query)).bind(practices).bind(strands).bind(query.known.number());
    let mut counts = Vec::new();
    for row in tx.fetch_all(statement).await? {
        let practice = practice("daily_counts.practice", row.get("practice")?)?;
        let count = unsigned("daily_counts.count", row.get("count")?)?;
        counts.push((practice, day("daily_counts.day", row.get("day")?)?, count));
    }
    Ok(counts)
}

/// Sketches of an area's viewers, by day; a day has one for each day on which its events arrived.
pub(crate) async fn sketches_of_area(
    tx: &mut Tx,
    query: &FlowQuery,
    area: &Area,
) -> Result<Vec<(Day, Vec<u8>)>, StoreError> {
    let statement = sql("select day, sketch from area_sketches
                         where area = $1 and capability = $2 and day between $3 and $4 and arrived <= $5 order by day");
    let statement = statement.bind(area.to_string()).bind(query.capability.as_str());
    read_sketches(tx, bind_days(statement, query)).await
}

/// Sketches of a practice's viewers, as [`sketches_of_area`].
pub(crate) async fn sketches_of_practice(
    tx: &mut Tx,
    query: &FlowQuery,
    practice: PracticeOrdinal,
) -> Result<Vec<(Day, Vec<u8>)>, StoreError> {
    let statement = sql(match tx.dialect() {
        Dialect::Sqlite => {
            "select day, sketch from practice_sketches where day in (select value from json_each($1))
             and practice = $2 and capability = $3 and arrived <= $4 order by day"
        }
        Dialect::Postgres => {
            "select day, sketch from practice_sketches where day = any($1)
             and practice = $2 and capability = $3 and arrived <= $4 order by day"
        }
    });
    let statement = statement.bind(days(query)).bind(practice.0).bind(query.capability.as_str());
    read_sketches(tx, statement.bind(query.known.number())).await
}

/// What the tables hold of an area in all of a period, and how far they were then.
#[derive(Debug)]
pub(crate) struct StoredFlows {
    pub(crate) tables: Tables,
    pub(crate) record_views: u64,
    /// Of an area's viewers, by day and in no order; a day has one for each day on which its events arrived.
    pub(crate) sketches: Vec<(Day, Vec<u8>)>,
}

/// Records viewed in an area of which people are kept, and who viewed them. One statement, so that all of it is of one state of
/// the tables, and one turn to the database.
pub(crate) async fn period_flows_of_area(db: &Db, query: &FlowQuery, area: &Area) -> Result<StoredFlows, StoreError> {
    let statement = sql("select folded, target, written,
           (select cast(coalesce(sum(count), 0) as bigint) from area_counts
            where area = $1 and capability = $2 and day between $3 and $4 and arrived <= $5 and kind = $6) as record_views,
           cast(null as bigint) as day, cast(null as bytea) as sketch from head where id = 1
         union all
         select null, null, null, null, day, sketch from area_sketches
         where area = $1 and capability = $2 and day between $3 and $4 and arrived <= $5");
    let statement = statement.bind(area.to_string()).bind(query.capability.as_str());
    read_period_flows(db, bind_days(statement, query).bind(EventKind::RecordViewed.number()), "area_sketches.day").await
}

/// As [`period_flows_of_area`], of a practice; of none where nobody has told of it yet. `strands` are those of views.
pub(crate) async fn period_flows_of_practice(
    db: &Db,
    query: &FlowQuery,
    practice: Option<PracticeOrdinal>,
    strands: &[StrandOrdinal],
) -> Result<StoredFlows, StoreError> {
    let statement = sql(match db.dialect() {
        Dialect::Sqlite => {
            "select folded, target, written,
               (select coalesce(sum(count), 0) from json_each($1) as days
                cross join daily_counts on day = days.value and practice = $2
                where strand in (select value from json_each($5)) and arrived <= $4) as record_views,
               null as day, null as sketch from head where id = 1
             union all
             select null, null, null, null, day, sketch from practice_sketches
             where day in (select value from json_each($1)) and practice = $2 and capability = $3 and arrived <= $4"
        }
        Dialect::Postgres => {
            "select folded, target, written,
               (select cast(coalesce(sum(count), 0) as bigint) from daily_counts
                where day = any($1) and practice = $2 and strand = any($5) and arrived <= $4) as record_views,
               cast(null as bigint) as day, cast(null as bytea) as sketch from head where id = 1
             union all
             select null, null, null, null, day, sketch from practice_sketches
             where day = any($1) and practice = $2 and capability = $3 and arrived <= $4"
        }
    });
    let strands: Vec<i64> = strands.iter().map(|strand| i64::from(strand.0)).collect();
    let statement = statement
        .bind(days(query))
        .bind(practice.map(|practice| i64::from(practice.0)))
        .bind(query.capability.as_str());
    read_period_flows(db, statement.bind(query.known.number()).bind(strands), "practice_sketches.day").await
}

/// The row without a day is that of the head.
async fn read_period_flows(db: &Db, statement: Sql, column: &'static str) -> Result<StoredFlows, StoreError> {
    let (mut head, mut sketches) = (None, Vec::new());
    for row in db.fetch_all(statement).await? {
        match row.get("day")? {
            Some(of_day) => sketches.push((day(column, of_day)?, row.get("sketch")?)),
            None => head = Some((read_tables(&row)?, unsigned("record_views", row.get("record_views")?)?)),
        }
    }
    let statement = "select folded, target, written from head where id = 1";
    let (tables, record_views) = head.ok_or(DatabaseError::NoRow { statement })?;
    Ok(StoredFlows { tables, record_views, sketches })
}

async fn read_sketches(tx: &mut Tx, statement: Sql) -> Result<Vec<(Day, Vec<u8>)>, StoreError> {
    let mut sketches = Vec::new();
    for row in tx.fetch_all(statement).await? {
        sketches.push((day("sketches.day", row.get("day")?)?, row.get("sketch")?));
    }
    Ok(sketches)
}

/// The numbers of the period's days; some thousands at most.
pub(super) fn days(query: &FlowQuery) -> Vec<i64> {
    (query.period.start().number()..=query.period.end().number()).collect()
}

pub(super) fn bind_days(statement: Sql, query: &FlowQuery) -> Sql {
    let (start, end) = (query.period.start().number(), query.period.end().number());
    statement.bind(start).bind(end).bind(query.known.number())
}
