//! What the scheduler sees of the registry: a consistent copy at one position of its journal, kept by its watch.
//!
//! It is only ever a copy: what it says leads to proposals and explanations. The line that decides whether a pause came
//! in time is the registry's permit, never this.

use std::fmt;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};

use crate::id::ActivationKey;

/// A practice as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeFacts {
    /// Its code.
    pub code: PracticeCode,
    /// The maker of its GP system; none where unknown.
    pub supplier: Option<Supplier>,
    /// Its ICB; none where no source has given one.
    pub icb: Option<IcbCode>,
    /// Its sub-ICB location.
    pub sub_icb: Option<SubIcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
    /// Its primary care network; none where it is in none.
    pub pcn: Option<PcnCode>,
    /// Registered patients.
    pub list_size: u32,
    /// Whether it is open for business: not closed, dormant or announced. Nothing is triggered under a closed code
    /// (rule 9).
    pub open: bool,
    /// Who has succeeded it: its code is closed, and these go on. Empty where nobody has.
    pub successors: Vec<PracticeCode>,
    /// Where its readiness items stand, by name; only those on which something was recorded.
    pub readiness: Vec<ReadinessFacts>,
    /// Open advice to wait and open support cases, in order of number. They stop nothing.
    pub advice: Vec<AdviceFacts>,
    /// Its pauses in force, and ended ones whose receipt is PENDING; in order of number.
    pub pauses: Vec<PauseFacts>,
    /// What is known of each capability there, in order of capability. One that is missing was never observed.
    pub access: Vec<AccessFacts>,
}

/// Where a readiness item of a practice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessFacts {
    /// The item.
    pub item: String,
    /// Where it stands.
    pub state: ItemState,
    /// Who sees to it; empty where nobody was named.
    pub owner: String,
    /// The day on which it was done or is to be done.
    pub due_date: Option<Date>,
    /// From when it counts as expired.
    pub expires_at: Option<Timestamp>,
    /// When the registry recorded it.
    pub recorded_at: Timestamp,
}

/// Where a readiness item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemState {
    /// Nothing was recorded, or that it is not begun.
    NotStarted,
    /// Under way.
    InProgress,
    /// Done.
    Complete,
    /// Said not to apply at the practice.
    NotApplicable,
    /// Was done, and its time is over.
    Expired,
}

impl fmt::Display for ItemState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotStarted => "NOT_STARTED",
            Self::InProgress => "IN_PROGRESS",
            Self::Complete => "COMPLETE",
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Expired => "EXPIRED",
        })
    }
}

/// Advice about a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceFacts {
    /// Its number at the practice: `practices/A81001/advice/1`.
    pub number: u32,
    /// An ICB's advice to wait, or else a support case.
    pub is_to_wait: bool,
    /// What it is about; none for all capabilities.
    pub capability: Option<Capability>,
    /// Who says so.
    pub source: String,
    /// The letter's or the case's reference; empty where it has none.
    pub reference: String,
    /// Of a case: what it is about.
    pub category: String,
    /// From when it holds.
    pub from: Timestamp,
    /// Its agreed end.
    pub until: Option<Timestamp>,
    /// When it is to be looked at again.
    pub review_on: Option<Date>,
}

impl AdviceFacts {
    /// Whether it is about this capability.
    #[must_use]
    pub fn covers(&self, capability: &Capability) -> bool {
        self.capability.as_ref().is_none_or(|only| only == capability)
    }
}

/// A pause of a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseFacts {
    /// Its number at the practice: `practices/A81001/pauses/1`.
    pub number: u32,
    /// What it covers; none for all capabilities.
    pub capability: Option<Capability>,
    /// How it is to end.
    pub end: PauseEnd,
    /// When the registry recorded it: what objections are judged by.
    pub recorded_at: Timestamp,
    /// Whether it is in force. One that has ended is here only while its receipt is PENDING.
    pub in_force: bool,
    /// The commands whose permits were open when it was placed, one at most for each capability that it covers, while its
    /// receipt is PENDING: for each that took effect, exactly one DISABLE follows.
    pub pending_on: Vec<ActivationKey>,
}

/// How a pause is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseEnd {
    /// At a moment.
    Until(Timestamp),
    /// When the practice lifts it.
    FurtherNotice,
    /// As the programme's default says: the scheduler judges it by `objections_until`.
    ProgrammeDefault,
}

/// What is known of one capability at a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFacts {
    /// The capability.
    pub capability: Capability,
    /// What holds by all that was observed.
    pub observed: Observed,
    /// Those who look disagree about whether it is on, so that what holds is not known.
    pub disputed: bool,
    /// What the supplier itself said last; UNKNOWN where it has said nothing that counts.
    pub said_by_supplier: Observed,
    /// The moment that the observation is of; none where nothing was ever observed.
    pub observed_at: Option<Timestamp>,
    /// From when it has been live without a break; none where it is not.
    pub live_since: Option<Timestamp>,
    /// The highest generation that any permit was asked for: the next decision takes a higher one.
    pub generation_highest: u32,
    /// The practice has asked for access to be taken away now.
    pub switch_off_requested: bool,
}

impl AccessFacts {
    /// Of a capability at which nobody has looked, for which no permit was asked.
    #[must_use]
    pub fn unknown(capability: Capability) -> Self {
        Self {
            capability,
            observed: Observed::Unknown,
            disputed: false,
            said_by_supplier: Observed::Unknown,
            observed_at: None,
            live_since: None,
            generation_highest: 0,
            switch_off_requested: false,
        }
    }
}

/// What was observed at a practice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observed {
    /// Never observed, or not since the supplier changed (rule 10).
    #[default]
    Unknown,
    /// New entries are not visible by default.
    Off,
    /// Some settings are on and some are not: not live.
    Partial,
    /// New entries are visible by default.
    On,
}

impl fmt::Display for Observed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unknown => "UNKNOWN",
            Self::Off => "OFF",
            Self::Partial => "PARTIAL",
            Self::On => "ON",
        })
    }
}

impl Observed {
    /// On, whatever the settings.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Self::On | Self::Partial)
    }
}

impl PracticeFacts {
    /// What is known of a capability there; none where nothing is.
    #[must_use]
    pub fn access(&self, capability: &Capability) -> Option<&AccessFacts> {
        self.access.iter().find(|access| access.capability == *capability)
    }

    /// What holds of a capability there by all that was observed.
    #[must_use]
    pub fn observed(&self, capability: &Capability) -> Observed {
        self.access(capability).map(|access| access.observed).unwrap_or_default()
    }

    /// Whether those who look disagree about a capability there.
    #[must_use]
    pub fn is_disputed(&self, capability: &Capability) -> bool {
        self.access(capability).is_some_and(|access| access.disputed)
    }

    /// The first pause in force at `now` that covers the capability. A pause whose end has come still counts until the
    /// registry has recorded its lapse (rule 15: a lapse that permits more waits for its event).
    #[must_use]
    pub fn pause(&self, capability: &Capability) -> Option<&PauseFacts> {
        self.pauses.iter().find(|pause| pause.in_force && pause.covers(capability))
    }
}

impl PauseFacts {
    /// Whether it is about this capability.
    #[must_use]
    pub fn covers(&self, capability: &Capability) -> bool {
        self.capability.as_ref().is_none_or(|only| only == capability)
    }
}

/// All practices at one position of the registry's journal. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RegistryView {
    /// The position of the registry's journal that this is true at.
    pub position: u64,
    practices: OrdMap<PracticeCode, Arc<PracticeFacts>>,
    /// Practices with anything in `pauses`, a request to switch off or successors: those that a step must look at each
    /// time.
    wary: OrdSet<PracticeCode>,
}

impl RegistryView {
    /// A view at a position.
    #[must_use]
    pub fn new(position: u64, practices: impl IntoIterator<Item = PracticeFacts>) -> Self {
        let mut view = Self { position, ..Self::default() };
        for practice in practices {
            view.put(practice);
        }
        view
    }

    /// Takes a practice over as it is now. The caller moves `position` once all changes up to it are in.
    pub fn put(&mut self, practice: PracticeFacts) {
        let asked_off = practice.access.iter().any(|access| access.switch_off_requested);
        if practice.pauses.is_empty() && !asked_off && practice.successors.is_empty() {
            self.wary.remove(&practice.code);
        } else {
            self.wary.insert(practice.code);
        }
        self.practices.insert(practice.code, Arc::new(practice));
    }

    /// Forgets a practice that the registry no longer has.
    pub fn remove(&mut self, code: PracticeCode) {
        self.practices.remove(&code);
        self.wary.remove(&code);
    }

    /// A practice.
    #[must_use]
    pub fn get(&self, code: PracticeCode) -> Option<&PracticeFacts> {
        self.practices.get(&code).map(AsRef::as_ref)
    }

    /// All practices in order of code.
    pub fn iter(&self) -> impl Iterator<Item = &PracticeFacts> {
        self.practices.values().map(AsRef::as_ref)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.practices.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.practices.is_empty()
    }

    /// Practices with a pause in force, a PENDING receipt, a request to switch off or successors, in order of code.
    pub fn wary(&self) -> impl Iterator<Item = &PracticeFacts> {
        self.wary.iter().filter_map(|code| self.get(*code))
    }
}
