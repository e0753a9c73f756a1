//! Cohorts: CEL over a practice as the registry has it.
//!
//! The fields are named as in the registry's interface, so that a cohort can be tried out there as a filter of a list.

use std::sync::LazyLock;

use filter::{Field, FieldId, Fields, Filter, FilterError, Schema, Type, Value};

use crate::view::PracticeFacts;

const FIELDS: [Field; 7] = [
    Field::new("practice.ods_code", Type::Text),
    Field::new("practice.supplier", Type::Text),
    Field::new("practice.pcn_code", Type::Text),
    Field::new("practice.sub_icb_code", Type::Text),
    Field::new("practice.icb_code", Type::Text),
    Field::new("practice.region_code", Type::Text),
    Field::new("practice.list_size", Type::Int),
];

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::new(&FIELDS).expect("the names are dotted and differ from each other"));

/// A checked cohort.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    filter: Filter,
}

impl Cohort {
    /// Reads a cohort.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its line and column.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { filter: Filter::parse(text, &SCHEMA)? })
    }

    /// Whether a practice is in it. Where it asks for something that is not known of the practice, it is not.
    #[must_use]
    pub fn has(&self, practice: &PracticeFacts) -> bool {
        self.filter.matches(practice)
    }
}

impl Fields for PracticeFacts {
    fn value(&self, field: FieldId) -> Value<'_> {
        match field.index() {
            0 => Value::Text(self.code.as_str()),
            1 => self.supplier.as_ref().map(ods::Supplier::as_str).into(),
            2 => self.pcn.as_ref().map(ods::PcnCode::as_str).into(),
            3 => self.sub_icb.as_ref().map(ods::SubIcbCode::as_str).into(),
            4 => self.icb.as_ref().map(ods::IcbCode::as_str).into(),
            5 => self.region.as_ref().map(ods::RegionCode::as_str).into(),
            6 => Value::Int(i64::from(self.list_size)),
            _ => Value::Missing,
        }
    }
}
