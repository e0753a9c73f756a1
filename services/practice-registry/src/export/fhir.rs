//! A FHIR R4 bundle: each practice as Organisation Data Terminology has it, so that whoever reads that can read this.
//!
//! ICB and region are not said of a practice, there as here: they follow from its sub-ICB.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::civil_date;
use ods::fhir::{BundleKind, BundleWriter, Version, affiliations, organization};
use ods::record::{
    COMMISSIONED_BY, CountedPatients, GP_PRACTICE_ROLE, HeldRole, OrganisationRecord, PARTNER_TO, Period, Relationship,
};
use practice::directory::Status;
use practice::facts::Facts;
use practice::{AsOf, Practice, View};

#[derive(Debug)]
pub(crate) struct Bundle {
    writer: BundleWriter,
}

impl Bundle {
    pub(crate) fn new(history: bool) -> Self {
        let kind = if history { BundleKind::History } else { BundleKind::Collection };
        Self { writer: BundleWriter::new(kind) }
    }

    pub(crate) fn begin(&self, made_at: Timestamp) -> String {
        self.writer.begin(made_at)
    }

    pub(crate) fn end(&self) -> String {
        self.writer.end().to_owned()
    }

    /// The practice as the view shows it, with the relationships that hold.
    pub(crate) fn practice(&mut self, view: View<'_>, as_of: AsOf) -> String {
        let practice = view.practice();
        let version = Version { id: practice.position(), last_updated: practice.changed_at };
        let day = civil_date(as_of.effective_at);
        let mut record = record(view, as_of);
        if let Some(held) = &mut record.relationships {
            held.retain(|held| held.operational.contains(day));
        }
        self.resources(&record, version)
    }

    /// The practice's versions, the latest first, each with the relationships that were known then, past ones too.
    pub(crate) fn versions(&mut self, view: View<'_>, as_of: AsOf) -> String {
        let practice = view.practice();
        let mut text = String::new();
        for (index, recorded_at) in recorded(practice, as_of).into_iter().enumerate().rev() {
            let then = AsOf { effective_at: recorded_at.min(as_of.effective_at), known_at: recorded_at };
            let Some(view) = View::as_of_practice(practice, then) else { continue };
            let version = Version { id: index as u64 + 1, last_updated: recorded_at };
            text.push_str(&self.resources(&record(view, then), version));
        }
        text
    }

    fn resources(&mut self, record: &OrganisationRecord, version: Version) -> String {
        let mut text = self.writer.entry(&organization(record, version), version);
        for resource in affiliations(record) {
            text.push_str(&self.writer.entry(&resource, version));
        }
        text
    }
}

/// The moments at which the directory said something of the practice, in order.
fn recorded(practice: &Practice, as_of: AsOf) -> Vec<Timestamp> {
    fn moments<T>(facts: Option<&Facts<T>>) -> impl Iterator<Item = Timestamp> {
        facts.into_iter().flat_map(Facts::iter).map(|fact| fact.recorded_at)
    }
    let all = moments(Some(&practice.name))
        .chain(moments(practice.postcode.as_ref()))
        .chain(moments(practice.lifetime.as_ref()))
        .chain(moments(practice.supplier.as_ref()))
        .chain(moments(practice.pcn.as_ref()))
        .chain(moments(practice.sub_icb.as_ref()))
        .chain(moments(practice.list_size.as_ref()));
    let known: BTreeSet<Timestamp> = all.filter(|recorded_at| *recorded_at <= as_of.known_at).collect();
    known.into_iter().collect()
}

fn record(view: View<'_>, as_of: AsOf) -> OrganisationRecord {
    let (practice, lifetime) = (view.practice(), view.lifetime());
    // To ODS a practice that is dormant, or is to open, is active.
    let is_active = view.status() != Status::Closed;
    let operational = Period { start: lifetime.open, end: lifetime.close };
    let mut relationships = held(COMMISSIONED_BY, practice.sub_icb.as_ref(), as_of);
    relationships.extend(held(PARTNER_TO, practice.pcn.as_ref(), as_of));
    relationships.retain(|held| held.target != ods::PcnCode::UNALLOCATED.as_str());
    OrganisationRecord {
        code: practice.code.to_string(),
        name: view.name().to_owned(),
        is_active,
        postcode: view.postcode().map(str::to_owned),
        operational,
        legal: Period::default(),
        changed: None,
        roles: vec![HeldRole { role: GP_PRACTICE_ROLE.to_owned(), is_active, operational }],
        relationships: Some(relationships),
        successions: Vec::new(),
        supplier: view.supplier().cloned(),
        list_size: view.list_size().map(|size| CountedPatients {
            patients: size.patients,
            source: size.source.clone(),
            date: size.date,
        }),
    }
}

/// The relationships of one kind, by what was known then: each from its day to the day before the next one's.
fn held<T: PartialEq + ToString>(kind: &str, facts: Option<&Facts<T>>, as_of: AsOf) -> Vec<Relationship> {
    let day = civil_date(as_of.effective_at);
    let Some(facts) = facts else { return Vec::new() };
    let begins: BTreeSet<Date> = facts
        .iter()
        .filter(|fact| fact.recorded_at <= as_of.known_at && fact.effective_from <= day)
        .map(|fact| fact.effective_from)
        .collect();
    let mut held: Vec<Relationship> = Vec::new();
    for begin in begins {
        let Some(fact) = facts.as_of(begin, as_of.known_at) else { continue };
        let target = fact.value.to_string();
        if held.last().is_some_and(|last| last.target == target) {
            continue;
        }
        if let Some(last) = held.last_mut() {
            (last.operational.end, last.is_active) = (begin.yesterday().ok(), false);
        }
        let operational = Period { start: Some(begin), end: None };
        held.push(Relationship { kind: kind.to_owned(), target, is_active: true, operational });
    }
    held
}
