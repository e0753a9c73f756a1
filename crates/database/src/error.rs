//! What can go wrong with a store, sorted by what the caller can do about it.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The text that names the store cannot be read. Nothing of it is repeated here: it may hold a password.
    #[error("the store must be `sqlite:FOLDER` or `postgres://USER@HOST:PORT/DATABASE`: {reason}")]
    StoreText {
        /// What is wrong with it.
        reason: String,
    },

    /// The store is on another machine, and whoever is between could read along or answer in its place.
    #[error(
        "the store on {host} is not reached safely: write `?sslmode=verify-full&sslrootcert=FILE` after the database's name, with \
         the certificate of the authority that vouches for {host}; only a store on this machine is reached otherwise"
    )]
    StoreUnprotected {
        /// The machine that the store is on.
        host: String,
    },

    /// The store did not answer, refused the connection, or has no space. Trying again later may help; whether
    /// a write that failed so has taken effect is unknown only if it failed in `commit`.
    #[error(
        "the store {store} is unavailable while it was to {doing}; check that it runs, is reachable and has free space"
    )]
    Unavailable {
        /// The store, without its password.
        store: String,
        /// What was being done.
        doing: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },

    /// A row with the same key is already there.
    #[error("a row with this key exists already in {store}: `{statement}`")]
    Duplicate {
        /// The store, without its password.
        store: String,
        /// The statement.
        statement: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },

    /// The store refused a statement: a fault of this program or of the schema, not of the moment.
    #[error("the store {store} refused `{statement}`")]
    Refused {
        /// The store, without its password.
        store: String,
        /// The statement.
        statement: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },

    /// A column is missing or not of the type that was asked for.
    #[error("column `{column}` cannot be read as {wanted}")]
    Column {
        /// The column's name.
        column: String,
        /// The Rust type asked for.
        wanted: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },

    /// A statement that must give exactly one row gave none.
    #[error("`{statement}` gave no row")]
    NoRow {
        /// The statement.
        statement: &'static str,
    },

    /// A migration that was applied reads differently in this build.
    #[error(
        "migration {set}/{name} was applied to {store} with another text than this build has; \
         run the build that matches the database, or restore the migration's file"
    )]
    MigrationChanged {
        /// The store, without its password.
        store: String,
        /// The set of migrations.
        set: &'static str,
        /// The migration.
        name: String,
    },

    /// The database was migrated by a newer build.
    #[error("migration {set}/{name} in {store} is unknown to this build; run the newer build that applied it")]
    MigrationUnknown {
        /// The store, without its password.
        store: String,
        /// The set of migrations.
        set: &'static str,
        /// The migration.
        name: String,
    },

    /// The database lacks a migration of this build.
    #[error("the database {store} lacks migration {set}/{name}; run `citizens-access migrate`")]
    MigrationMissing {
        /// The store, without its password.
        store: String,
        /// The set of migrations.
        set: &'static str,
        /// The migration.
        name: &'static str,
    },

    /// There is no such file to read.
    #[error("there is no database {file}; name the file, or the folder that it lies in")]
    NoFile {
        /// The file.
        file: String,
    },

    /// The folder of an embedded store cannot be made.
    #[error("the folder {folder} of the store cannot be created")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl DatabaseError {
    /// True where the same call may succeed later, without any change to it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// True where a row with the same key exists already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }

    pub(crate) fn of_statement(store: &str, statement: &'static str, source: sqlx::Error) -> Self {
        let store = store.to_owned();
        match kind(&source) {
            Kind::Unavailable => Self::Unavailable { store, doing: "run a statement", source },
            Kind::Duplicate => Self::Duplicate { store, statement, source },
            Kind::Refused => Self::Refused { store, statement, source },
        }
    }

    /// An error of connecting, beginning or committing: nearly always the store's condition.
    pub(crate) fn of_store(store: &str, doing: &'static str, source: sqlx::Error) -> Self {
        let store = store.to_owned();
        match kind(&source) {
            Kind::Unavailable => Self::Unavailable { store, doing, source },
            Kind::Duplicate => Self::Duplicate { store, statement: doing, source },
            Kind::Refused => Self::Refused { store, statement: doing, source },
        }
    }
}

enum Kind {
    Unavailable,
    Duplicate,
    Refused,
}

fn kind(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Kind::Unavailable,
        sqlx::Error::Database(database) if database.is_unique_violation() => Kind::Duplicate,
        sqlx::Error::Database(database) => match database.code() {
            Some(code) if is_condition_of_the_store(&code) => Kind::Unavailable,
            _ => Kind::Refused,
        },
        _ => Kind::Refused,
    }
}

/// SQLite's result codes are numbers (the low byte is the kind), PostgreSQL's are five characters (the first two
/// are the class), so one look at the code tells them apart.
fn is_condition_of_the_store(code: &str) -> bool {
    if code.len() == 5 {
        let class = &code[..2];
        // Connection lost; resources, also disk full; operator intervention; system error; a lock not
        // available, a deadlock or a serialisation failure; read only (a standby that was a primary).
        return matches!(class, "08" | "53" | "57" | "58" | "40") || matches!(code, "55P03" | "25006");
    }
    // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14 | 15))
}
