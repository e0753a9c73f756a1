//! Addresses: the table beside the journal that holds what the journal must not (rule 16).
//!
//! It knows ids and addresses and nothing of who may keep them; that is read from the registry's state. An address is
//! never shown by `Debug`, so that it gets into no log and no trace.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use database::{DatabaseError, Db, Migrations, Row, sql};
use jiff::Timestamp;
use journal::Journal;
use ods::PracticeCode;
use sha2::{Digest, Sha256};

/// The tables of the registry besides its journal's, in the same database.
pub static MIGRATIONS: Migrations = database::migrations!("practice-registry": "0001_contact_addresses");

/// Bytes of the digest that make an id: no two requests of an installation share one.
const ID_BYTES: usize = 16;

/// Rows that are looked at in a row.
const PAGE_ROWS: i64 = 500;

/// The address of a contact.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// Names an address. It follows from the request that brought it, so that a repeated call stores it once, and it says
/// nothing of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressId(String);

impl AddressId {
    pub(crate) fn of_request(account: &str, request_id: &str) -> Self {
        // Neither an account nor a request id has a space in it.
        let digest = Sha256::digest(format!("{account} {request_id}"));
        Self(hex::encode(&digest[..ID_BYTES]))
    }
}

impl fmt::Display for AddressId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct NewAddress<'a> {
    pub(crate) id: &'a AddressId,
    pub(crate) practice: PracticeCode,
    pub(crate) address: &'a Address,
    pub(crate) stored_at: Timestamp,
    pub(crate) retain_until: Timestamp,
}

/// What came of storing an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It was not there before.
    New,
    /// It was there, and is the same.
    Known,
    /// There is another one under this id.
    Other,
}

/// A stored address, but for the address itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredAddress {
    pub(crate) id: String,
    pub(crate) practice: PracticeCode,
    pub(crate) stored_at: Timestamp,
    pub(crate) retain_until: Timestamp,
}

/// The table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A stored value is not what this program writes.
    #[error("column {column} of contact_addresses holds what this program never writes there")]
    Damaged {
        /// Where.
        column: &'static str,
    },
}

/// Where addresses are stored: beside the journal. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct AddressStore {
    place: Place,
    /// How often anything was stored by this process.
    stored_count: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Place {
    /// In this process, beside a journal in memory; gone with it.
    Memory(Arc<Mutex<BTreeMap<String, (StoredAddress, Address)>>>),
    Sql(Db),
}

impl AddressStore {
    /// The store beside `journal`.
    pub(crate) fn beside(journal: &Journal) -> Self {
        let place = match journal {
            Journal::Memory(_) => Place::Memory(Arc::default()),
            Journal::Sql(db) => Place::Sql(db.clone()),
        };
        Self { place, stored_count: Arc::default() }
    }

    /// Checks that its table is there.
    pub(crate) async fn check(&self) -> Result<(), DatabaseError> {
        match &self.place {
            Place::Memory(_) => Ok(()),
            Place::Sql(db) => db.check_migrated(&MIGRATIONS).await,
        }
    }

    /// How often anything was stored by this process.
    pub(crate) fn stored_count(&self) -> u64 {
        self.stored_count.load(Ordering::Relaxed)
    }

    /// Stores an address unless there is one under its id.
    pub(crate) async fn store(&self, new: NewAddress<'_>) -> Result<Stored, AddressError> {
        let NewAddress { id, practice, address, stored_at, retain_until } = new;
        self.stored_count.fetch_add(1, Ordering::Relaxed);
        let inserted = match &self.place {
            Place::Memory(table) => {
                let mut table = lock(table);
                let is_new = !table.contains_key(&id.0);
                if is_new {
                    let stored = StoredAddress { id: id.0.clone(), practice, stored_at, retain_until };
                    table.insert(id.0.clone(), (stored, address.clone()));
                }
                is_new
            }
            Place::Sql(db) => {
                let insert = "insert into contact_addresses (id, practice, address, stored_at_us, retain_until_us) \
                              values ($1, $2, $3, $4, $5) on conflict (id) do nothing";
                let statement = sql(insert)
                    .bind(id.0.as_str())
                    .bind(practice.as_str())
                    .bind(address.0.as_str())
                    .bind(stored_at.as_microsecond())
                    .bind(retain_until.as_microsecond());
                db.execute(statement).await? == 1
            }
        };
        if inserted {
            return Ok(Stored::New);
        }
        let there = self.read(&id.0).await?;
        Ok(if there.as_ref() == Some(address) { Stored::Known } else { Stored::Other })
    }

    /// The address of this id; None where it was erased.
    pub(crate) async fn read(&self, id: &str) -> Result<Option<Address>, AddressError> {
        match &self.place {
            Place::Memory(table) => Ok(lock(table).get(id).map(|(_, address)| address.clone())),
            Place::Sql(db) => {
                let select = sql("select address from contact_addresses where id = $1").bind(id);
                let row = db.fetch_optional(select).await?;
                Ok(row.map(|row| row.get("address")).transpose()?.map(Address))
            }
        }
    }

    /// Erases the address of this id; nothing where it is erased.
    pub(crate) async fn erase(&self, id: &str) -> Result<(), AddressError> {
        match &self.place {
            Place::Memory(table) => {
                lock(table).remove(id);
            }
            Place::Sql(db) => {
                db.execute(sql("delete from contact_addresses where id = $1").bind(id)).await?;
            }
        }
        Ok(())
    }

    /// The next stored addresses after an id, in the order of their ids; empty at the end.
    pub(crate) async fn page(&self, after: &str) -> Result<Vec<StoredAddress>, AddressError> {
        match &self.place {
            Place::Memory(table) => {
                let table = lock(table);
                let rest = table.values().filter(|(stored, _)| stored.id.as_str() > after);
                let rows = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
                Ok(rest.take(rows).map(|(stored, _)| stored.clone()).collect())
            }
            Place::Sql(db) => {
                let select = "select id, practice, stored_at_us, retain_until_us from contact_addresses \
                              where id > $1 order by id limit $2";
                let rows = db.fetch_all(sql(select).bind(after).bind(PAGE_ROWS)).await?;
                rows.iter().map(stored_address).collect()
            }
        }
    }
}

fn stored_address(row: &Row) -> Result<StoredAddress, AddressError> {
    let practice: String = row.get("practice")?;
    Ok(StoredAddress {
        id: row.get("id")?,
        practice: practice.parse().map_err(|_| AddressError::Damaged { column: "practice" })?,
        stored_at: moment(row, "stored_at_us")?,
        retain_until: moment(row, "retain_until_us")?,
    })
}

fn moment(row: &Row, column: &'static str) -> Result<Timestamp, AddressError> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|_| AddressError::Damaged { column })
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion or removal, so that what a panic left is whole.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use database::testing::TestStore;

    #[test]
    fn both_folders_hold_the_listed_migrations() {
        database::testing::check_migration_folders(env!("CARGO_MANIFEST_DIR"), &MIGRATIONS);
    }

    #[test]
    fn an_address_is_not_shown_by_debug() {
        let address = Address::new("manager@hill.example");
        assert!(!format!("{address:?}").contains("hill"));
    }

    async fn stores() -> Vec<(AddressStore, Option<TestStore>)> {
        let mut all = vec![(AddressStore::beside(&Journal::memory()), None)];
        for store in TestStore::each().await {
            let db = Db::open(store.store(), "registry").await.unwrap();
            db.migrate(&MIGRATIONS).await.unwrap();
            all.push((AddressStore::beside(&Journal::Sql(db)), Some(store)));
        }
        all
    }

    #[tokio::test]
    async fn an_address_is_stored_once_read_back_and_erased() {
        let (practice, now) = ("A81001".parse().unwrap(), "2031-06-02T08:00:00Z".parse().unwrap());
        for (store, _kept) in stores().await {
            for number in 0..=PAGE_ROWS {
                let id = AddressId::of_request("alice", &number.to_string());
                let address = Address::new("manager@hill.example");
                let new = |address| NewAddress { id: &id, practice, address, stored_at: now, retain_until: now };
                assert_eq!(store.store(new(&address)).await.unwrap(), Stored::New);
                assert_eq!(store.store(new(&address)).await.unwrap(), Stored::Known);
                assert_eq!(store.store(new(&Address::new("other@hill.example"))).await.unwrap(), Stored::Other);
                if number > 2 {
                    continue;
                }
                assert_eq!(store.read(&id.0).await.unwrap(), Some(address));
                store.erase(&id.0).await.unwrap();
                assert_eq!(store.read(&id.0).await.unwrap(), None);
            }
            let first = store.page("").await.unwrap();
            assert_eq!((first.len(), first[0].practice, first[0].stored_at), (498, practice, now));
            assert!(first.is_sorted_by_key(|stored| stored.id.clone()));
            assert!(store.page(&first[497].id).await.unwrap().is_empty());
        }
    }
}
