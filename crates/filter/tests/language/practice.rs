//! A resource with a field of every type, some of them optional, as a service would declare it.

use filter::{Field, FieldId, Fields, Schema, Type, Value};
use jiff::Timestamp;
use jiff::civil::{Date, date};

/// The declared fields, in the order of [`Practice::value`].
pub(crate) const FIELDS: [Field; 9] = [
    Field::new("practice.code", Type::Text),
    Field::new("practice.supplier", Type::Text),
    Field::new("practice.list_size", Type::Int),
    Field::new("practice.branches", Type::Int),
    Field::new("practice.paused", Type::Bool),
    Field::new("practice.opened", Type::Date),
    Field::new("practice.closed", Type::Date),
    Field::new("practice.updated", Type::Timestamp),
    Field::new("practice.roles", Type::TextList),
];

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Practice {
    pub(crate) code: String,
    pub(crate) supplier: Option<String>,
    pub(crate) list_size: i64,
    pub(crate) branches: Option<i64>,
    pub(crate) paused: Option<bool>,
    pub(crate) opened: Date,
    pub(crate) closed: Option<Date>,
    pub(crate) updated: Option<Timestamp>,
    pub(crate) roles: Option<Vec<String>>,
}

impl Fields for Practice {
    fn value(&self, field: FieldId) -> Value<'_> {
        match field.index() {
            0 => self.code.as_str().into(),
            1 => self.supplier.as_deref().into(),
            2 => self.list_size.into(),
            3 => self.branches.into(),
            4 => self.paused.into(),
            5 => self.opened.into(),
            6 => self.closed.into(),
            7 => self.updated.into(),
            8 => self.roles.as_ref().map_or(Value::Missing, |roles| Value::TextList(roles)),
            _ => Value::Missing,
        }
    }
}

/// The schema of [`Practice`].
pub(crate) fn schema() -> Schema {
    Schema::new(&FIELDS).expect("the declared names are distinct")
}

/// A practice with a value for every field.
pub(crate) fn practice() -> Practice {
    Practice {
        code: "A81001".to_owned(),
        supplier: Some("TPP".to_owned()),
        list_size: 8_000,
        branches: Some(2),
        paused: Some(false),
        opened: date(1999, 4, 1),
        closed: Some(date(2031, 3, 31)),
        updated: Some("2031-03-30T01:00:00Z".parse().expect("a moment")),
        roles: Some(vec!["RO76".to_owned(), "RO268".to_owned()]),
    }
}
