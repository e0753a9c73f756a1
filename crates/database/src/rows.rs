//! Rows: one statement for many rows, split into a bounded set of shapes.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

use crate::Value;
use crate::sql::{postgres_arguments, sqlite_arguments};

/// SQLite allows 32,766 parameters in a statement, PostgreSQL 65,535.
const PARAMETERS_COUNT_MAX: usize = 32_766;

/// Larger statements gain nothing measurable and hold memory in each connection's cache.
const ROWS_COUNT_MAX: usize = 512;

/// Where the rows stand in the statement.
const PLACE: &str = "{rows}";

/// A statement over many rows. Made by [`rows`].
#[derive(Clone, Debug)]
pub struct Rows {
    pub(crate) text: &'static str,
    columns_count: usize,
    values: Vec<Value>,
}

/// A statement in which `{rows}` stands for the rows: `insert into t (a, b) values {rows} on conflict do nothing`.
///
/// It runs as few statements of 1, 2, 4, … 512 rows, so that a connection's cache holds ten shapes of it and not
/// one for every number of rows; inside one transaction that is still one commit. No rows: nothing runs.
pub fn rows(text: &'static str) -> Rows {
    assert!(text.matches(PLACE).count() == 1, "`{text}` must hold {PLACE} once");
    Rows { text, columns_count: 0, values: Vec::new() }
}

impl Rows {
    /// Adds a row. All rows of a statement have the same number of columns.
    pub fn row<const N: usize>(&mut self, row: [Value; N]) {
        assert!(self.columns_count == 0 || self.columns_count == N, "rows of `{}` differ in length", self.text);
        self.columns_count = N;
        self.values.extend(row);
    }

    /// True where there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The statements that together run all rows, in their order.
    pub(crate) fn chunks(self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut values = self.values.into_iter();
        while values.len() > 0 {
            let left_count = values.len() / self.columns_count;
            let rows_count = chunk_rows_count(left_count, self.columns_count);
            chunks.push(Chunk {
                text: expand(self.text, rows_count, self.columns_count),
                values: values.by_ref().take(rows_count * self.columns_count).collect(),
            });
        }
        chunks
    }
}

/// The largest power of two that is left, fits the parameters and keeps to the bound.
fn chunk_rows_count(left_count: usize, columns_count: usize) -> usize {
    let fits_count = (PARAMETERS_COUNT_MAX / columns_count).clamp(1, ROWS_COUNT_MAX).min(left_count);
    1 << fits_count.ilog2()
}

fn expand(text: &'static str, rows_count: usize, columns_count: usize) -> String {
    let (before, after) = text.split_once(PLACE).unwrap_or((text, ""));
    let mut expanded = String::with_capacity(text.len() + rows_count * columns_count * 7);
    expanded.push_str(before);
    let mut parameter = 0;
    for row in 0..rows_count {
        expanded.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns_count {
            parameter += 1;
            if column > 0 {
                expanded.push_str(", ");
            }
            expanded.push('$');
            expanded.push_str(&parameter.to_string());
        }
        expanded.push(')');
    }
    expanded.push_str(after);
    expanded
}

/// One statement of at most [`ROWS_COUNT_MAX`] rows.
pub(crate) struct Chunk {
    text: String,
    values: Vec<Value>,
}

impl Chunk {
    // Safe SQL: a static text and numbered parameters, made above from two counts.
    pub(crate) fn for_sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
        Ok(sqlx::query_with(AssertSqlSafe(self.text), sqlite_arguments(self.values)?))
    }

    pub(crate) fn for_postgres(self) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>, sqlx::Error> {
        Ok(sqlx::query_with(AssertSqlSafe(self.text), postgres_arguments(self.values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_parameters_in_order() {
        assert_eq!(
            expand("insert into t values {rows} returning a", 2, 3),
            "insert into t values ($1, $2, $3), ($4, $5, $6) returning a"
        );
    }

    #[test]
    fn any_number_of_rows_is_split_into_powers_of_two_within_the_bounds() {
        for (rows_count, expected) in [(0, vec![]), (1, vec![1]), (7, vec![4, 2, 1]), (1_100, vec![512, 512, 64, 8, 4])]
        {
            let mut all = rows("insert into t values {rows}");
            for row in 0..rows_count {
                all.row([Value::from(i64::from(row)), Value::from("x")]);
            }
            let chunks = all.chunks();
            assert_eq!(chunks.iter().map(|chunk| chunk.values.len() / 2).collect::<Vec<_>>(), expected);
            let first_column: Vec<Value> = chunks.into_iter().flat_map(|chunk| chunk.values).step_by(2).collect();
            assert_eq!(first_column, (0..rows_count).map(|row| Value::from(i64::from(row))).collect::<Vec<_>>());
        }
        assert_eq!(chunk_rows_count(10_000, 1_000), 32, "wide rows keep to the number of parameters");
    }
}
