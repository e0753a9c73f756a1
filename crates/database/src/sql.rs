//! Sql: a statement with its values, bound to whichever engine runs it.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Postgres, Sqlite};

/// A statement and its values. Made by [`sql`].
#[derive(Clone, Debug)]
pub struct Sql {
    pub(crate) text: &'static str,
    pub(crate) values: Vec<Value>,
}

/// A statement. Its values follow by [`Sql::bind`], in the order of `$1`, `$2`, ….
pub fn sql(text: &'static str) -> Sql {
    Sql { text, values: Vec::new() }
}

impl Sql {
    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// A value of the portable subset; `None` is SQL's null of that type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `bigint`.
    I64(Option<i64>),
    /// `text`.
    Text(Option<String>),
    /// `bytea` or `blob`.
    Bytes(Option<Vec<u8>>),
    /// For `= any($1)` on PostgreSQL and `in (select value from json_each($1))` on SQLite.
    I64List(Vec<i64>),
    /// As [`Value::I64List`], of text.
    TextList(Vec<String>),
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $into:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })+
    };
}

value_from! {
    i64 => |value| Self::I64(Some(value)),
    i32 => |value| Self::I64(Some(i64::from(value))),
    u32 => |value| Self::I64(Some(i64::from(value))),
    Option<i64> => |value| Self::I64(value),
    String => |value| Self::Text(Some(value)),
    &str => |value| Self::Text(Some(value.to_owned())),
    Option<String> => |value| Self::Text(value),
    Option<&str> => |value| Self::Text(value.map(str::to_owned)),
    Vec<u8> => |value| Self::Bytes(Some(value)),
    &[u8] => |value| Self::Bytes(Some(value.to_vec())),
    Option<Vec<u8>> => |value| Self::Bytes(value),
    Option<&[u8]> => |value| Self::Bytes(value.map(<[u8]>::to_vec)),
    Vec<i64> => |value| Self::I64List(value),
    Vec<String> => |value| Self::TextList(value),
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

/// The values in SQLite's form.
pub(crate) fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::I64(value) => Arguments::add(&mut arguments, value),
            Value::Text(value) => Arguments::add(&mut arguments, value),
            Value::Bytes(value) => Arguments::add(&mut arguments, value),
            Value::I64List(list) => Arguments::add(&mut arguments, json_of_integers(&list)),
            Value::TextList(list) => Arguments::add(&mut arguments, json_of_texts(&list)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The values in PostgreSQL's form.
pub(crate) fn postgres_arguments(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::I64(value) => Arguments::add(&mut arguments, value),
            Value::Text(value) => Arguments::add(&mut arguments, value),
            Value::Bytes(value) => Arguments::add(&mut arguments, value),
            Value::I64List(list) => Arguments::add(&mut arguments, list),
            Value::TextList(list) => Arguments::add(&mut arguments, list),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
pub(crate) type PostgresQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

impl Sql {
    pub(crate) fn for_sqlite(self) -> Result<SqliteQuery, sqlx::Error> {
        Ok(sqlx::query_with(self.text, sqlite_arguments(self.values)?))
    }

    pub(crate) fn for_postgres(self) -> Result<PostgresQuery, sqlx::Error> {
        Ok(sqlx::query_with(self.text, postgres_arguments(self.values)?))
    }
}

fn json_of_integers(list: &[i64]) -> String {
    let items: Vec<String> = list.iter().map(i64::to_string).collect();
    format!("[{}]", items.join(","))
}

fn json_of_texts(list: &[String]) -> String {
    let mut json = String::from("[");
    for (index, text) in list.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push('"');
        for character in text.chars() {
            match character {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\u{0}'..='\u{1f}' => json.push_str(&format!("\\u{:04x}", u32::from(character))),
                _ => json.push(character),
            }
        }
        json.push('"');
    }
    json.push(']');
    json
}
