//! The scheduler's journal: seals, settlements, holds, caps and waves.

mod caps;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::Supplier;
use rollout::state::{Hold, Outcome, Subject, Verdict};
use rollout::{ActivationKey, Admission, Event, HoldId, WaveRef};
use serde::Deserialize;

use crate::key::{Direction, Key};
use crate::record::{Recorded, Unreadable};
pub(crate) use caps::CapsKept;

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
    pub(crate) holds_count: usize,
    pub(crate) holds_breached: Vec<String>,
    pub(crate) epochs_count: usize,
    pub(crate) epochs_breached: Vec<String>,
    epoch: u64,
    /// Who carries out each key that was decided on.
    supplier_of: BTreeMap<Key, Supplier>,
    /// Slots that were given to practices.
    admitted: BTreeMap<Key, (WaveRef, Admission)>,
    unsettled: BTreeSet<Key>,
    active_holds: BTreeMap<HoldId, Hold>,
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

    /// Activations that were sealed and have no end.
    pub(crate) fn owed(&self) -> Vec<String> {
        self.unsettled.iter().map(|key| format!("{key} was sealed and has not settled")).collect()
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
    }

    fn fold(&mut self, record: &Recorded, event: Event) {
        self.caps.fold(record.position, &event);
        match event {
            Event::PlanInForce { programme, version } => {
                // Its waves are under way from now on; those it leaves out have ended.
                let waves = self.caps.waves_of(&programme, version);
                self.under_way.retain(|wave| wave.programme != programme || waves.contains(wave));
                self.under_way.extend(waves);
            }
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
            Event::Sealed { keys, .. } => {
                for (key, _) in keys {
                    self.seal(record, &key_of(&key));
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
            Event::GateDecided { wave, .. } | Event::WaveCancelled { wave, .. } => _ = self.under_way.remove(&wave),
            Event::GateEvaluated { wave, evaluation } if evaluation.verdict == Verdict::Pass => {
                _ = self.under_way.remove(&wave);
            }
            Event::ProgrammeCancelled { programme, .. } | Event::ProgrammeCompleted { programme } => {
                self.under_way.retain(|wave| wave.programme != programme);
            }
            _ => {}
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
