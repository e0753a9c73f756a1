//! Comma-separated: a row for each practice, or one for each fact.

use csv::{Terminator, WriterBuilder};
use ods::civil::civil_date;
use practice::access::ObservedState;
use practice::directory::Status;
use practice::facts::Facts;
use practice::{AsOf, Practice, View};

use crate::fields::DEFAULT_CAPABILITY;

const PRACTICE_COLUMNS: [&str; 16] = [
    "ods_code",
    "name",
    "postcode",
    "status",
    "open_date",
    "close_date",
    "supplier",
    "pcn_code",
    "sub_icb_code",
    "icb_code",
    "region_code",
    "list_size",
    "list_size_source",
    "list_size_date",
    "observed_state",
    "live_since",
];

const FACT_COLUMNS: [&str; 5] = ["ods_code", "attribute", "value", "effective_from", "recorded_at"];

pub(crate) fn header(history: bool) -> Vec<u8> {
    if history { rows([FACT_COLUMNS.map(str::to_owned)]) } else { rows([PRACTICE_COLUMNS.map(str::to_owned)]) }
}

/// The practice's row.
pub(crate) fn row(view: View<'_>) -> Vec<u8> {
    let (lifetime, list_size) = (view.lifetime(), view.list_size());
    let observed = view.observed(&DEFAULT_CAPABILITY).map_or(ObservedState::Unknown, |observed| observed.state);
    rows([[
        view.code().to_string(),
        view.name().to_owned(),
        text(view.postcode()),
        status(view.status()).to_owned(),
        text(lifetime.open),
        text(lifetime.close),
        text(view.supplier()),
        text(view.pcn()),
        text(view.sub_icb()),
        text(view.icb()),
        text(view.region()),
        text(list_size.map(|size| size.patients)),
        text(list_size.map(|size| &size.source)),
        text(list_size.map(|size| size.date)),
        state(observed).to_owned(),
        text(view.live_since(&DEFAULT_CAPABILITY)),
    ]])
}

/// Every fact of the practice that was true by then and known by then, attribute by attribute, in the order of
/// recording.
pub(crate) fn facts(practice: &Practice, as_of: AsOf) -> Vec<u8> {
    let mut told = Told { practice, as_of, rows: Vec::new() };
    told.facts("name", Some(&practice.name), Clone::clone);
    told.facts("postcode", practice.postcode.as_ref(), Clone::clone);
    told.facts("open_date", practice.lifetime.as_ref(), |lifetime| text(lifetime.open));
    told.facts("close_date", practice.lifetime.as_ref(), |lifetime| text(lifetime.close));
    told.facts("dormant", practice.lifetime.as_ref(), |lifetime| lifetime.dormant.to_string());
    told.facts("supplier", practice.supplier.as_ref(), ToString::to_string);
    told.facts("pcn_code", practice.pcn.as_ref(), ToString::to_string);
    told.facts("sub_icb_code", practice.sub_icb.as_ref(), ToString::to_string);
    told.facts("icb_code", practice.icb.as_ref(), ToString::to_string);
    told.facts("region_code", practice.region.as_ref(), ToString::to_string);
    told.facts("list_size", practice.list_size.as_ref(), |size| size.patients.to_string());
    told.facts("list_size_source", practice.list_size.as_ref(), |size| size.source.clone());
    told.facts("list_size_date", practice.list_size.as_ref(), |size| size.date.to_string());
    rows(told.rows)
}

struct Told<'a> {
    practice: &'a Practice,
    as_of: AsOf,
    rows: Vec<[String; 5]>,
}

impl Told<'_> {
    fn facts<T>(&mut self, attribute: &str, facts: Option<&Facts<T>>, words: impl Fn(&T) -> String) {
        let day = civil_date(self.as_of.effective_at);
        for fact in facts.into_iter().flat_map(Facts::iter) {
            if fact.effective_from <= day && fact.recorded_at <= self.as_of.known_at {
                let (code, value) = (self.practice.code.to_string(), words(&fact.value));
                let (effective_from, recorded_at) = (fact.effective_from.to_string(), fact.recorded_at.to_string());
                self.rows.push([code, attribute.to_owned(), value, effective_from, recorded_at]);
            }
        }
    }
}

fn rows<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Vec<u8> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("rows of the same length are written to memory");
    }
    writer.into_inner().expect("memory is flushed")
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "ACTIVE",
        Status::Closed => "CLOSED",
        Status::Dormant => "DORMANT",
        Status::Proposed => "PROPOSED",
    }
}

fn state(state: ObservedState) -> &'static str {
    match state {
        ObservedState::Off => "OFF",
        ObservedState::On => "ON",
        ObservedState::Partial => "PARTIAL",
        ObservedState::Unknown => "UNKNOWN",
    }
}
