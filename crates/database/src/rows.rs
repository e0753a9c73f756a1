//! Rows: one statement for many rows, in the form that each engine runs fastest.
//!
//! On PostgreSQL the rows travel as one array a column: one statement, whatever their number. SQLite has no arrays, so
//! there they are values in the statement, which is split into a bounded set of sizes.

use sqlx::AssertSqlSafe;
use sqlx::{Arguments, postgres::PgArguments};

use crate::sql::{PostgresQuery, SqliteQuery, postgres_arguments, sqlite_arguments};
use crate::{Sql, Value};

/// SQLite's limit of parameters in a statement.
const PARAMETERS_COUNT_MAX: usize = 32_766;

/// Larger statements gain nothing measurable and hold memory in each connection's cache.
const ROWS_COUNT_MAX: usize = 512;

/// Where the rows stand in the statement.
const PLACE: &str = "values {rows}";

/// How a statement begins that other statements can be put into.
const WITH: &str = "with ";

/// A statement over many rows. Made by [`rows`].
#[derive(Clone, Debug)]
pub struct Rows {
    pub(crate) text: &'static str,
    columns_count: usize,
    values: Vec<Value>,
}

/// A statement in which `values {rows}` stands for the rows: `insert into t (a, b) values {rows} on conflict do nothing`.
/// In a transaction it is one commit, whatever the number of rows. No rows: nothing runs.
///
/// # Panics
/// Where the statement does not hold `values {rows}` once.
pub fn rows(text: &'static str) -> Rows {
    assert!(text.matches(PLACE).count() == 1, "`{text}` must hold `{PLACE}` once");
    Rows { text, columns_count: 0, values: Vec::new() }
}

impl Rows {
    /// Adds a row.
    ///
    /// # Panics
    /// Where it has not as many columns as the row before, or a list among them.
    pub fn row<const N: usize>(&mut self, row: [Value; N]) {
        assert!(self.columns_count == 0 || self.columns_count == N, "rows of `{}` differ in length", self.text);
        let is_list = |value: &Value| matches!(value, Value::I64List(_) | Value::TextList(_));
        assert!(!row.iter().any(is_list), "a row of `{}` holds a list", self.text);
        self.columns_count = N;
        self.values.extend(row);
    }

    /// True where there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    // Safe SQL, here and below: a static text, and what is made from counts and from the names of three types.

    /// The one statement of PostgreSQL; `None` where there are no rows.
    pub(crate) fn for_postgres(self) -> Option<Result<PostgresQuery, sqlx::Error>> {
        if self.is_empty() {
            return None;
        }
        let mut arguments = PgArguments::default();
        let text = self.written(&mut arguments);
        Some(text.map(|text| sqlx::query_with(AssertSqlSafe(text), arguments)))
    }

    /// The text of the one statement of PostgreSQL, whose parameters come after those that are there. There are rows.
    fn written(self, arguments: &mut PgArguments) -> Result<String, sqlx::Error> {
        let mut columns: Vec<Array> = self.values.iter().take(self.columns_count).map(Array::of_type_of).collect();
        let columns_count = columns.len();
        for (index, value) in self.values.into_iter().enumerate() {
            columns[index % columns_count].push(value, self.text);
        }
        let first = arguments.len() + 1;
        let types: Vec<String> =
            (first..).zip(&columns).map(|(number, array)| format!("${number}::{}", array.type_name())).collect();
        let unnested = format!("select * from unnest({})", types.join(", "));
        for column in columns {
            column.bind(arguments).map_err(sqlx::Error::Encode)?;
        }
        Ok(self.text.replace(PLACE, &unnested))
    }

    /// One statement of PostgreSQL that runs all these and then `last`, which begins with `with`.
    pub(crate) fn together_for_postgres(all: Vec<Self>, last: Sql) -> Result<PostgresQuery, sqlx::Error> {
        let Sql { text, values } = last;
        let mut arguments = postgres_arguments(values)?;
        let rest = text.strip_prefix(WITH).unwrap_or_else(|| panic!("`{text}` must begin with `{WITH}`"));
        let mut together = WITH.to_owned();
        for (number, rows) in all.into_iter().filter(|rows| !rows.is_empty()).enumerate() {
            let written = rows.written(&mut arguments)?;
            together.push_str(&format!("rows_{number} as ({written}), "));
        }
        together.push_str(rest);
        Ok(sqlx::query_with(AssertSqlSafe(together), arguments))
    }

    /// The few statements of SQLite that together run all rows, in their order.
    pub(crate) fn for_sqlite(self) -> Vec<Result<SqliteQuery, sqlx::Error>> {
        let mut statements = Vec::new();
        let mut values = self.values.into_iter();
        while values.len() > 0 {
            let rows_count = statement_rows_count(values.len() / self.columns_count, self.columns_count);
            let text = self.text.replace(PLACE, &places(rows_count, self.columns_count));
            let bound = sqlite_arguments(values.by_ref().take(rows_count * self.columns_count).collect());
            statements.push(bound.map(|arguments| sqlx::query_with(AssertSqlSafe(text), arguments)));
        }
        statements
    }
}

/// The values of one column.
enum Array {
    I64(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Array {
    fn of_type_of(value: &Value) -> Self {
        match value {
            Value::I64(_) | Value::I64List(_) => Self::I64(Vec::new()),
            Value::Text(_) | Value::TextList(_) => Self::Text(Vec::new()),
            Value::Bytes(_) => Self::Bytes(Vec::new()),
        }
    }

    fn push(&mut self, value: Value, text: &str) {
        match (self, value) {
            (Self::I64(column), Value::I64(value)) => column.push(value),
            (Self::Text(column), Value::Text(value)) => column.push(value),
            (Self::Bytes(column), Value::Bytes(value)) => column.push(value),
            (_, value) => panic!("a column of `{text}` holds values of two types, among them {value:?}"),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::I64(_) => "bigint[]",
            Self::Text(_) => "text[]",
            Self::Bytes(_) => "bytea[]",
        }
    }

    fn bind(self, arguments: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError> {
        match self {
            Self::I64(column) => arguments.add(column),
            Self::Text(column) => arguments.add(column),
            Self::Bytes(column) => arguments.add(column),
        }
    }
}

/// The largest of 1, 2, 3, 4, 6, 8, 12, 16, … 384, 512 that is left and fits: so any number of rows takes few statements,
/// and a connection's cache holds eighteen shapes of one and not as many as there are numbers.
fn statement_rows_count(left_count: usize, columns_count: usize) -> usize {
    let fits_count = (PARAMETERS_COUNT_MAX / columns_count).clamp(1, ROWS_COUNT_MAX).min(left_count);
    let power = 1 << fits_count.ilog2();
    if fits_count >= power + power / 2 { power + power / 2 } else { power }
}

/// `values (?, ?), (?, ?)`. Not `$1`: to SQLite that is a name, looked up by a walk through all names, once for each
/// parameter at each run. At some hundred rows this took longer than all the rest.
fn places(rows_count: usize, columns_count: usize) -> String {
    let mut row = String::from("(?");
    row.push_str(&", ?".repeat(columns_count - 1));
    row.push(')');
    let mut places = String::with_capacity("values ".len() + rows_count * (row.len() + 2));
    places.push_str("values ");
    places.push_str(&row);
    for _ in 1..rows_count {
        places.push_str(", ");
        places.push_str(&row);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_places_in_order() {
        assert_eq!(places(1, 1), "values (?)");
        assert_eq!(places(2, 3), "values (?, ?, ?), (?, ?, ?)");
    }

    #[test]
    fn any_number_of_rows_takes_few_statements_of_few_sizes() {
        let mut sizes = std::collections::BTreeSet::new();
        for rows_count in 1..2_000 {
            let mut left_count = rows_count;
            let mut statements_count = 0;
            while left_count > 0 {
                let size = statement_rows_count(left_count, 12);
                sizes.insert(size);
                left_count -= size;
                statements_count += 1;
            }
            assert!(statements_count <= rows_count / ROWS_COUNT_MAX + 6, "{rows_count}: {statements_count}");
        }
        assert_eq!(sizes.len(), 18, "{sizes:?}");
        assert_eq!(statement_rows_count(10_000, 1_000), 32, "wide rows keep to the number of parameters");
    }

    #[test]
    #[should_panic(expected = "differ in length")]
    fn rows_of_different_length_are_a_fault_of_the_caller() {
        let mut rows = rows("insert into t values {rows}");
        rows.row([Value::from(1)]);
        rows.row([Value::from(1), Value::from(2)]);
    }

    #[test]
    #[should_panic(expected = "values of two types")]
    fn columns_of_two_types_are_a_fault_of_the_caller() {
        let mut rows = rows("insert into t values {rows}");
        rows.row([Value::from(1)]);
        rows.row([Value::from("one")]);
        let _ = rows.for_postgres();
    }
}
