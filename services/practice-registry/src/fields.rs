//! What a filter may say of a practice. The names are those of the resource on the wire, below `practice.`.

use std::sync::LazyLock;

use filter::{Field, FieldId, Fields, Schema, Type, Value};
use jiff::Timestamp;
use ods::{Capability, IcbCode, PcnCode, RegionCode, SubIcbCode};
use practice::View;
use practice::access::{Observed, ObservedState};
use practice::directory::Status;

const FIELDS: [(Field, Read); 17] = [
    (Field::new("practice.ods_code", Type::Text), Read::OdsCode),
    (Field::new("practice.display_name", Type::Text), Read::DisplayName),
    (Field::new("practice.postcode", Type::Text), Read::Postcode),
    (Field::new("practice.status", Type::Text), Read::Status),
    (Field::new("practice.open_date", Type::Date), Read::OpenDate),
    (Field::new("practice.close_date", Type::Date), Read::CloseDate),
    (Field::new("practice.supplier", Type::Text), Read::Supplier),
    (Field::new("practice.pcn_code", Type::Text), Read::PcnCode),
    (Field::new("practice.sub_icb_code", Type::Text), Read::SubIcbCode),
    (Field::new("practice.icb_code", Type::Text), Read::IcbCode),
    (Field::new("practice.region_code", Type::Text), Read::RegionCode),
    (Field::new("practice.list_size", Type::Int), Read::ListSize),
    (Field::new("practice.paused", Type::Bool), Read::Paused),
    // Of the default capability: CEL's subset has no way to look into a list of messages.
    (Field::new("practice.live", Type::Bool), Read::Live),
    (Field::new("practice.live_since", Type::Timestamp), Read::LiveSince),
    (Field::new("practice.observed_state", Type::Text), Read::ObservedState),
    (Field::new("practice.observed_at", Type::Timestamp), Read::ObservedAt),
];

#[derive(Clone, Copy)]
enum Read {
    OdsCode,
    DisplayName,
    Postcode,
    Status,
    OpenDate,
    CloseDate,
    Supplier,
    PcnCode,
    SubIcbCode,
    IcbCode,
    RegionCode,
    ListSize,
    Paused,
    Live,
    LiveSince,
    ObservedState,
    ObservedAt,
}

/// The schema of practices.
pub(crate) static PRACTICE: LazyLock<Schema> = LazyLock::new(|| {
    Schema::new(&FIELDS.map(|(field, _)| field)).expect("the names above are dotted identifiers, each once")
});

/// The one that a request without a capability means.
pub(crate) static DEFAULT_CAPABILITY: LazyLock<Capability> = LazyLock::new(Capability::default);

/// A practice as a row for a filter. Codes are copied into it, so that values can be borrowed from it.
pub(crate) struct Row<'a> {
    view: View<'a>,
    pcn: Option<PcnCode>,
    sub_icb: Option<SubIcbCode>,
    icb: Option<IcbCode>,
    region: Option<RegionCode>,
    observed: Option<&'a Observed>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(view: View<'a>) -> Self {
        Self {
            view,
            pcn: view.pcn(),
            sub_icb: view.sub_icb(),
            icb: view.icb(),
            region: view.region(),
            observed: view.observed(&DEFAULT_CAPABILITY),
        }
    }

    fn live_since(&self) -> Option<Timestamp> {
        self.view.live_since(&DEFAULT_CAPABILITY)
    }
}

impl Fields for Row<'_> {
    fn value(&self, field: FieldId) -> Value<'_> {
        let Some((_, read)) = FIELDS.get(field.index()) else { return Value::Missing };
        match read {
            Read::OdsCode => Value::Text(self.view.practice().code.as_str()),
            Read::DisplayName => Value::Text(self.view.name()),
            Read::Postcode => text(self.view.postcode()),
            Read::Status => Value::Text(status_name(self.view.status())),
            Read::OpenDate => self.view.lifetime().open.map_or(Value::Missing, Value::Date),
            Read::CloseDate => self.view.lifetime().close.map_or(Value::Missing, Value::Date),
            Read::Supplier => text(self.view.supplier()),
            Read::PcnCode => text(self.pcn.as_ref()),
            Read::SubIcbCode => text(self.sub_icb.as_ref()),
            Read::IcbCode => text(self.icb.as_ref()),
            Read::RegionCode => text(self.region.as_ref()),
            Read::ListSize => self.view.list_size().map_or(Value::Missing, |size| Value::Int(i64::from(size.patients))),
            Read::Paused => Value::Bool(self.view.pauses().any(|pause| self.view.is_in_force(pause))),
            Read::Live => Value::Bool(self.observed.is_some_and(Observed::is_live)),
            Read::LiveSince => self.live_since().map_or(Value::Missing, Value::Timestamp),
            Read::ObservedState => Value::Text(self.observed.map_or("UNKNOWN", |observed| state_name(observed.state))),
            Read::ObservedAt => self.observed.map_or(Value::Missing, |observed| Value::Timestamp(observed.as_at)),
        }
    }
}

fn text<T: AsRef<str> + ?Sized>(value: Option<&T>) -> Value<'_> {
    value.map_or(Value::Missing, |value| Value::Text(value.as_ref()))
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Active => "ACTIVE",
        Status::Closed => "CLOSED",
        Status::Dormant => "DORMANT",
        Status::Proposed => "PROPOSED",
    }
}

fn state_name(state: ObservedState) -> &'static str {
    match state {
        ObservedState::Off => "OFF",
        ObservedState::On => "ON",
        ObservedState::Partial => "PARTIAL",
        ObservedState::Unknown => "UNKNOWN",
    }
}
