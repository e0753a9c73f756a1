//! Store: where the databases of an installation lie, as an operator names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::DatabaseError;
use crate::memory::MemoryStore;

/// Where the databases of an installation lie: `sqlite:FOLDER`, in which each database is a file, or
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, in which each is a schema. So services may share one store
/// without sharing a table. `Display` and `Debug` never show the password.
#[derive(Clone)]
pub struct Store(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    TemporarySqlite(PathBuf),
    Memory(MemoryStore),
    Postgres(Box<PgConnectOptions>),
}

impl Store {
    /// The embedded store in `folder`, which is made when a database in it is opened.
    pub fn sqlite(folder: impl AsRef<Path>) -> Self {
        Self(Place::Sqlite(folder.as_ref().to_owned()))
    }

    /// The embedded store in a folder that its process takes away with it, as that of a demo which nobody can go on with. It
    /// is not forced onto the disk: a loss of power loses it, and nobody would have read it.
    pub fn temporary_sqlite(folder: impl AsRef<Path>) -> Self {
        Self(Place::TemporarySqlite(folder.as_ref().to_owned()))
    }

    /// A store in this process's memory, of SQLite's dialect, whose statements are answered on the thread that asks: for
    /// simulation. Clones are the same store.
    pub fn memory() -> Self {
        Self(Place::Memory(MemoryStore::default()))
    }
}

impl FromStr for Store {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        let unreadable = |reason: &str| DatabaseError::StoreText { reason: reason.to_owned() };
        if let Some(folder) = text.strip_prefix("sqlite:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            if folder.is_empty() {
                return Err(unreadable("the folder after `sqlite:` is missing"));
            }
            return Ok(Self::sqlite(folder));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // The driver's error is not repeated: it may quote the text, password and all.
            let options = PgConnectOptions::from_str(text)
                .map_err(|_| unreadable("the part after `postgres://` is not a valid URL"))?;
            if options.get_database().is_none() {
                return Err(unreadable("the database's name after the last `/` is missing"));
            }
            return Ok(Self(Place::Postgres(Box::new(options))));
        }
        Err(unreadable("it begins with neither `sqlite:` nor `postgres://`"))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(folder) | Place::TemporarySqlite(folder) => write!(f, "sqlite:{}", folder.display()),
            Place::Memory(_) => f.write_str("memory"),
            Place::Postgres(options) => write!(
                f,
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_neither_by_display_nor_by_debug_wherever_it_stands() {
        for text in [
            "postgres://keeper:s3cret@db.internal:5433/access",
            "postgresql://keeper@db.internal:5433/access?password=s3cret",
        ] {
            let store: Store = text.parse().expect("a valid store");
            assert_eq!(store.to_string(), "postgres://keeper@db.internal:5433/access");
            assert!(!format!("{store:?}").contains("s3cret"));
        }
    }

    #[test]
    fn an_unreadable_store_says_what_is_expected_and_repeats_nothing() {
        for text in ["", "sqlite:", "mysql://a:s3cret@b/c", "postgres://a:s3cret@b", "postgres://a:s3cret@b:port/c"] {
            let message = text.parse::<Store>().expect_err("not a store").to_string();
            assert!(message.contains("sqlite:FOLDER") && !message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn an_embedded_store_is_a_folder() {
        let store: Store = "sqlite:./data".parse().expect("a valid store");
        assert_eq!(store.to_string(), "sqlite:./data");
    }
}
