//! Journals as they lie in a store, read without the services: what a checker believes is what is on disk.

use database::{Db, Store, sql};
use jiff::Timestamp;

/// A record, as far as checkers want it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) position: u64,
    pub(crate) recorded_at: Timestamp,
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) kind: String,
    pub(crate) payload: String,
}

/// All records of the journal `name` in `store`, in order.
pub(crate) async fn read(store: &Store, name: &'static str) -> Vec<Recorded> {
    let db = Db::open(store, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let query =
        sql("select position, recorded_at_us, actor, request_id, kind, payload from journal_records order by position");
    let rows = db.fetch_all(query).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    db.close().await;
    let records = rows.iter().map(|row| {
        let (position, recorded_at_us): (i64, i64) = (row.get("position")?, row.get("recorded_at_us")?);
        Ok::<_, database::DatabaseError>(Recorded {
            position: u64::try_from(position).expect("positions count from 1"),
            recorded_at: Timestamp::from_microsecond(recorded_at_us).expect("a moment of this age"),
            actor: row.get("actor")?,
            request_id: row.get("request_id")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
        })
    });
    records.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{name}: {error}"))
}
