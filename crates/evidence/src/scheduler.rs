//! The scheduler's journal: seals, settlements, holds, caps and waves.

mod caps;
mod notices;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::civil::civil_date;
use ods::{Capability, PracticeCode, Supplier};
use rollout::plan::PlannedWave;
use rollout::state::{EnrolmentStage, Hold, Outcome, Subject, Verdict};
use rollout::{ActivationKey, Admission, EnrolmentMove, Event, HoldId, ProgrammeId, WaveRef};
use serde::Deserialize;

use crate::key::{Direction, Key};
use crate::record::{Recorded, Unreadable};
pub(crate) use caps::CapsKept;
pub(crate) use notices::NoticesKept;
pub(crate) use windows::WindowsKept;

const JOURNAL: &str = "scheduler";

/// The kind of the records by which a replica takes the lease; all others are `rollout`'s.
const LEASE_TAKEN: &str = "lease-taken";

/// The journal, folded.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    /// When each key was sealed.
    pub(crate) sealed: BTreeMap<Key, Timestamp>,
    pub(crate) settled: Vec<Settled>,
    pub(crate) caps: CapsKept,
    pub(crate) notices: NoticesKept,
    pub(crate) windows: WindowsKept,
    pub(crate) invitations: Vec<Invitation>,
    pub(crate) lapses_count: usize,
    /// Keys that went to a supplier on its list.
    pub(crate) listed: BTreeSet<Key>,
    pub(crate) holds_count: usize,
    pub(crate) holds_breached: Vec<String>,
    pub(crate) epochs_count: usize,
    pub(crate) epochs_breached: Vec<String>,
    pub(crate) take_overs_count: usize,
    epoch: u64,
    /// Who performs effects; empty before anybody did.
    performs: String,
    /// Who carries out each key that was decided on.
    supplier_of: BTreeMap<Key, Supplier>,
    /// Slots that were given to practices.
    admitted: BTreeMap<Key, (WaveRef, Admission)>,
    unsettled: BTreeSet<Key>,
    active_holds: BTreeMap<HoldId, Hold>,
    /// Practices that were asked to switch themselves on, and have neither done it nor let it lapse.
    asked: BTreeSet<(WaveRef, PracticeCode)>,
    /// Waves that have opened, at any time.
    opened: BTreeSet<WaveRef>,
    /// Waves that began, and are not at their end.
    under_way: BTreeSet<WaveRef>,
}

/// An activation that ended.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) key: Key,
    pub(crate) supplier: Supplier,
    pub(crate) outcome: Outcome,
}

/// A practice was asked to switch itself on.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) practice: PracticeCode,
    pub(crate) capability: Capability,
    /// The registry's position that it was decided on.
    pub(crate) registry_position: u64,
}

/// What the record of a lease says.
#[derive(Deserialize)]
struct LeaseTaken {
    epoch: u64,
    replica: String,
}

impl Scheduler {
    pub(crate) fn fold_all(records: &[Recorded]) -> Result<Self, Unreadable> {
        let mut folded = Self::default();
        for record in records {
            if record.kind == LEASE_TAKEN {
                if let Some(taken) = record.event::<LeaseTaken>(JOURNAL)? {
                    folded.lease_taken(record.position, &taken);
                }
            } else if let Some(event) = record.event::<Event>(JOURNAL)? {
                folded.fold(record, event);
            }
        }
        Ok(folded)
    }

    /// Everybody who was to carry out anything.
    pub(crate) fn suppliers(&self) -> impl Iterator<Item = &Supplier> {
        self.supplier_of.values()
    }

    /// Activations that were sealed and have no end, and invitations without one.
    pub(crate) fn owed(&self) -> Vec<String> {
        let unsettled = self.unsettled.iter().map(|key| format!("{key} was sealed and has not settled"));
        let asked = self.asked.iter().map(|(wave, practice)| format!("{practice} is invited still in {wave}"));
        unsettled.chain(asked).collect()
    }

    /// Keys on a list that settled NOT_APPLIED.
    pub(crate) fn listed_in_vain_count(&self) -> usize {
        let not_applied = |one: &&Settled| matches!(one.outcome, Outcome::NotApplied);
        self.settled.iter().filter(not_applied).filter(|one| self.listed.contains(&one.key)).count()
    }

    pub(crate) fn unended_waves(&self) -> Vec<String> {
        self.under_way.iter().map(|wave| format!("{wave} has not ended")).collect()
    }

    fn lease_taken(&mut self, position: u64, taken: &LeaseTaken) {
        self.epochs_count += 1;
        if taken.epoch <= self.epoch {
            let LeaseTaken { epoch, replica } = taken;
            self.epochs_breached
                .push(format!("{replica} took over under epoch {epoch} after {} ({position})", self.epoch));
        }
        self.epoch = taken.epoch;
        self.take_overs_count += usize::from(!self.performs.is_empty() && self.performs != taken.replica);
        self.performs.clone_from(&taken.replica);
    }

    fn fold(&mut self, record: &Recorded, event: Event) {
        self.caps.fold(record.position, &event);
        self.notices.fold(record, &event);
        match event {
            Event::PlanInForce { programme, .. } => self.comes_into_force(&programme),
            Event::WaveOpened { wave } => _ = self.opened.insert(wave),
            Event::Admitted { wave, admissions, .. } => {
                let capability = self.caps.capability_of(&wave.programme);
                for admission in admissions {
                    let (practice, generation) = (admission.practice, admission.generation);
                    let Some(capability) = capability.clone() else { continue };
                    let key = Key { capability, practice, direction: Direction::Enable, generation };
                    self.supplier_of.insert(key.clone(), admission.supplier.clone());
                    self.admitted.insert(key, (wave.clone(), admission));
                }
            }
            Event::DisablesIntended { disables, .. } => {
                for intent in disables {
                    self.supplier_of.insert(key_of(&intent.key), intent.supplier);
                }
            }
            Event::Sealed { keys, listed, .. } => {
                for (key, goes_live_on) in keys {
                    let key = key_of(&key);
                    self.seal(record, &key);
                    if let Some(date) = goes_live_on
                        && let Some((wave, _)) = self.admitted.get(&key)
                    {
                        let owed = self.caps.notice_owed_in(wave);
                        self.notices.goes_live(wave, key.practice, date, owed, record.position);
                    }
                    if listed {
                        self.listed.insert(key);
                    } else if let Some((wave, _)) = self.admitted.get(&key) {
                        let (wave, practice) = (wave.clone(), key.practice);
                        self.acts(record, &wave, practice);
                    }
                }
            }
            Event::EnrolmentsMoved { wave, moves, registry_position } => {
                for one in moves {
                    self.enrolments_move(record, &wave, one, registry_position.unwrap_or(0));
                }
            }
            Event::Settled { settlements } => {
                for settlement in settlements {
                    let key = key_of(&settlement.key);
                    self.unsettled.remove(&key);
                    if let Some(supplier) = self.supplier_of.get(&key).cloned() {
                        self.settled.push(Settled { key, supplier, outcome: settlement.outcome });
                    }
                }
            }
            Event::HoldPlaced { hold } => {
                self.holds_count += 1;
                self.active_holds.insert(hold.id, *hold);
            }
            Event::HoldLifted { hold, .. } => _ = self.active_holds.remove(&hold),
            Event::GateDecided { wave, .. } | Event::WaveCancelled { wave, .. } | Event::WaveUnwound { wave } => {
                _ = self.under_way.remove(&wave);
            }
            Event::GateEvaluated { wave, evaluation } if evaluation.verdict == Verdict::Pass => {
                _ = self.under_way.remove(&wave);
            }
            // Whoever was invited is so no more.
            Event::UnwindingBegun { wave, .. } => self.asked.retain(|(of, _)| *of != wave),
            Event::ProgrammeCancelled { programme, .. } | Event::ProgrammeCompleted { programme } => {
                self.under_way.retain(|wave| wave.programme != programme);
                self.asked.retain(|(wave, _)| wave.programme != programme);
            }
            _ => {}
        }
    }

    /// A plan's waves are under way from now on. Those it leaves out have ended, but for one that has opened: what was sealed in it
    /// settles, and it comes to its own end. Who was invited in it was not sealed, and is asked no more unless that wave goes on with them.
    fn comes_into_force(&mut self, programme: &ProgrammeId) {
        let Some(plan) = self.caps.plan_in_force(programme) else { return };
        let wave_of = |planned: &PlannedWave| WaveRef { programme: programme.clone(), wave: planned.id };
        let mut going_on = BTreeSet::new();
        for planned in plan.waves.iter().filter(|planned| planned.goes_on) {
            going_on.extend(planned.members.iter().map(|member| (wave_of(planned), member.practice)));
        }
        self.under_way.retain(|wave| wave.programme != *programme || self.opened.contains(wave));
        self.under_way.extend(plan.waves.iter().map(wave_of));
        self.asked.retain(|asked| asked.0.programme != *programme || going_on.contains(asked));
    }

    fn enrolments_move(&mut self, record: &Recorded, wave: &WaveRef, one: EnrolmentMove, registry_position: u64) {
        let Some(capability) = self.caps.capability_of(&wave.programme) else { return };
        for practice in one.practices {
            let place = (wave.clone(), practice);
            if one.to != EnrolmentStage::Invited {
                self.lapses_count += usize::from(one.to == EnrolmentStage::Lapsed);
                self.asked.remove(&place);
                continue;
            }
            let owed = self.caps.notice_owed_in(wave);
            self.notices.goes_live(wave, practice, civil_date(record.recorded_at), owed, record.position);
            self.asked.insert(place);
            self.acts(record, wave, practice);
            self.invitations.push(Invitation { practice, capability: capability.clone(), registry_position });
        }
    }

    /// A practice of a wave is to be switched on now.
    fn acts(&mut self, record: &Recorded, wave: &WaveRef, practice: PracticeCode) {
        if let Some(rules) = self.caps.rules_of(wave) {
            self.windows.acts(rules, self.notices.calendar(), practice, record.recorded_at, record.position);
        }
    }

    fn seal(&mut self, record: &Recorded, key: &Key) {
        self.sealed.insert(key.clone(), record.recorded_at);
        self.unsettled.insert(key.clone());
        let Some((wave, admission)) = self.admitted.get(key) else { return };
        let Admission { practice, icb, region, .. } = *admission;
        let subject = Subject { wave, practice, supplier: &admission.supplier, icb, region };
        for hold in self.active_holds.values().filter(|hold| hold.scope.covers(&subject)) {
            let (id, scope, position) = (hold.id, &hold.scope, record.position);
            self.holds_breached.push(format!("{key} was sealed at {position} under {id} ({scope})"));
        }
    }
}

pub(crate) fn key_of(key: &ActivationKey) -> Key {
    let direction = match key.direction {
        rollout::Direction::Enable => Direction::Enable,
        rollout::Direction::Disable => Direction::Disable,
    };
    Key { capability: key.capability.clone(), practice: key.practice, direction, generation: key.generation }
}
