//! What a filter may say of an enrolment. The names are those of the resource on the wire, below `enrolment.`.

use std::sync::LazyLock;

use filter::{Field, FieldId, Fields, Filter, FilterError, Schema, Type, Value};
use ods::{IcbCode, RegionCode};
use rollout::Drift;
use rollout::spec::Mode;
use rollout::state::Enrolment;

const FIELDS: [(Field, Read); 10] = [
    (Field::new("enrolment.ods_code", Type::Text), Read::OdsCode),
    (Field::new("enrolment.state", Type::Text), Read::State),
    (Field::new("enrolment.reason", Type::Text), Read::Reason),
    (Field::new("enrolment.mode", Type::Text), Read::Mode),
    (Field::new("enrolment.supplier", Type::Text), Read::Supplier),
    (Field::new("enrolment.icb_code", Type::Text), Read::IcbCode),
    (Field::new("enrolment.region_code", Type::Text), Read::RegionCode),
    (Field::new("enrolment.patients_count", Type::Int), Read::PatientsCount),
    (Field::new("enrolment.changed_at", Type::Timestamp), Read::ChangedAt),
    (Field::new("enrolment.drift", Type::Text), Read::Drift),
];

#[derive(Clone, Copy)]
enum Read {
    OdsCode,
    State,
    Reason,
    Mode,
    Supplier,
    IcbCode,
    RegionCode,
    PatientsCount,
    ChangedAt,
    Drift,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::new(&FIELDS.map(|(field, _)| field)).expect("the names above are dotted identifiers, each once")
});

/// Reads a filter of enrolments; every one passes where the text is empty.
///
/// # Errors
/// The first thing that is wrong with the text.
pub(crate) fn filter(text: &str) -> Result<Filter, FilterError> {
    if text.is_empty() { Ok(Filter::everything()) } else { Filter::parse(text, &SCHEMA) }
}

/// An enrolment as filters see it, and how its practice has drifted.
pub(crate) struct Row<'a> {
    pub(crate) enrolment: &'a Enrolment,
    pub(crate) drift: Option<Drift>,
}

impl Fields for Row<'_> {
    fn value(&self, field: FieldId) -> Value<'_> {
        let enrolment = self.enrolment;
        let Some((_, read)) = FIELDS.get(field.index()) else { return Value::Missing };
        match read {
            Read::OdsCode => Value::Text(enrolment.practice.as_str()),
            Read::State => Value::Text(enrolment.stage.state().as_str()),
            Read::Reason => enrolment.stage.reason().into(),
            Read::Mode => Value::Text(match enrolment.mode {
                Mode::Push => "PUSH",
                Mode::BookedDates => "BOOKED_DATES",
                Mode::SelfService => "SELF_SERVICE",
            }),
            Read::Supplier => Value::Text(enrolment.supplier.as_str()),
            Read::IcbCode => enrolment.icb.as_ref().map(IcbCode::as_str).into(),
            Read::RegionCode => enrolment.region.as_ref().map(RegionCode::as_str).into(),
            Read::PatientsCount => Value::Int(i64::from(enrolment.list_size)),
            Read::ChangedAt => Value::Timestamp(enrolment.changed_at),
            Read::Drift => self.drift.map(Drift::as_str).into(),
        }
    }
}
