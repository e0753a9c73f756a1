//! What a filter may say of a practice. The names are those of the resource on the wire, below `practice.`.

use std::sync::LazyLock;

use filter::{Field, FieldId, Fields, Schema, TextList, Type, Value};
use jiff::Timestamp;
use ods::{Capability, IcbCode, PcnCode, RegionCode, SubIcbCode};
use practice::View;
use practice::access::{ObservationSource, ObservedState};
use practice::directory::Status;
use practice::evidence::Verdict;
use practice::readiness::ReadinessState;
use practice::setting::WrongSetting;
use practice::signal::SignalKind;

const FIELDS: [(Field, Read); 25] = [
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
    // What the resource has in lists of messages is a list of text here: CEL's subset cannot look into messages.
    (Field::new("practice.readiness_done", Type::TextList), Read::ReadinessDone),
    (Field::new("practice.readiness_open", Type::TextList), Read::ReadinessOpen),
    (Field::new("practice.live_capabilities", Type::TextList), Read::LiveCapabilities),
    (Field::new("practice.paused_capabilities", Type::TextList), Read::PausedCapabilities),
    // Of the default capability.
    (Field::new("practice.live", Type::Bool), Read::Live),
    (Field::new("practice.live_since", Type::Timestamp), Read::LiveSince),
    (Field::new("practice.observed_state", Type::Text), Read::ObservedState),
    (Field::new("practice.observed_at", Type::Timestamp), Read::ObservedAt),
    (Field::new("practice.observed_by", Type::Text), Read::ObservedBy),
    (Field::new("practice.disputed", Type::Bool), Read::Disputed),
    (Field::new("practice.wrong_settings", Type::TextList), Read::WrongSettings),
    (Field::new("practice.signals", Type::TextList), Read::Signals),
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
    ObservedBy,
    Disputed,
    WrongSettings,
    Signals,
    ReadinessDone,
    ReadinessOpen,
    LiveCapabilities,
    PausedCapabilities,
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
    observed: Option<Verdict<'a>>,
    wrong_settings: WrongSettings<'a>,
    signals: Signals<'a>,
    readiness_done: Readiness<'a>,
    readiness_open: Readiness<'a>,
    live_capabilities: LiveCapabilities<'a>,
    paused_capabilities: PausedCapabilities<'a>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(view: View<'a>) -> Self {
        let observed = view.observed(&DEFAULT_CAPABILITY);
        Self {
            view,
            pcn: view.pcn(),
            sub_icb: view.sub_icb(),
            icb: view.icb(),
            region: view.region(),
            observed,
            wrong_settings: WrongSettings(observed.map(|verdict| verdict.by.wrong_settings.as_slice()).unwrap_or(&[])),
            signals: Signals(view),
            readiness_done: Readiness { view, is_done: true },
            readiness_open: Readiness { view, is_done: false },
            live_capabilities: LiveCapabilities(view),
            paused_capabilities: PausedCapabilities(view),
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
            Read::Live => Value::Bool(self.observed.is_some_and(|verdict| verdict.is_live())),
            Read::LiveSince => self.live_since().map_or(Value::Missing, Value::Timestamp),
            Read::ObservedState => Value::Text(self.observed.map_or("UNKNOWN", |observed| state_name(observed.state))),
            Read::ObservedAt => self.observed.map_or(Value::Missing, |observed| Value::Timestamp(observed.as_at)),
            Read::ObservedBy => self.observed.map_or(Value::Missing, |observed| Value::Text(source_name(observed))),
            Read::Disputed => Value::Bool(self.observed.is_some_and(|observed| observed.is_disputed)),
            Read::WrongSettings => Value::TextList(&self.wrong_settings),
            Read::Signals => Value::TextList(&self.signals),
            Read::ReadinessDone => Value::TextList(&self.readiness_done),
            Read::ReadinessOpen => Value::TextList(&self.readiness_open),
            Read::LiveCapabilities => Value::TextList(&self.live_capabilities),
            Read::PausedCapabilities => Value::TextList(&self.paused_capabilities),
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

fn source_name(verdict: Verdict<'_>) -> &'static str {
    match verdict.by.source {
        ObservationSource::SupplierConfirmation => "SUPPLIER_CONFIRMATION",
        ObservationSource::SupplierList => "SUPPLIER_LIST",
        ObservationSource::Practice => "PRACTICE",
        ObservationSource::Inspection => "INSPECTION",
        ObservationSource::Directory => "DIRECTORY",
        ObservationSource::Succession => "SUCCESSION",
    }
}

/// Of the word that says PARTIAL: the settings that are wrong.
struct WrongSettings<'a>(&'a [WrongSetting]);

impl TextList for WrongSettings<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn has(&self, text: &str) -> bool {
        self.0.iter().any(|wrong| wrong.setting == text)
    }
}

struct Signals<'a>(View<'a>);

impl TextList for Signals<'_> {
    fn count(&self) -> usize {
        self.0.signals(&DEFAULT_CAPABILITY).count()
    }

    fn has(&self, text: &str) -> bool {
        let name = |kind| match kind {
            SignalKind::NoViewers => "NO_VIEWERS",
        };
        self.0.signals(&DEFAULT_CAPABILITY).any(|(kind, _)| name(kind) == text)
    }
}

/// Readiness items that are done, in one way or the other; or that are not.
struct Readiness<'a> {
    view: View<'a>,
    is_done: bool,
}

impl Readiness<'_> {
    fn items(&self) -> impl Iterator<Item = &str> {
        let is_done = |state| matches!(state, ReadinessState::Complete | ReadinessState::NotApplicable);
        let items = self.view.readiness().filter(move |(item, _)| is_done(item.state) == self.is_done);
        items.map(|(item, _)| item.item.as_str())
    }
}

impl TextList for Readiness<'_> {
    fn count(&self) -> usize {
        self.items().count()
    }

    fn has(&self, text: &str) -> bool {
        self.items().any(|item| item == text)
    }
}

struct LiveCapabilities<'a>(View<'a>);

impl LiveCapabilities<'_> {
    fn capabilities(&self) -> impl Iterator<Item = &Capability> {
        let live = |capability: &&Capability| self.0.observed(capability).is_some_and(|verdict| verdict.is_live());
        self.0.practice().access.keys().filter(live)
    }
}

impl TextList for LiveCapabilities<'_> {
    fn count(&self) -> usize {
        self.capabilities().count()
    }

    fn has(&self, text: &str) -> bool {
        self.capabilities().any(|capability| capability.as_str() == text)
    }
}

/// The capabilities that a pause in force covers: of a pause of all, also one of which nothing is known here.
struct PausedCapabilities<'a>(View<'a>);

impl TextList for PausedCapabilities<'_> {
    fn count(&self) -> usize {
        self.0.capabilities().iter().filter(|capability| self.has(capability.as_str())).count()
    }

    fn has(&self, text: &str) -> bool {
        let covers = |capability: &Option<Capability>| capability.as_ref().is_none_or(|only| only.as_str() == text);
        self.0.pauses().any(|pause| self.0.is_in_force(pause) && covers(&pause.capability))
    }
}
