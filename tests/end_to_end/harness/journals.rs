//! Journals as they lie in a store, read without the services: what a checker believes is what is on disk.

use database::{Db, Store, sql};
use evidence::{Evidence, Recorded};
use jiff::Timestamp;
use serde::Deserialize;

/// Who performs effects from a record on, by the scheduler's journal.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lease {
    pub(crate) epoch: u64,
    pub(crate) replica: String,
}

/// Every lease that was taken, in order, by the scheduler's journal in `db`.
pub(crate) async fn leases(db: &Db) -> Vec<Lease> {
    let query = sql("select payload from journal_records where kind = 'lease-taken' order by position");
    let rows = db.fetch_all(query).await.expect("the journal is read");
    let payloads = rows.iter().map(|row| row.get::<String>("payload").expect("a record has a payload"));
    payloads.map(|payload| serde_json::from_str(&payload).expect("a lease")).collect()
}

/// All records of the journal `name` in `store`, in order.
pub(crate) async fn read(store: &Store, name: &'static str) -> Vec<Recorded> {
    let db = Db::open(store, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let query =
        sql("select position, recorded_at_us, request_id, kind, payload from journal_records order by position");
    let rows = db.fetch_all(query).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    db.close().await;
    let records = rows.iter().map(|row| {
        let (position, recorded_at_us): (i64, i64) = (row.get("position")?, row.get("recorded_at_us")?);
        Ok::<_, database::DatabaseError>(Recorded {
            position: u64::try_from(position).expect("positions count from 1"),
            recorded_at: Timestamp::from_microsecond(recorded_at_us).expect("a moment of this age"),
            request_id: row.get("request_id")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
        })
    });
    records.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Of each record in order: the request that caused it, and the account that made it.
pub(crate) async fn requests(store: &Store, name: &'static str) -> Vec<(String, String)> {
    let db = Db::open(store, name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let query = sql("select request_id, actor from journal_records order by position");
    let rows = db.fetch_all(query).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    db.close().await;
    let requests = rows.iter().map(|row| Ok::<_, database::DatabaseError>((row.get("request_id")?, row.get("actor")?)));
    requests.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What registry and scheduler have left in `store`, beside the suppliers' log.
pub(crate) async fn evidence(store: &Store, suppliers: &[supplier_simulator::Entry]) -> Evidence {
    let (registry, scheduler) = (read(store, "registry").await, read(store, "scheduler").await);
    Evidence::new(&registry, &scheduler, suppliers).unwrap_or_else(|error| panic!("{error}"))
}

/// Every breach of a promise, and what is owed although nothing is under way any more.
pub(crate) fn found_at_rest(evidence: &Evidence) -> Vec<String> {
    [evidence.breaches(), evidence.owed()].concat()
}
