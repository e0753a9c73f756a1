//! What a filter may say of an organisation. The names are those of the resource on the wire, below `organisation.`.

use std::sync::LazyLock;

use filter::{Field, FieldId, Fields, Schema, Type, Value};
use practice::{OrganisationEntry, OrganisationKind, OrganisationLifetime};

const FIELDS: [(Field, Read); 7] = [
    (Field::new("organisation.code", Type::Text), Read::Code),
    (Field::new("organisation.kind", Type::Text), Read::Kind),
    (Field::new("organisation.display_name", Type::Text), Read::DisplayName),
    (Field::new("organisation.parent_code", Type::Text), Read::ParentCode),
    (Field::new("organisation.open_date", Type::Date), Read::OpenDate),
    (Field::new("organisation.close_date", Type::Date), Read::CloseDate),
    (Field::new("organisation.practices_count", Type::Int), Read::PracticesCount),
];

#[derive(Clone, Copy)]
enum Read {
    Code,
    Kind,
    DisplayName,
    ParentCode,
    OpenDate,
    CloseDate,
    PracticesCount,
}

/// The schema of organisations.
pub(crate) static ORGANISATION: LazyLock<Schema> = LazyLock::new(|| {
    Schema::new(&FIELDS.map(|(field, _)| field)).expect("the names above are dotted identifiers, each once")
});

/// An organisation as a row for a filter.
pub(crate) struct OrganisationRow<'a> {
    pub(crate) entry: &'a OrganisationEntry,
    pub(crate) lifetime: OrganisationLifetime,
    pub(crate) practices_count: i64,
}

impl Fields for OrganisationRow<'_> {
    fn value(&self, field: FieldId) -> Value<'_> {
        let Some((_, read)) = FIELDS.get(field.index()) else { return Value::Missing };
        match read {
            Read::Code => Value::Text(&self.entry.code),
            Read::Kind => Value::Text(kind_name(self.entry.kind)),
            Read::DisplayName => Value::Text(&self.entry.name),
            Read::ParentCode if self.entry.parent.is_empty() => Value::Missing,
            Read::ParentCode => Value::Text(&self.entry.parent),
            Read::OpenDate => self.lifetime.open.map_or(Value::Missing, Value::Date),
            Read::CloseDate => self.lifetime.close.map_or(Value::Missing, Value::Date),
            Read::PracticesCount => Value::Int(self.practices_count),
        }
    }
}

fn kind_name(kind: OrganisationKind) -> &'static str {
    match kind {
        OrganisationKind::Pcn => "PCN",
        OrganisationKind::SubIcb => "SUB_ICB",
        OrganisationKind::Icb => "ICB",
        OrganisationKind::Region => "REGION",
    }
}
