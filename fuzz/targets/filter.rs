//! Filters and cohorts: CEL as callers write it.
#![no_main]

use filter::{Field, FieldId, Fields, Filter, Schema, Type, Value};
use libfuzzer_sys::fuzz_target;

const FIELDS: [Field; 5] = [
    Field::new("practice.code", Type::Text),
    Field::new("practice.list_size", Type::Int),
    Field::new("practice.paused", Type::Bool),
    Field::new("practice.opened", Type::Date),
    Field::new("practice.roles", Type::TextList),
];

/// A practice of which something is missing.
struct Row;

impl Fields for Row {
    fn value(&self, field: FieldId) -> Value<'_> {
        match field.index() {
            0 => "A81001".into(),
            1 => 8_000.into(),
            2 => true.into(),
            _ => Value::Missing,
        }
    }
}

fuzz_target!(|text: &str| {
    let schema = Schema::new(&FIELDS).expect("the names are distinct");
    match Filter::parse(text, &schema) {
        Ok(filter) => {
            // One that was accepted has a canonical text, which is accepted, means the same, and is canonical.
            let canonical = filter.canonical(&schema);
            let again = Filter::parse(&canonical, &schema).expect("what is canonical is a filter");
            assert_eq!(again.canonical(&schema), canonical, "{text:?}");
            assert_eq!(again.matches(&Row), filter.matches(&Row), "{text:?} and {canonical:?}");
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line() - 1).expect("the line is one of the text's");
            assert!((1..=line.chars().count() + 1).contains(&error.column()), "{text:?}: {error}");
            assert_eq!(error.caret().lines().count(), 2, "{text:?}");
        }
    }
});
