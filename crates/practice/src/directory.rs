//! What the publishers' directories say of practices, and how that differs from what is known.
//!
//! A source that says nothing of an attribute changes nothing about it, and a practice that is missing from a file is not
//! thereby closed: only a close date closes. The same file twice changes nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::{civil_date, day_start};
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::access::{ObservationSource, Observed, ObservedState};
use crate::facts::{self, Facts};
use crate::organisation::OrganisationEntry;
use crate::practice::Practice;
use crate::source::SourceRead;
use crate::state::State;
use crate::stored;

/// Most practices in one chunk, which is one journal record: a pause waits for at most this much folding (a few
/// milliseconds), and a nation is still only a dozen records.
pub const CHUNK_PRACTICES_MAX: usize = 500;

/// Whether a practice is open for business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Open.
    Active,
    /// Its close date has come.
    Closed,
    /// It has no patients at present, by its publisher.
    Dormant,
    /// Its open date has not come.
    Proposed,
}

/// From when to when a practice is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// First day; None where no source says.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "stored::day_or_none")]
    pub open: Option<Date>,
    /// The day from which it is closed; None where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "stored::day_or_none")]
    pub close: Option<Date>,
    /// The publisher calls it dormant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dormant: bool,
}

impl Lifetime {
    /// The status on `day`.
    #[must_use]
    pub fn status_on(&self, day: Date) -> Status {
        if self.close.is_some_and(|close| close <= day) {
            Status::Closed
        } else if self.open.is_some_and(|open| open > day) {
            Status::Proposed
        } else if self.dormant {
            Status::Dormant
        } else {
            Status::Active
        }
    }

    /// The same, closed from `day` where that is earlier.
    #[must_use]
    pub(crate) fn closed_by(mut self, day: Option<Date>) -> Self {
        self.close = self.close.into_iter().chain(day).min();
        self
    }
}

/// A count of registered patients: a denominator, so it names its source and its date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSize {
    /// Registered patients.
    pub patients: u32,
    /// The publication, `gp-reg-pat-prac-all`.
    pub source: String,
    /// The day the count is of.
    #[serde(with = "stored::day")]
    pub date: Date,
    /// Nobody counted: a succession carried it over from its predecessors, on that day (rule 9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried_over: bool,
}

/// What a directory says of a practice; None where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Of which practice.
    pub practice: PracticeCode,
    /// Its name. An entry without a name creates no practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// From when to when it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// Maker of its GP system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Supplier>,
    /// Its network, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcn: Option<PcnCode>,
    /// Its sub-ICB location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_icb: Option<SubIcbCode>,
    /// Its ICB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icb: Option<IcbCode>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionCode>,
    /// Its registered patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_size: Option<ListSize>,
}

impl DirectoryEntry {
    /// An entry that says nothing yet.
    #[must_use]
    pub fn new(practice: PracticeCode) -> Self {
        Self {
            practice,
            name: None,
            postcode: None,
            lifetime: None,
            supplier: None,
            pcn: None,
            sub_icb: None,
            icb: None,
            region: None,
            list_size: None,
        }
    }

    fn says_nothing(&self) -> bool {
        *self == Self::new(self.practice)
    }

    fn has_place_or_supplier(&self) -> bool {
        self.supplier.is_some()
            || self.pcn.is_some()
            || self.sub_icb.is_some()
            || self.icb.is_some()
            || self.region.is_some()
    }
}

/// A part of a directory's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The publication, `gp-reg-pat-prac-map`.
    pub source: String,
    /// From when its facts hold; not in the future.
    pub effective_from: Date,
    /// At most [`CHUNK_PRACTICES_MAX`], each practice once.
    pub practices: Vec<DirectoryEntry>,
    /// Organisations, each once.
    pub organisations: Vec<OrganisationEntry>,
    /// What the source itself says; None where that is not to be kept.
    pub read: Option<SourceRead>,
}

/// How an entry differs from what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The practice was not known.
    Created,
    /// Something else than the following changed.
    Updated,
    /// It was open and is closed.
    Closed,
    /// Its PCN, sub-ICB, ICB, region or supplier changed.
    Moved,
}

/// A change that an entry makes: only what is new in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryChange {
    /// Of what kind.
    pub difference: Difference,
    /// What is new.
    pub entry: DirectoryEntry,
    /// What held before in its place, for those who read the record; None where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<DirectoryEntry>>,
    /// Observed access that is no longer known, by a change of supplier (rule 10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_unknown: Vec<AccessUnknown>,
}

/// The end of what was known of a capability at a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessUnknown {
    /// The capability.
    pub capability: Capability,
    /// From when it is not known.
    pub as_at: Timestamp,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It changes something.
    Changes(Box<DirectoryChange>),
    /// It says nothing new.
    Unchanged,
    /// It concerns a practice that is not known and that it cannot create: it has no name, or is closed already.
    NotOurs,
}

/// Compares an entry with what is known. `now` decides the status.
#[must_use]
pub fn compare(state: &State, entry: &DirectoryEntry, effective_from: Date, now: Timestamp) -> Verdict {
    let today = civil_date(now);
    let Some(practice) = state.practice(entry.practice) else {
        let closed = entry.lifetime.is_some_and(|lifetime| lifetime.status_on(today) == Status::Closed);
        if entry.name.is_none() || closed {
            return Verdict::NotOurs;
        }
        let (difference, entry) = (Difference::Created, entry.clone());
        let change = DirectoryChange { difference, entry, before: None, access_unknown: Vec::new() };
        return Verdict::Changes(Box::new(change));
    };
    let (news, before) = only_new(practice, entry, effective_from, now);
    if news.says_nothing() {
        return Verdict::Unchanged;
    }
    let closes = practice.status != Status::Closed
        && news.lifetime.is_some_and(|lifetime| lifetime.status_on(today) == Status::Closed);
    let difference = match () {
        () if closes => Difference::Closed,
        // What is told for the first time moves nobody.
        () if before.has_place_or_supplier() => Difference::Moved,
        () => Difference::Updated,
    };
    let access_unknown = access_unknown(practice, &news, effective_from);
    let before = if before.says_nothing() { None } else { Some(Box::new(before)) };
    Verdict::Changes(Box::new(DirectoryChange { difference, entry: news, before, access_unknown }))
}

/// What is to be recorded of an organisation's entry; None where it says nothing new. A source that gives only codes
/// leaves the name as it is known.
#[must_use]
pub fn organisation_news(
    state: &State,
    entry: &OrganisationEntry,
    effective_from: Date,
    now: Timestamp,
) -> Option<OrganisationEntry> {
    let known = state.organisation(&entry.code);
    let held = known.and_then(|known| known.facts().as_of(effective_from, now)).map(|fact| &fact.value);
    let mut news = entry.clone();
    if let (true, Some(known)) = (news.name.is_empty(), known) {
        held.unwrap_or(known.latest()).name.clone_into(&mut news.name);
    }
    (held != Some(&news)).then_some(news)
}

/// What is new in an entry, and what held before in its place.
fn only_new(
    practice: &Practice,
    entry: &DirectoryEntry,
    day: Date,
    now: Timestamp,
) -> (DirectoryEntry, DirectoryEntry) {
    let (mut news, mut before) = (DirectoryEntry::new(entry.practice), DirectoryEntry::new(entry.practice));
    macro_rules! compare {
        ($($attribute:ident: $known:expr),+) => {$(
            let held = $known.and_then(|facts| facts.as_of(day, now)).map(|fact| &fact.value);
            if let Some(said) = entry.$attribute.as_ref().filter(|said| held != Some(*said)) {
                news.$attribute = Some(said.clone());
                before.$attribute = held.cloned();
            }
        )+};
    }
    compare!(
        name: Some(&practice.name),
        postcode: practice.postcode.as_ref(),
        lifetime: practice.lifetime.as_ref(),
        supplier: practice.supplier.as_ref(),
        pcn: practice.pcn.as_ref(),
        sub_icb: practice.sub_icb.as_ref(),
        icb: practice.icb.as_ref(),
        region: practice.region.as_ref(),
        list_size: practice.list_size.as_ref()
    );
    (news, before)
}

/// Rule 10: what was observed under the supplier before is no longer known. Only where the change concerns the present:
/// a correction of which supplier it once had changes nothing that is observed now.
fn access_unknown(practice: &Practice, news: &DirectoryEntry, effective_from: Date) -> Vec<AccessUnknown> {
    let (Some(supplier), Some(known)) = (&news.supplier, &practice.supplier) else { return Vec::new() };
    let present = known.latest();
    if effective_from < present.effective_from || present.value == *supplier {
        return Vec::new();
    }
    let from = day_start(effective_from);
    let unknown = practice.access.iter().filter_map(|(capability, access)| {
        let latest = access.observations().last()?;
        let standing = access.standing(Timestamp::MAX, Timestamp::MAX);
        // Where nobody claims anything there is nothing to forget.
        standing.words().find(|word| word.state != ObservedState::Unknown)?;
        // Cautious: an observation of a moment after the change may still be the old supplier's.
        Some(AccessUnknown { capability: capability.clone(), as_at: from.max(latest.as_at) })
    });
    unknown.collect()
}

impl Practice {
    /// The first import of a practice. The entry must have a name.
    pub(crate) fn create(entry: &DirectoryEntry, effective_from: Date, recorded_at: Timestamp) -> Self {
        let name = entry.name.clone().unwrap_or_else(|| entry.practice.to_string());
        let name = Facts::new(facts::Fact { effective_from, recorded_at, value: name });
        let mut practice = Self::new(entry.practice, name, recorded_at);
        practice.record_all_but_name(entry, effective_from, recorded_at);
        practice
    }

    pub(crate) fn change(&mut self, change: &DirectoryChange, effective_from: Date, recorded_at: Timestamp) {
        if let Some(name) = &change.entry.name {
            self.name.record(facts::Fact { effective_from, recorded_at, value: name.clone() });
        }
        self.record_all_but_name(&change.entry, effective_from, recorded_at);
        for unknown in &change.access_unknown {
            self.access_mut(&unknown.capability).observe(Observed {
                state: ObservedState::Unknown,
                source: ObservationSource::Directory,
                as_at: unknown.as_at,
                recorded_at,
                command: None,
                evidence: String::new(),
                wrong_settings: Vec::new(),
            });
        }
    }

    fn record_all_but_name(&mut self, entry: &DirectoryEntry, day: Date, at: Timestamp) {
        fn add<T: Clone>(facts: &mut Option<Facts<T>>, said: Option<&T>, day: Date, at: Timestamp) {
            if let Some(said) = said {
                facts::record(facts, day, at, said.clone());
            }
        }
        add(&mut self.postcode, entry.postcode.as_ref(), day, at);
        add(&mut self.supplier, entry.supplier.as_ref(), day, at);
        add(&mut self.pcn, entry.pcn.as_ref(), day, at);
        add(&mut self.sub_icb, entry.sub_icb.as_ref(), day, at);
        add(&mut self.icb, entry.icb.as_ref(), day, at);
        add(&mut self.region, entry.region.as_ref(), day, at);
        add(&mut self.list_size, entry.list_size.as_ref(), day, at);
        if entry.lifetime.is_some() {
            add(&mut self.lifetime, entry.lifetime.as_ref(), day, at);
            self.status = self.status_on(civil_date(at));
        }
    }
}
