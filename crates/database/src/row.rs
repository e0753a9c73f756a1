//! Row: what a statement gave, read by column name.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::DatabaseError;

/// One row of a result.
#[derive(Debug)]
pub struct Row(pub(crate) Inner);

pub(crate) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Rows may hold what must not be logged.
        f.write_str("Row")
    }
}

impl Row {
    /// The value of a column: `i64`, `String`, `Vec<u8>`, or an `Option` of one of them where it may be null.
    pub fn get<T: Column>(&self, column: &str) -> Result<T, DatabaseError> {
        T::read(self, column).map_err(|source| DatabaseError::Column {
            column: column.to_owned(),
            wanted: std::any::type_name::<T>(),
            source,
        })
    }
}

/// A type of the portable subset.
pub trait Column: Sized + sealed::Read {}

mod sealed {
    use super::{Inner, Row};

    pub trait Read: Sized {
        fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error>;
    }

    macro_rules! read {
        ($($type:ty),+) => {
            $(impl Read for Option<$type> {
                fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
                    use sqlx::Row as _;
                    match &row.0 {
                        Inner::Sqlite(row) => row.try_get(column),
                        Inner::Postgres(row) => row.try_get(column),
                    }
                }
            }
            // Through the option: asked for the bare type, the SQLite driver reads a null as 0 or as empty.
            impl Read for $type {
                fn read(row: &Row, column: &str) -> Result<Self, sqlx::Error> {
                    Option::<$type>::read(row, column)?.ok_or_else(|| sqlx::Error::Decode("it is null".into()))
                }
            }
            impl super::Column for Option<$type> {}
            impl super::Column for $type {})+
        };
    }

    read!(i64, String, Vec<u8>);
}
