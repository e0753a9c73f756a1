//! One supplier's state, folded from its log: keys and what became of them, and where the capability is on.
//!
//! Pure: it decides and folds; it neither writes nor tells the time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode};

use crate::profile::{BookedDates, SupplierProfile};
use evidence::{Direction, Key};
use evidence::{Origin, Refusal, What};

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Taken on, in effect at `due`.
    Pending {
        /// When.
        due: Timestamp,
        /// When it came.
        since: Timestamp,
    },
    /// In effect.
    Applied {
        /// Since when.
        at: Timestamp,
    },
    /// Will not be.
    Refused(Refusal),
    /// Closed before it had any effect.
    Closed,
}

/// A practice at which a capability is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Since when.
    pub(crate) since: Timestamp,
    /// Whether its settings hide part of the record.
    pub(crate) partial: bool,
    /// The highest generation seen; 0 where the practice did it itself.
    pub(crate) generation: u32,
}

/// One supplier's state.
#[derive(Debug)]
pub(crate) struct Ledger {
    profile: SupplierProfile,
    seed: u64,
    takes_requests: bool,
    keys: BTreeMap<Key, Outcome>,
    due: BTreeSet<(Timestamp, Key)>,
    generation_highest: BTreeMap<(Capability, PracticeCode), u32>,
    enabled: BTreeMap<(Capability, PracticeCode), Enabled>,
    /// Keys that came on a list and whose outcome the scheduler has not taken yet, with when they were due.
    unreported: BTreeMap<Key, Timestamp>,
    invited: BTreeMap<(Capability, PracticeCode), Invitation>,
    self_enablements: BTreeSet<(Timestamp, (Capability, PracticeCode))>,
}

/// What an invited practice is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Invitation {
    enrolment: String,
    /// None where it will do nothing, or has done it.
    due: Option<Timestamp>,
    partial: bool,
}

/// The practice that switches itself on next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextSelfEnablement {
    pub(crate) due: Timestamp,
    pub(crate) capability: Capability,
    pub(crate) practice: PracticeCode,
    pub(crate) enrolment: String,
}

impl Ledger {
    pub(crate) fn new(profile: SupplierProfile, seed: u64) -> Self {
        Self {
            profile,
            seed,
            takes_requests: true,
            keys: BTreeMap::new(),
            due: BTreeSet::new(),
            generation_highest: BTreeMap::new(),
            enabled: BTreeMap::new(),
            unreported: BTreeMap::new(),
            invited: BTreeMap::new(),
            self_enablements: BTreeSet::new(),
        }
    }

    pub(crate) fn profile(&self) -> &SupplierProfile {
        &self.profile
    }

    pub(crate) fn takes_requests(&self) -> bool {
        self.takes_requests
    }

    pub(crate) fn outcome(&self, key: &Key) -> Option<Outcome> {
        self.keys.get(key).copied()
    }

    pub(crate) fn loses_replies(&self, key: &Key) -> bool {
        self.profile.loses_replies(self.seed, key)
    }

    /// Where a capability is on, in order of practice.
    pub(crate) fn enabled(&self, capability: &Capability) -> impl Iterator<Item = (PracticeCode, Enabled)> {
        let capability = capability.clone();
        self.enabled.iter().filter(move |((of, _), _)| *of == capability).map(|((_, practice), on)| (*practice, *on))
    }

    /// Keys that came on a list, are settled, and whose outcome the scheduler has not taken yet.
    pub(crate) fn to_report(&self) -> Vec<(Key, Outcome)> {
        let settled = |key: &&Key| !matches!(self.keys.get(*key), None | Some(Outcome::Pending { .. }));
        self.unreported.keys().filter(settled).filter_map(|key| Some((key.clone(), self.outcome(key)?))).collect()
    }

    /// The key that takes effect next.
    pub(crate) fn next_due(&self) -> Option<&(Timestamp, Key)> {
        self.due.first()
    }

    /// The practice that switches itself on next.
    pub(crate) fn next_self_enablement(&self) -> Option<NextSelfEnablement> {
        let (due, place) = self.self_enablements.first()?;
        let enrolment = self.invited.get(place)?.enrolment.clone();
        Some(NextSelfEnablement { due: *due, capability: place.0.clone(), practice: place.1, enrolment })
    }

    /// When the work of the earliest booked date that is not reported ends, by what was drawn; the beginning of time where
    /// a key was closed, which need not be waited for.
    pub(crate) fn list_work_ends(&self) -> Option<Timestamp> {
        let closed = |key: &Key| self.keys.get(key) == Some(&Outcome::Closed);
        if self.unreported.keys().any(closed) {
            return Some(Timestamp::MIN);
        }
        let first = self.unreported.values().min()?;
        // A booked date's work begins at one time of the day; what is due a day later belongs to another.
        let same_date = |due: &&Timestamp| due.duration_since(*first) < SignedDuration::from_hours(24);
        self.unreported.values().filter(same_date).max().copied()
    }

    /// When a listed key takes effect if its booked date begins at `from`.
    pub(crate) fn list_due(&self, key: &Key, from: Timestamp) -> Timestamp {
        self.profile.due(self.seed, key, from)
    }

    /// Whether the report that begins with this key is sent twice.
    pub(crate) fn reports_twice(&self, dates: &BookedDates, first: &Key) -> bool {
        dates.reports_twice(self.seed, first)
    }

    /// What a key does when a call brings it: nothing where it was seen before.
    pub(crate) fn receive(&self, key: &Key, now: Timestamp) -> Option<What> {
        if self.keys.contains_key(key) {
            return None;
        }
        if let Some(refusal) = self.refusal(key) {
            return Some(What::Refused { key: key.clone(), refusal });
        }
        let due = self.profile.due(self.seed, key, now);
        Some(What::Received { key: key.clone(), due, origin: Origin::Call })
    }

    /// What a key does when a list brings it. Lists are taken as they are and looked at on the booked date.
    pub(crate) fn take_from_list(&self, key: &Key, due: Timestamp) -> Option<What> {
        let unseen = !self.keys.contains_key(key);
        unseen.then(|| What::Received { key: key.clone(), due, origin: Origin::List })
    }

    /// What becomes of a pending key now that it is due.
    pub(crate) fn settle(&self, key: &Key) -> Option<What> {
        let Some(Outcome::Pending { .. }) = self.keys.get(key) else { return None };
        let refusal = if self.unreported.contains_key(key) { self.refusal(key) } else { self.overtaken(key) };
        if let Some(refusal) = refusal {
            return Some(What::Refused { key: key.clone(), refusal });
        }
        let changes = |place| self.enabled.contains_key(place) != (key.direction == Direction::Enable);
        if let Some(at_practice) = self.mistaken_for(key) {
            let changed = changes(&(key.capability.clone(), at_practice));
            return Some(What::Misdirected { key: key.clone(), at_practice, changed });
        }
        Some(What::Applied { key: key.clone(), changed: changes(&place(key)) })
    }

    /// The practice at which a key is carried out by mistake: the one before it of which this supplier has heard; none
    /// where the key is carried out where it should be.
    fn mistaken_for(&self, key: &Key) -> Option<PracticeCode> {
        if !self.profile.mistakes(self.seed, key) {
            return None;
        }
        let before = self.generation_highest.range(..place(key)).next_back();
        before.filter(|((capability, _), _)| *capability == key.capability).map(|((_, practice), _)| *practice)
    }

    /// Closes a key for ever; nothing where it is settled already.
    pub(crate) fn close(&self, key: &Key) -> Option<What> {
        match self.keys.get(key) {
            None | Some(Outcome::Pending { .. }) => Some(What::Closed { key: key.clone() }),
            Some(Outcome::Applied { .. } | Outcome::Refused(_) | Outcome::Closed) => None,
        }
    }

    /// What a practice makes of an invitation; nothing where it knows of it, or cannot switch itself on.
    pub(crate) fn invite(
        &self,
        capability: &Capability,
        practice: PracticeCode,
        enrolment: &str,
        now: Timestamp,
    ) -> Option<What> {
        if self.invited.contains_key(&(capability.clone(), practice)) {
            return None;
        }
        let will = self.profile.self_service?.of(self.seed, capability, practice, now);
        Some(What::Invited {
            capability: capability.clone(),
            practice,
            enrolment: enrolment.to_owned(),
            due: will.map(|will| will.due),
            partial: will.is_some_and(|will| will.partial),
        })
    }

    /// What a practice does at the moment for which it had planned to switch itself on.
    pub(crate) fn self_enable(&self, capability: &Capability, practice: PracticeCode, still_invited: bool) -> What {
        let already_on = self.enabled.contains_key(&(capability.clone(), practice));
        What::SelfServiceEnded { capability: capability.clone(), practice, enabled: still_invited && !already_on }
    }

    /// Folds one line of the log.
    pub(crate) fn apply(&mut self, what: &What, at: Timestamp) {
        match what {
            What::Received { key, due, origin } => {
                self.keys.insert(key.clone(), Outcome::Pending { due: *due, since: at });
                self.due.insert((*due, key.clone()));
                self.see(key);
                if *origin == Origin::List {
                    self.unreported.insert(key.clone(), *due);
                }
            }
            What::Applied { key, .. } => {
                self.end(key, Outcome::Applied { at });
                match key.direction {
                    Direction::Disable => _ = self.enabled.remove(&place(key)),
                    Direction::Enable => {
                        let fresh = Enabled { since: at, partial: false, generation: key.generation };
                        let on = self.enabled.entry(place(key)).or_insert(fresh);
                        *on = Enabled { since: on.since, ..fresh };
                    }
                }
            }
            What::Misdirected { key, at_practice, .. } => {
                self.end(key, Outcome::Applied { at });
                let place = (key.capability.clone(), *at_practice);
                match key.direction {
                    Direction::Disable => _ = self.enabled.remove(&place),
                    // No key was about that practice.
                    Direction::Enable => {
                        self.enabled.entry(place).or_insert(Enabled { since: at, partial: false, generation: 0 });
                    }
                }
            }
            What::Refused { key, refusal } => {
                self.end(key, Outcome::Refused(*refusal));
                self.see(key);
            }
            // The key was not carried out, so its generation does not count as seen; it is closed by itself.
            What::Closed { key } => self.end(key, Outcome::Closed),
            What::Reported { key } => _ = self.unreported.remove(key),
            What::Invited { capability, practice, enrolment, due, partial } => {
                let place = (capability.clone(), *practice);
                if let Some(due) = due {
                    self.self_enablements.insert((*due, place.clone()));
                }
                self.invited.insert(place, Invitation { enrolment: enrolment.clone(), due: *due, partial: *partial });
            }
            What::SelfServiceEnded { capability, practice, enabled } => {
                let place = (capability.clone(), *practice);
                let Some(invitation) = self.invited.get_mut(&place) else { return };
                let fresh = Enabled { since: at, partial: invitation.partial, generation: 0 };
                if let Some(due) = invitation.due.take() {
                    self.self_enablements.remove(&(due, place.clone()));
                }
                if *enabled {
                    self.enabled.entry(place).or_insert(fresh);
                }
            }
            What::TakesRequests { takes } => self.takes_requests = *takes,
        }
    }

    fn refusal(&self, key: &Key) -> Option<Refusal> {
        if let Some(overtaken) = self.overtaken(key) {
            return Some(overtaken);
        }
        if key.direction == Direction::Enable && !self.takes_requests {
            return Some(Refusal::NotTakingRequests);
        }
        self.profile.refuses(self.seed, key).then_some(Refusal::PracticeNotConfigured)
    }

    /// A later decision about the same practice was seen first.
    fn overtaken(&self, key: &Key) -> Option<Refusal> {
        (key.generation < self.highest_generation(key)).then_some(Refusal::GenerationSuperseded)
    }

    fn end(&mut self, key: &Key, outcome: Outcome) {
        if let Some(Outcome::Pending { due, .. }) = self.keys.insert(key.clone(), outcome) {
            self.due.remove(&(due, key.clone()));
        }
    }

    fn see(&mut self, key: &Key) {
        let highest = self.generation_highest.entry(place(key)).or_default();
        *highest = (*highest).max(key.generation);
    }

    fn highest_generation(&self, key: &Key) -> u32 {
        self.generation_highest.get(&place(key)).copied().unwrap_or(0)
    }
}

fn place(key: &Key) -> (Capability, PracticeCode) {
    (key.capability.clone(), key.practice)
}
