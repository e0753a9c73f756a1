//! Why the official counts of practices differ: which practice is in which source, and what the sources contradict.
//!
//! Three counts are official: the practices that the Organisation Data Service calls active, those with a list of
//! registered patients, and those of the map with a supplier. Issues are of different days, so a difference is first
//! explained by what happened between them; only what cannot be is a contradiction. Codes are compared with what the
//! register holds for the issue's own day, so that a reorganisation is no disagreement.

use jiff::Timestamp;
use ods::PracticeCode;

use crate::directory::Status;
use crate::facts::Facts;
use crate::source::{Latest, SourceKind};
use crate::state::State;

/// How sources differ about a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisagreementKind {
    /// It is counted or mapped, and the Organisation Data Service doesn't name it.
    UnknownToOds,
    /// It closed after its patients were counted: no contradiction.
    ClosedSince,
    /// It was closed when its patients were counted or its place was mapped.
    ClosedButCounted,
    /// The Organisation Data Service calls it dormant, and it is counted or mapped.
    DormantButCounted,
    /// It opened after patients were counted: no contradiction.
    OpenedSince,
    /// It is active and has no registered patients.
    ActiveWithoutPatients,
    /// It is active and its patients were counted, and the map doesn't name it with a supplier.
    CountedButNotMapped,
    /// A source says another sub-ICB than the register holds for that day.
    SubIcbDiffers,
    /// A source says another ICB than the register holds for that day.
    IcbDiffers,
    /// A source says another region than the register holds for that day.
    RegionDiffers,
}

impl DisagreementKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::UnknownToOds,
        Self::ClosedSince,
        Self::ClosedButCounted,
        Self::DormantButCounted,
        Self::OpenedSince,
        Self::ActiveWithoutPatients,
        Self::CountedButNotMapped,
        Self::SubIcbDiffers,
        Self::IcbDiffers,
        Self::RegionDiffers,
    ];
}

/// One difference, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Of what kind.
    pub kind: DisagreementKind,
    /// Who says what; a sentence without a full stop.
    pub detail: String,
}

/// What the sources say of one practice.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    state: &'a State,
    practice: PracticeCode,
    ods: Option<Latest<'a>>,
    lists: Option<Latest<'a>>,
    map: Option<Latest<'a>>,
}

impl<'a> Standing<'a> {
    /// What they say.
    #[must_use]
    pub fn of(state: &'a State, practice: PracticeCode) -> Self {
        let latest = |kind| state.sources().latest(kind, practice);
        let (ods, lists, map) = (latest(SourceKind::Epraccur), latest(SourceKind::ListSizes), latest(SourceKind::Map));
        Self { state, practice, ods, lists, map }
    }

    /// Who said something, and what they said last.
    pub fn statements(&self) -> impl Iterator<Item = (SourceKind, Latest<'a>)> {
        let all = [(SourceKind::Map, self.map), (SourceKind::ListSizes, self.lists), (SourceKind::Epraccur, self.ods)];
        all.into_iter().filter_map(|(kind, latest)| Some((kind, latest?)))
    }

    /// Is it one of the source's official count?
    #[must_use]
    pub fn counts_in(&self, kind: SourceKind) -> bool {
        match kind {
            SourceKind::Epraccur => self.ods_status() == Some(Status::Active),
            SourceKind::ListSizes => current(self.lists).is_some(),
            SourceKind::Map => current(self.map).is_some_and(|latest| latest.statement.has_supplier),
        }
    }

    /// Where the sources differ, by kind.
    #[must_use]
    pub fn disagreements(&self) -> Vec<Disagreement> {
        let mut found = Vec::new();
        self.about_being_there(&mut found);
        self.about_place(&mut found);
        found.sort_by_key(|disagreement| disagreement.kind);
        found
    }

    fn ods_status(&self) -> Option<Status> {
        let ods = current(self.ods)?;
        Some(ods.statement.lifetime?.status_on(ods.publication.date))
    }

    fn about_being_there(&self, found: &mut Vec<Disagreement>) {
        let mut find = |kind, detail: String| found.push(Disagreement { kind, detail });
        let was_read = |kind| self.state.sources().source(kind).is_some();
        let named = [("the lists", current(self.lists)), ("the map", current(self.map))];
        let named: Vec<(&str, Latest<'_>)> =
            named.into_iter().filter_map(|(source, latest)| Some((source, latest?))).collect();
        let by = named.iter().map(|(source, latest)| format!("{source} of {}", latest.publication.date));
        let by = by.collect::<Vec<_>>().join(" and ");

        let Some(ods) = current(self.ods) else {
            if was_read(SourceKind::Epraccur) && !named.is_empty() {
                find(DisagreementKind::UnknownToOds, format!("{by} name it, and epraccur doesn't"));
            }
            return;
        };
        let ods_says = format!("epraccur of {} says", ods.publication.date);
        let lifetime = ods.statement.lifetime.unwrap_or_default();
        match self.ods_status() {
            Some(Status::Closed) => {
                for (source, latest) in &named {
                    let Some(close) = lifetime.close else { continue };
                    let on = latest.publication.date;
                    let (kind, when) = if close <= on {
                        (DisagreementKind::ClosedButCounted, "already when")
                    } else {
                        (DisagreementKind::ClosedSince, "after")
                    };
                    find(kind, format!("{ods_says} closed from {close}, {when} {source} of {on} named it"));
                }
            }
            Some(Status::Dormant) if !named.is_empty() => {
                find(DisagreementKind::DormantButCounted, format!("{ods_says} dormant, and {by} name it"));
            }
            Some(Status::Active) => self.about_an_active_one(&ods_says, &mut find),
            Some(Status::Dormant | Status::Proposed) | None => {}
        }
    }

    fn about_an_active_one(&self, ods_says: &str, find: &mut impl FnMut(DisagreementKind, String)) {
        let date_of = |kind| Some(self.state.sources().source(kind)?.publication()?.date);
        let opened = self.ods.and_then(|ods| ods.statement.lifetime?.open);
        let is_counted = self.counts_in(SourceKind::ListSizes);
        if let Some(counted) = date_of(SourceKind::ListSizes).filter(|_| !is_counted) {
            match opened.filter(|opened| *opened > counted) {
                Some(opened) => find(
                    DisagreementKind::OpenedSince,
                    format!("{ods_says} open from {opened}, after the lists of {counted}"),
                ),
                None => find(
                    DisagreementKind::ActiveWithoutPatients,
                    format!("{ods_says} active, and the lists of {counted} don't name it"),
                ),
            }
        }
        if let Some(mapped) = date_of(SourceKind::Map).filter(|_| is_counted && !self.counts_in(SourceKind::Map)) {
            find(
                DisagreementKind::CountedButNotMapped,
                format!("{ods_says} active and its patients were counted, and the map of {mapped} doesn't name it"),
            );
        }
    }

    fn about_place(&self, found: &mut Vec<Disagreement>) {
        let Some(practice) = self.state.practice(self.practice) else { return };
        for (source, latest) in self.statements().filter(|(_, latest)| latest.is_current) {
            let says = format!("{} of {} says", source.name(), latest.publication.date);
            let day = latest.publication.effective_from;
            let mut compare = |kind, what: &str, said: Option<&str>, held: Option<String>| {
                if let (Some(said), Some(held)) = (said, held)
                    && said != held
                {
                    let detail = format!("{says} {what} {said}; the register has {held} for {day}");
                    found.push(Disagreement { kind, detail });
                }
            };
            let (sub_icb, icb, region) = (latest.statement.sub_icb, latest.statement.icb, latest.statement.region);
            let held = held(practice.sub_icb.as_ref(), day);
            compare(DisagreementKind::SubIcbDiffers, "sub-ICB", sub_icb.as_ref().map(AsRef::as_ref), held);
            let held = self::held(practice.icb.as_ref(), day);
            compare(DisagreementKind::IcbDiffers, "ICB", icb.as_ref().map(AsRef::as_ref), held);
            let held = self::held(practice.region.as_ref(), day);
            compare(DisagreementKind::RegionDiffers, "region", region.as_ref().map(AsRef::as_ref), held);
        }
    }
}

fn held<T: ToString>(facts: Option<&Facts<T>>, day: jiff::civil::Date) -> Option<String> {
    Some(facts?.as_of(day, Timestamp::MAX)?.value.to_string())
}

fn current(latest: Option<Latest<'_>>) -> Option<Latest<'_>> {
    latest.filter(|latest| latest.is_current)
}

impl SourceKind {
    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "the map",
            Self::ListSizes => "the lists",
            Self::Epraccur => "epraccur",
        }
    }
}
