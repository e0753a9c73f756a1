//! What the journal has taught so far: how soon suppliers do what they are asked, how often they refuse, who paused.
//!
//! A fold of its own over the same events as the state's, since the state keeps what is open and this is about what is
//! over. It holds counts and times, no policy: what they are taken to mean for the future is [`Model`](super::Model)'s.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode, Supplier};

use crate::event::{Admission, Event};
use crate::id::{ActivationKey, Direction, ProgrammeId};
use crate::spec::Mode;
use crate::state::{Deferral, EnrolmentStage, Outcome, Withdrawal};

/// Times kept of one supplier: the latest. More would make a forecast no better and a fold of years larger.
const TIMES_MAX: usize = 4_096;

/// What was seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Experience {
    suppliers: BTreeMap<Supplier, SupplierRecord>,
    programmes: BTreeMap<ProgrammeId, ProgrammeRecord>,
    capabilities: BTreeMap<ProgrammeId, Capability>,
    slots: BTreeMap<ActivationKey, (Supplier, Mode)>,
    under_way: BTreeMap<ActivationKey, Sent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    supplier: Supplier,
    mode: Mode,
    sealed_at: Timestamp,
}

/// What was seen of a supplier's ENABLEs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupplierRecord {
    /// Done.
    pub applied_count: u32,
    /// Refused, and worth another try.
    pub refused_for_now_count: u32,
    /// Refused for good, or closed without effect.
    pub refused_for_good_count: u32,
    /// From the seal to the effect, of those called one by one; the latest, in the order in which they settled.
    pub times: Vec<SignedDuration>,
    /// How many were sealed, and how many done or refused, by the hour in which they were; hours since 1970.
    sealed_by_hour: BTreeMap<i64, u32>,
    done_by_hour: BTreeMap<i64, u32>,
}

/// What was seen of a programme.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgrammeRecord {
    /// When its first plan came into force: from then on practices have something to pause and to make ready for.
    pub in_force_at: Option<Timestamp>,
    /// Practices that paused, or objected in time, before their turn, and when that was first seen.
    pub paused: BTreeMap<PracticeCode, Timestamp>,
    /// Of those, practices that left it to the programme's default.
    pub by_default: BTreeSet<PracticeCode>,
    /// When each was asked that is to switch itself on, and has not done so yet.
    pub invited: BTreeMap<PracticeCode, Timestamp>,
    /// How many did.
    pub self_enabled_count: u32,
    /// For how long those were asked whose asking is over, all together.
    pub asked_for: SignedDuration,
}

impl Experience {
    /// What was seen of a supplier; none where nothing was ever sealed for it.
    #[must_use]
    pub fn supplier(&self, supplier: &Supplier) -> Option<&SupplierRecord> {
        self.suppliers.get(supplier)
    }

    /// What was seen of a programme; none where no plan of its was in force.
    #[must_use]
    pub fn programme(&self, programme: &ProgrammeId) -> Option<&ProgrammeRecord> {
        self.programmes.get(programme)
    }

    /// Takes an event in, in the order of the journal.
    pub fn learn(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::PlanInForce { programme, .. } => {
                self.programmes.entry(programme.clone()).or_default().in_force_at.get_or_insert(at);
            }
            Event::ProgrammeCreated { document, .. } => {
                self.capabilities.insert(document.spec.name.clone(), document.spec.capability.clone());
            }
            Event::Admitted { wave, admissions, .. } => {
                for one in admissions {
                    self.admit(&wave.programme, one);
                }
            }
            Event::Voided { keys } => {
                for one in keys {
                    self.slots.remove(&one.key);
                }
            }
            Event::Sealed { keys, .. } => {
                for (key, _) in keys {
                    self.seal(key, at);
                }
            }
            Event::Settled { settlements } => {
                for one in settlements {
                    self.settle(&one.key, &one.outcome, at);
                }
            }
            Event::EnrolmentsMoved { wave, moves, .. } => {
                let programme = self.programmes.entry(wave.programme.clone()).or_default();
                for one in moves {
                    programme.moved(&one.to, &one.practices, at);
                }
            }
            _ => {}
        }
    }

    fn admit(&mut self, programme: &ProgrammeId, one: &Admission) {
        let key = ActivationKey {
            direction: Direction::Enable,
            practice: one.practice,
            capability: self.capabilities.get(programme).cloned().unwrap_or_default(),
            generation: one.generation,
        };
        self.slots.insert(key, (one.supplier.clone(), one.mode));
    }

    fn seal(&mut self, key: &ActivationKey, at: Timestamp) {
        let Some((supplier, mode)) = self.slots.remove(key) else { return };
        let record = self.suppliers.entry(supplier.clone()).or_default();
        *record.sealed_by_hour.entry(hour_of(at)).or_default() += 1;
        self.under_way.insert(key.clone(), Sent { supplier, mode, sealed_at: at });
    }

    fn settle(&mut self, key: &ActivationKey, outcome: &Outcome, at: Timestamp) {
        let Some(sent) = self.under_way.remove(key) else { return };
        let record = self.suppliers.entry(sent.supplier).or_default();
        // The supplier's own moment where it gives one: ours is when it was asked about.
        let done_at = if let Outcome::Applied { applied_at } = outcome { *applied_at } else { at };
        *record.done_by_hour.entry(hour_of(done_at)).or_default() += 1;
        match outcome {
            Outcome::Applied { applied_at } => {
                record.applied_count += 1;
                // A booked date says when, whatever the supplier.
                if sent.mode == Mode::Push {
                    record.took(sent.sealed_at.duration_until(*applied_at));
                }
            }
            Outcome::Refused { retryable: true, .. } => record.refused_for_now_count += 1,
            Outcome::Refused { retryable: false, .. } | Outcome::NotApplied => record.refused_for_good_count += 1,
        }
    }
}

impl SupplierRecord {
    fn took(&mut self, time: SignedDuration) {
        if self.times.len() == TIMES_MAX {
            self.times.remove(0);
        }
        self.times.push(time.max(SignedDuration::ZERO));
    }

    /// The most that it did within an hour that began with at least twice as many waiting: what it can do in an hour. None
    /// where that never happened, so that no limit of the supplier's own is known.
    #[must_use]
    pub fn hourly_max(&self) -> Option<u32> {
        let mut full = None;
        let (mut sealed, mut done) = (self.sealed_by_hour.iter().peekable(), 0_u32);
        let mut begun = 0_u32;
        for (hour, done_in_it) in &self.done_by_hour {
            while let Some((_, count)) = sealed.next_if(|(sealed_in, _)| *sealed_in < hour) {
                begun += count;
            }
            let waiting = begun.saturating_sub(done);
            if done_in_it.saturating_mul(2) <= waiting {
                full = full.max(Some(*done_in_it));
            }
            done += done_in_it;
        }
        full
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

impl ProgrammeRecord {
    fn moved(&mut self, to: &EnrolmentStage, practices: &[PracticeCode], at: Timestamp) {
        match to {
            EnrolmentStage::Withdrawn { reason: Withdrawal::Paused { late, .. } } => {
                self.pause(practices, at);
                if *late {
                    self.by_default.extend(practices);
                }
            }
            EnrolmentStage::Deferred { reason: Deferral::Objected { .. } } => {
                self.pause(practices, at);
                self.by_default.extend(practices);
            }
            EnrolmentStage::Invited => self.invited.extend(practices.iter().map(|practice| (*practice, at))),
            EnrolmentStage::Confirmed | EnrolmentStage::Lapsed => {
                for invited_at in practices.iter().filter_map(|practice| self.invited.remove(practice)) {
                    self.asked_for = self.asked_for.saturating_add(invited_at.duration_until(at));
                    self.self_enabled_count += u32::from(*to == EnrolmentStage::Confirmed);
                }
            }
            _ => {}
        }
    }

    fn pause(&mut self, practices: &[PracticeCode], at: Timestamp) {
        for practice in practices {
            self.paused.entry(*practice).or_insert(at);
        }
    }
}
