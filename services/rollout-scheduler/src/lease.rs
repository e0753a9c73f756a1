//! Lease: which of several schedulers performs effects at present.
//!
//! Correctness does not rest on it: whatever is done was sealed in the journal first, and what is written is fenced by
//! the epoch. It only keeps two schedulers from doing the same work twice. It runs on real, monotonic time and on
//! nobody's clock: a holder counts its heart-beats in the store, and a candidate that has not seen the count move for
//! the whole of `expiry` takes over by raising the epoch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use database::{DatabaseError, Db, Gate, Migrations, sql};
use tokio::time::Instant;

/// The tables of the lease; applied to the database that holds the scheduler's journal.
pub static MIGRATIONS: Migrations = database::migrations!("scheduler": "0001_lease");

/// Where heart-beats are kept. Schedulers that share a journal share this.
#[derive(Clone, Debug)]
pub enum LeaseStore {
    /// In this process.
    Memory(MemoryLease),
    /// In the journal's database.
    Sql(Db),
}

/// Heart-beats in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryLease {
    beat: Arc<Mutex<Beat>>,
    /// What those who reach it by this clone pass; None where nothing stands before it.
    gate: Option<Gate>,
}

/// The last heart-beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    epoch: u64,
    replica: String,
    count: u64,
}

/// How a scheduler takes part.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// This replica's name. A replica that is started again under the same name goes on at once, so no two that run
    /// may share one.
    pub replica: String,
    /// For how long a heart-beat counts. Longer than a pause of the machine, shorter than anybody waits for a take-over.
    pub expiry: Duration,
    /// Where heart-beats are kept.
    pub store: LeaseStore,
}

/// Heart-beats are three times as frequent as need be: one may fail.
const BEATS_PER_EXPIRY: u32 = 3;

/// One scheduler's view of the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    config: LeaseConfig,
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    /// Ours; surely nobody else's before `until`.
    Held { epoch: u64, until: Instant },
    /// Somebody else's, as far as we know; nothing seen of them since `seen_at`.
    Watching { seen: Beat, seen_at: Instant },
    /// Nothing known yet.
    Unknown,
}

impl MemoryLease {
    /// The same heart-beats, behind a gate.
    #[must_use]
    pub fn behind(&self, gate: Gate) -> Self {
        Self { beat: Arc::clone(&self.beat), gate: Some(gate) }
    }

    async fn beat(&self) -> MutexGuard<'_, Beat> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseStore {
    /// In this process, nobody's yet.
    pub fn memory() -> Self {
        Self::Memory(MemoryLease::default())
    }
}

impl Lease {
    pub(crate) fn new(config: LeaseConfig) -> Self {
        Self { config, standing: Standing::Unknown }
    }

    pub(crate) fn replica(&self) -> &str {
        &self.config.replica
    }

    /// How long to wait between two calls of [`Lease::beat`].
    pub(crate) fn beat_every(&self) -> Duration {
        self.config.expiry / BEATS_PER_EXPIRY
    }

    /// The epoch, if the lease is surely ours at this moment.
    pub(crate) fn epoch(&self) -> Option<u64> {
        match self.standing {
            Standing::Held { epoch, until } if Instant::now() < until => Some(epoch),
            _ => None,
        }
    }

    /// Renews the lease, or looks whether it can be taken over. The epoch, if it is ours afterwards; a new one has to
    /// be written into the journal before anything is done under it, and is higher than `journalled`, the last one there.
    pub(crate) async fn beat(&mut self, journalled: u64) -> Result<Option<u64>, DatabaseError> {
        // Taken before the store is asked: the lease may only be shorter than the others think.
        let asked_at = Instant::now();
        let seen = self.read().await?;
        let takes = match &self.standing {
            Standing::Held { epoch, .. } if seen.epoch == *epoch => {
                let next = Beat { count: seen.count + 1, ..seen.clone() };
                return self.hold(&seen, next, asked_at).await;
            }
            // The first look: ours from before a restart, or nobody's.
            _ if seen.epoch == 0 => true,
            Standing::Unknown => seen.replica == self.config.replica,
            Standing::Watching { seen: before, seen_at } => {
                *before == seen && asked_at.duration_since(*seen_at) >= self.config.expiry
            }
            Standing::Held { .. } => false,
        };
        if takes {
            let next = Beat { epoch: seen.epoch.max(journalled) + 1, replica: self.config.replica.clone(), count: 0 };
            return self.hold(&seen, next, asked_at).await;
        }
        self.watch(seen, asked_at);
        Ok(None)
    }

    /// Writes `next` in place of `seen`; the lease is ours if nobody else wrote in between.
    async fn hold(&mut self, seen: &Beat, next: Beat, asked_at: Instant) -> Result<Option<u64>, DatabaseError> {
        if !self.replace(seen, &next).await? {
            self.standing = Standing::Unknown;
            let seen = self.read().await?;
            self.watch(seen, asked_at);
            return Ok(None);
        }
        self.standing = Standing::Held { epoch: next.epoch, until: asked_at + self.config.expiry };
        Ok(Some(next.epoch))
    }

    fn watch(&mut self, now_seen: Beat, at: Instant) {
        let unmoved = matches!(&self.standing, Standing::Watching { seen, .. } if *seen == now_seen);
        if !unmoved {
            self.standing = Standing::Watching { seen: now_seen, seen_at: at };
        }
    }

    async fn read(&self) -> Result<Beat, DatabaseError> {
        match &self.config.store {
            LeaseStore::Memory(memory) => Ok(memory.beat().await.clone()),
            LeaseStore::Sql(db) => {
                let Some(row) =
                    db.fetch_optional(sql("select epoch, replica, beat_count from lease where id = 1")).await?
                else {
                    return Ok(Beat::default());
                };
                let (epoch, count): (i64, i64) = (row.get("epoch")?, row.get("beat_count")?);
                let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
                Ok(Beat { epoch: unsigned(epoch), replica: row.get("replica")?, count: unsigned(count) })
            }
        }
    }

    /// Compare and swap; false where the store holds something other than `seen`.
    async fn replace(&self, seen: &Beat, next: &Beat) -> Result<bool, DatabaseError> {
        let db = match &self.config.store {
            LeaseStore::Memory(memory) => {
                let mut beat = memory.beat().await;
                let unchanged = *beat == *seen;
                if unchanged {
                    *beat = next.clone();
                }
                return Ok(unchanged);
            }
            LeaseStore::Sql(db) => db,
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let statement = sql(
            "insert into lease (id, epoch, replica, beat_count) values (1, $1, $2, $3)
             on conflict (id) do update set epoch = excluded.epoch, replica = excluded.replica, beat_count = excluded.beat_count
             where lease.epoch = $4 and lease.beat_count = $5",
        );
        let statement = statement.bind(signed(next.epoch)).bind(next.replica.as_str()).bind(signed(next.count));
        Ok(db.execute(statement.bind(signed(seen.epoch)).bind(signed(seen.count))).await? == 1)
    }
}

#[cfg(test)]
mod tests {
    use database::testing::{TestStore, check_migration_folders};

    use super::*;

    const EXPIRY: Duration = Duration::from_millis(50);

    fn lease(replica: &str, store: &LeaseStore, expiry: Duration) -> Lease {
        Lease::new(LeaseConfig { replica: replica.to_owned(), expiry, store: store.clone() })
    }

    /// Beats until the lease is taken: bounded by the expiry, not by a sleep of guessed length.
    async fn beat_until_held(lease: &mut Lease) -> u64 {
        loop {
            if let Some(epoch) = lease.beat(0).await.unwrap() {
                return epoch;
            }
            tokio::time::sleep(lease.beat_every()).await;
        }
    }

    /// The body of a test, in memory and on each database at hand.
    async fn everywhere(test: impl AsyncFn(LeaseStore)) {
        test(LeaseStore::memory()).await;
        for store in TestStore::each().await {
            let db = Db::open(store.store(), "scheduler").await.unwrap();
            db.migrate(&MIGRATIONS).await.unwrap();
            test(LeaseStore::Sql(db.clone())).await;
            db.close().await;
        }
    }

    #[test]
    fn both_folders_hold_the_same_migrations() {
        check_migration_folders(env!("CARGO_MANIFEST_DIR"), &MIGRATIONS);
    }

    #[tokio::test]
    async fn the_first_to_ask_holds_it_and_the_second_does_not() {
        everywhere(first_holds).await;
    }

    async fn first_holds(store: LeaseStore) {
        let hour = Duration::from_secs(3600);
        let (mut first, mut second) = (lease("a", &store, hour), lease("b", &store, hour));
        assert_eq!(first.beat(0).await.unwrap(), Some(1));
        for _ in 0..3 {
            assert_eq!(second.beat(0).await.unwrap(), None);
            assert_eq!(first.beat(0).await.unwrap(), Some(1));
        }
        assert_eq!((first.epoch(), second.epoch()), (Some(1), None));
    }

    #[tokio::test]
    async fn a_holder_that_falls_silent_is_succeeded_under_a_higher_epoch() {
        everywhere(silent_is_succeeded).await;
    }

    async fn silent_is_succeeded(store: LeaseStore) {
        let (mut first, mut second) = (lease("a", &store, EXPIRY), lease("b", &store, EXPIRY));
        assert_eq!(first.beat(0).await.unwrap(), Some(1));
        assert_eq!(beat_until_held(&mut second).await, 2);
        // The first one wakes again: its time is over by its own clock, and the store says so too.
        assert_eq!(first.epoch(), None);
        assert_eq!(first.beat(0).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_replica_started_again_goes_on_at_once() {
        let store = LeaseStore::memory();
        let hour = Duration::from_secs(3600);
        assert_eq!(lease("a", &store, hour).beat(0).await.unwrap(), Some(1));
        assert_eq!(lease("a", &store, hour).beat(0).await.unwrap(), Some(2));
    }

    #[tokio::test]
    async fn a_holder_whose_time_ran_out_goes_on_if_nobody_took_over() {
        let store = LeaseStore::memory();
        let mut first = lease("a", &store, Duration::ZERO);
        assert_eq!(first.beat(0).await.unwrap(), Some(1));
        assert_eq!(first.epoch(), None);
        assert_eq!(first.beat(0).await.unwrap(), Some(1));
    }

    #[tokio::test]
    async fn of_two_that_take_over_at_once_one_succeeds() {
        everywhere(one_of_two_succeeds).await;
    }

    async fn one_of_two_succeeds(store: LeaseStore) {
        let (mut first, mut second) = (lease("a", &store, EXPIRY), lease("b", &store, EXPIRY));
        let seen = first.read().await.unwrap();
        let next = |replica: &str| Beat { epoch: 1, replica: replica.to_owned(), count: 0 };
        let now = Instant::now();
        assert_eq!(first.hold(&seen, next("a"), now).await.unwrap(), Some(1));
        assert_eq!(second.hold(&seen, next("b"), now).await.unwrap(), None);
    }
}
