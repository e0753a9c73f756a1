//! A practice as it is read: as it is now, or as it was in truth at one moment by what was known at another.
//!
//! Nothing is replayed: the facts are all there, and a view picks those that apply.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::civil_date;
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};

use crate::access::{Permit, SwitchOff};
use crate::advice::Advice;
use crate::directory::{Lifetime, ListSize, Status};
use crate::evidence::{Standing, Verdict};
use crate::facts::{Fact, Facts};
use crate::geography::{Codes, Geography};
use crate::pause::{Judgement, Pause, Receipt};
use crate::practice::Practice;
use crate::readiness::ReadinessItem;
use crate::signal::{SignalFact, SignalKind};
use crate::succession::Succession;

/// Both times of a read in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// What was true then…
    pub effective_at: Timestamp,
    /// …by what had been recorded then.
    pub known_at: Timestamp,
}

/// A practice as it is read.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    practice: &'a Practice,
    // None: as events have brought it about, which is not the same as at this instant (rule 15).
    as_of: Option<AsOf>,
    // None: in the codes of the day that is read.
    geography: Option<Geography>,
}

impl<'a> View<'a> {
    /// As it is.
    #[must_use]
    pub fn current(practice: &'a Arc<Practice>) -> Self {
        Self { practice, as_of: None, geography: None }
    }

    /// As it was; None where the practice was not known, or not yet there.
    #[must_use]
    pub fn as_of(practice: &'a Arc<Practice>, as_of: AsOf) -> Option<Self> {
        Self::as_of_practice(practice, as_of)
    }

    /// [`as_of`](Self::as_of), of a practice that a view gave.
    #[must_use]
    pub fn as_of_practice(practice: &'a Practice, as_of: AsOf) -> Option<Self> {
        let view = Self { practice, as_of: Some(as_of), geography: None };
        view.fact(&practice.name)?;
        Some(view)
    }

    /// The same in these codes: only PCN, sub-ICB, ICB and region are told otherwise.
    #[must_use]
    pub fn in_codes(self, codes: &Codes<'_>) -> Self {
        Self { geography: Some(codes.geography(self.practice)), ..self }
    }

    /// The practice with its whole history.
    #[must_use]
    pub fn practice(&self) -> &'a Practice {
        self.practice
    }

    /// ODS code.
    #[must_use]
    pub fn code(&self) -> PracticeCode {
        self.practice.code
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        // A view of the past exists only where a name did.
        self.fact(&self.practice.name).map_or("", |fact| fact.value.as_str())
    }

    /// Postcode.
    #[must_use]
    pub fn postcode(&self) -> Option<&'a str> {
        self.value(self.practice.postcode.as_ref()).map(String::as_str)
    }

    /// From when to when it is open, by the directory and by its succession.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let closing = self.successions().find(|succession| succession.terms.predecessors.contains(&self.code()));
        let closing = closing.map(|closing| closing.terms.effective_from);
        self.value(self.practice.lifetime.as_ref()).copied().unwrap_or_default().closed_by(closing)
    }

    /// The successions that name it, on either side, also of days to come.
    pub fn successions(&self) -> impl Iterator<Item = &'a Succession> {
        let known_at = self.as_of.unwrap_or(NO_BOUND).known_at;
        self.practice.successions.iter().filter(move |succession| succession.recorded_at <= known_at)
    }

    /// Has the succession taken effect?
    #[must_use]
    pub fn is_in_effect(&self, succession: &Succession) -> bool {
        match self.as_of {
            None => succession.effected_at.is_some(),
            Some(as_of) => succession.terms.effective_from <= self.day(as_of),
        }
    }

    /// The succession that has closed it.
    #[must_use]
    pub fn succeeded(&self) -> Option<&'a Succession> {
        let view = *self;
        let closes = move |succession: &&Succession| succession.terms.predecessors.contains(&view.code());
        self.successions().filter(closes).find(|succession| view.is_in_effect(succession))
    }

    /// Who has succeeded it; empty where nobody has.
    #[must_use]
    pub fn successors(&self) -> &'a [PracticeCode] {
        self.succeeded().map(|succession| succession.terms.successors.as_slice()).unwrap_or_default()
    }

    /// Whom it has succeeded, in the order of recording.
    pub fn predecessors(&self) -> impl Iterator<Item = PracticeCode> {
        let view = *self;
        let succeeds = move |succession: &&Succession| succession.terms.successors.contains(&view.code());
        let in_effect = self.successions().filter(succeeds).filter(move |succession| view.is_in_effect(succession));
        in_effect.flat_map(|succession| succession.terms.predecessors.iter().copied())
    }

    /// Whether it is open.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.as_of {
            None => self.practice.status,
            Some(as_of) => self.lifetime().status_on(civil_date(as_of.effective_at)),
        }
    }

    /// Maker of its GP system.
    #[must_use]
    pub fn supplier(&self) -> Option<&'a Supplier> {
        self.value(self.practice.supplier.as_ref())
    }

    /// Its network; None also where it is in none.
    #[must_use]
    pub fn pcn(&self) -> Option<PcnCode> {
        if let Some(geography) = self.geography {
            return geography.pcn;
        }
        self.value(self.practice.pcn.as_ref()).copied().filter(|pcn| !pcn.is_unallocated())
    }

    /// Its sub-ICB location.
    #[must_use]
    pub fn sub_icb(&self) -> Option<SubIcbCode> {
        if let Some(geography) = self.geography {
            return geography.sub_icb;
        }
        self.value(self.practice.sub_icb.as_ref()).copied()
    }

    /// Its ICB.
    #[must_use]
    pub fn icb(&self) -> Option<IcbCode> {
        if let Some(geography) = self.geography {
            return geography.icb;
        }
        self.value(self.practice.icb.as_ref()).copied()
    }

    /// Its region.
    #[must_use]
    pub fn region(&self) -> Option<RegionCode> {
        if let Some(geography) = self.geography {
            return geography.region;
        }
        self.value(self.practice.region.as_ref()).copied()
    }

    /// Its registered patients.
    #[must_use]
    pub fn list_size(&self) -> Option<&'a ListSize> {
        self.value(self.practice.list_size.as_ref())
    }

    /// What holds of a capability by all that was observed; None where nothing was.
    #[must_use]
    pub fn observed(&self, capability: &Capability) -> Option<Verdict<'a>> {
        self.standing(capability).verdict()
    }

    /// The words that stand about a capability: the evidence that what holds rests on.
    #[must_use]
    pub fn standing(&self, capability: &Capability) -> Standing<'a> {
        let AsOf { effective_at, known_at } = self.bounds();
        let access = self.practice.access(capability);
        access.map(|access| access.standing(effective_at, known_at)).unwrap_or_default()
    }

    /// The signals that are raised about a capability, by kind.
    pub fn signals(&self, capability: &Capability) -> impl Iterator<Item = (SignalKind, &'a SignalFact)> {
        let AsOf { effective_at, known_at } = self.bounds();
        let access = self.practice.access(capability);
        access.into_iter().flat_map(move |access| access.signals.raised(effective_at, known_at))
    }

    /// From when it has been live without a break; None where it is not.
    #[must_use]
    pub fn live_since(&self, capability: &Capability) -> Option<Timestamp> {
        let access = self.practice.access(capability)?;
        let AsOf { effective_at, known_at } = self.bounds();
        access.live_since(effective_at, known_at)
    }

    /// The capabilities to tell of: those of which anything is known, and always the default one; by name.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        let mut capabilities: Vec<Capability> = self.practice.access.keys().cloned().collect();
        if let Err(place) = capabilities.binary_search(&Capability::default()) {
            capabilities.insert(place, Capability::default());
        }
        capabilities
    }

    /// The open permits of a capability: that to switch on, of which there is at most one, then those to switch off.
    #[must_use]
    pub fn open_permits(&self, capability: &Capability) -> Vec<Permit> {
        let Some(access) = self.practice.access(capability) else { return Vec::new() };
        let mut open: Vec<Permit> =
            access.permits().iter().filter_map(|permit| permit.open_at(self.told_until())).collect();
        open.sort_by_key(|permit| (permit.action, permit.generation));
        open
    }

    /// The highest generation that had a permit; 0 at first.
    #[must_use]
    pub fn generation_highest(&self, capability: &Capability) -> u32 {
        let Some(access) = self.practice.access(capability) else { return 0 };
        let granted = access.permits().iter().filter(|permit| permit.granted_at <= self.told_until());
        granted.map(|permit| permit.generation).max().unwrap_or(0)
    }

    /// The open request to switch off.
    #[must_use]
    pub fn switch_off(&self, capability: &Capability) -> Option<&'a SwitchOff> {
        self.practice.access(capability)?.switch_off_at(self.told_until())
    }

    /// The pause of this number; None where it was not placed yet.
    #[must_use]
    pub fn pause(&self, number: u32) -> Option<&'a Pause> {
        let AsOf { effective_at, known_at } = self.bounds();
        let placed = |pause: &&Pause| pause.recorded_at <= known_at && pause.holds_from() <= effective_at;
        self.practice.pause(number).filter(placed)
    }

    /// The judgement of a pause, once it was given.
    #[must_use]
    pub fn judgement<'p>(&self, pause: &'p Pause) -> Option<&'p Judgement> {
        let until = self.told_until();
        let judged = pause.judged.iter().rfind(|judged| judged.recorded_at <= until)?;
        Some(&judged.judgement)
    }

    /// The agreed end of a pause; None where there is none (yet).
    #[must_use]
    pub fn until(&self, pause: &Pause) -> Option<Timestamp> {
        pause.until_by(self.judgement(pause))
    }

    /// The receipt of a pause, by capability. One that holds from before it was recorded, by a succession, has the receipt
    /// that it was recorded with.
    #[must_use]
    pub fn receipt(&self, pause: &Pause) -> Receipt {
        let moment = self.told_until().max(pause.recorded_at);
        Receipt::new(pause.receipt.iter().map(|part| part.as_of(moment)).collect())
    }

    /// Does the pause hold?
    #[must_use]
    pub fn is_in_force(&self, pause: &Pause) -> bool {
        match self.as_of {
            None => pause.is_in_force(),
            Some(as_of) => pause.was_in_force(as_of.effective_at, as_of.known_at),
        }
    }

    /// The pauses to tell of: those in force, and those whose receipt is PENDING.
    pub fn pauses(&self) -> impl Iterator<Item = &'a Pause> {
        let view = *self;
        let told = move |pause: &&Pause| view.is_in_force(pause) || pause.is_pending_at(view.told_until());
        self.practice.pauses.iter().filter(told)
    }

    /// The readiness checklist with the moment each item was recorded, by item.
    pub fn readiness(&self) -> impl Iterator<Item = (&'a ReadinessItem, Timestamp)> {
        let AsOf { effective_at, known_at } = self.bounds();
        self.practice.readiness.values().filter_map(move |facts| {
            let mut latest_first = facts.iter().rev();
            let fact = latest_first.find(|fact| fact.effective_at <= effective_at && fact.recorded_at <= known_at)?;
            Some((&fact.said, fact.recorded_at))
        })
    }

    /// Advice to wait and support cases that are open, in the order of recording.
    pub fn advice(&self) -> impl Iterator<Item = &'a Advice> {
        let view = *self;
        self.practice.advice.iter().filter(move |advice| view.is_open(advice))
    }

    /// All advice that was given, open or ended, in the order of recording.
    pub fn advice_given(&self) -> impl Iterator<Item = &'a Advice> {
        let AsOf { effective_at, known_at } = self.bounds();
        let given = move |advice: &&Advice| advice.from <= effective_at && advice.recorded_at <= known_at;
        self.practice.advice.iter().filter(given)
    }

    /// Does the advice hold?
    #[must_use]
    pub fn is_open(&self, advice: &Advice) -> bool {
        match self.as_of {
            None => advice.is_open(),
            Some(as_of) => advice.was_open(as_of.effective_at, as_of.known_at),
        }
    }

    fn bounds(&self) -> AsOf {
        self.as_of.unwrap_or(NO_BOUND)
    }

    /// Up to when that is told which holds from when it is recorded, so that both its times are one.
    fn told_until(&self) -> Timestamp {
        let AsOf { effective_at, known_at } = self.bounds();
        effective_at.min(known_at)
    }

    fn value<T>(&self, facts: Option<&'a Facts<T>>) -> Option<&'a T> {
        Some(&self.fact(facts?)?.value)
    }

    fn fact<T>(&self, facts: &'a Facts<T>) -> Option<&'a Fact<T>> {
        match self.as_of {
            None => Some(facts.latest()),
            Some(as_of) => facts.as_of(self.day(as_of), as_of.known_at),
        }
    }

    fn day(&self, as_of: AsOf) -> Date {
        civil_date(as_of.effective_at)
    }
}

/// Everything recorded, of any moment.
const NO_BOUND: AsOf = AsOf { effective_at: Timestamp::MAX, known_at: Timestamp::MAX };
