//! Store: where the databases of an installation lie, as an operator names it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::DatabaseError;
use crate::memory::MemoryStore;

/// Where the databases of an installation lie: `sqlite:FOLDER`, in which each database is a file, or
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, in which each is a schema. So services may share one store
/// without sharing a table. `Display` and `Debug` never show the password.
///
/// A PostgreSQL on another machine must be asked for with `sslmode=verify-full`: what is less encrypts for whoever answers, or,
/// as `prefer`, which is the driver's default, for nobody where the server would rather not. `sslrootcert` names the file with
/// the authority's certificate; the machine's own authorities are believed too.
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
            if !is_here(&options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
                return Err(DatabaseError::StoreUnprotected { host: options.get_host().to_owned() });
            }
            return Ok(Self(Place::Postgres(Box::new(options))));
        }
        Err(unreadable("it begins with neither `sqlite:` nor `postgres://`"))
    }
}

/// Is it reached without a network: through a socket's file, or over loopback?
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    // The driver takes a host that begins so for the socket's folder.
    let by_file = options.get_socket().is_some() || host.starts_with('/');
    by_file || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
            "postgres://keeper:s3cret@db.internal:5433/access?sslmode=verify-full",
            "postgresql://keeper@db.internal:5433/access?password=s3cret&sslmode=verify-full",
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
    fn a_store_on_another_machine_is_reached_by_verified_tls_only() {
        for text in
            ["postgres://a:s3cret@db.internal/c", "postgres://a:s3cret@10.0.0.7/c", "postgres://a:s3cret@[fd00::7]/c"]
        {
            for mode in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"] {
                let refused = format!("{text}{mode}").parse::<Store>().expect_err("it is not reached safely");
                assert!(matches!(refused, DatabaseError::StoreUnprotected { .. }), "{text}{mode}: {refused:?}");
                let message = refused.to_string();
                assert!(message.contains("sslmode=verify-full") && !message.contains("s3cret"), "{message}");
            }
            format!("{text}?sslmode=verify-full").parse::<Store>().expect("it is reached safely");
        }
        // What the URL names last counts, wherever it names it.
        let elsewhere = "postgres://a@localhost/c?host=db.internal".parse::<Store>();
        assert!(matches!(elsewhere, Err(DatabaseError::StoreUnprotected { host }) if host == "db.internal"));
    }

    #[test]
    fn a_store_on_this_machine_is_reached_in_any_way() {
        for host in ["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "%2Frun%2Fpostgresql", "localhost:5433"] {
            format!("postgres://a@{host}/c").parse::<Store>().unwrap_or_else(|error| panic!("{host}: {error}"));
        }
        "postgres://a@localhost/c?host=/run/postgresql".parse::<Store>().expect("a socket's folder");
    }

    #[test]
    fn an_embedded_store_is_a_folder() {
        let store: Store = "sqlite:./data".parse().expect("a valid store");
        assert_eq!(store.to_string(), "sqlite:./data");
    }
}
