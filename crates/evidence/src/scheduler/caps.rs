//! Caps, counted anew: what is under way with every slot, what counts on a civil date with every seal (rule 4).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use ods::{Capability, IcbCode, Supplier};
use rollout::plan::{Plan, WaveRules};
use rollout::state::{CapScope, Load, scopes};
use rollout::{Admission, Event, PlanVersion, ProgrammeId, WaveRef};

use super::key_of;
use crate::key::{Direction, Key};

/// Whether caps were kept.
#[derive(Debug, Default)]
pub(crate) struct CapsKept {
    pub(crate) cases_count: usize,
    pub(crate) breaches: Vec<String>,
    submitted: BTreeMap<(ProgrammeId, PlanVersion), Arc<Plan>>,
    in_force: BTreeMap<ProgrammeId, Arc<Plan>>,
    /// What each slot counts for, and the programme whose caps bind it.
    slots: BTreeMap<Key, Slot>,
    in_flight: BTreeMap<CapScope, Load>,
    daily: BTreeMap<(Date, CapScope), Load>,
}

#[derive(Clone, Debug)]
struct Slot {
    programme: ProgrammeId,
    supplier: Supplier,
    icb: Option<IcbCode>,
    load: Load,
}

impl CapsKept {
    pub(crate) fn plan_in_force(&self, programme: &ProgrammeId) -> Option<&Plan> {
        self.in_force.get(programme).map(Arc::as_ref)
    }

    pub(crate) fn capability_of(&self, programme: &ProgrammeId) -> Option<Capability> {
        self.in_force.get(programme).map(|plan| plan.capability.clone())
    }

    /// What holds for a wave by the plan in force.
    pub(crate) fn rules_of(&self, wave: &WaveRef) -> Option<&WaveRules> {
        let plan = self.in_force.get(&wave.programme)?;
        plan.waves.iter().find(|planned| planned.id == wave.wave).map(|planned| planned.rules.as_ref())
    }

    /// How many working days of notice are owed in a wave.
    pub(crate) fn notice_owed_in(&self, wave: &WaveRef) -> u16 {
        self.rules_of(wave).map_or(0, |rules| rules.notice_working_days)
    }

    pub(crate) fn fold(&mut self, position: u64, event: &Event) {
        match event {
            Event::PlanSubmitted { plan, .. } => {
                self.submitted.insert((plan.programme.clone(), plan.version), Arc::clone(plan));
            }
            Event::PlanInForce { programme, version } => {
                let plan = self.submitted.get(&(programme.clone(), *version)).cloned();
                self.in_force.extend(plan.map(|plan| (programme.clone(), plan)));
            }
            Event::Admitted { wave, admissions, .. } => {
                for admission in admissions {
                    self.admit(position, &wave.programme, admission);
                }
            }
            Event::Voided { keys } => {
                for voided in keys {
                    self.give_back(&key_of(&voided.key));
                }
            }
            Event::Settled { settlements } => {
                for settlement in settlements {
                    self.give_back(&key_of(&settlement.key));
                }
            }
            Event::Sealed { keys, .. } => {
                for (key, counted_on) in keys {
                    if let Some(date) = counted_on {
                        self.count(position, &key_of(key), *date);
                    }
                }
            }
            _ => {}
        }
    }

    fn admit(&mut self, position: u64, programme: &ProgrammeId, admission: &Admission) {
        let Some(plan) = self.in_force.get(programme).cloned() else { return };
        let Admission { practice, generation, icb, .. } = *admission;
        let key = Key { capability: plan.capability.clone(), practice, direction: Direction::Enable, generation };
        let supplier = admission.supplier.clone();
        let slot = Slot { programme: programme.clone(), supplier, icb, load: Load::of(admission.list_size) };
        for scope in scopes(&slot.supplier, icb) {
            self.cases_count += 1;
            let used = self.in_flight.entry(scope.clone()).or_default();
            *used += slot.load;
            if !used.within(plan.spec.caps.in_flight.of(&scope)) {
                self.breaches
                    .push(format!("with {key}, at {position}, {used} are under way for {scope}: above its cap"));
            }
        }
        self.slots.insert(key, slot);
    }

    fn give_back(&mut self, key: &Key) {
        let Some(slot) = self.slots.remove(key) else { return };
        for scope in scopes(&slot.supplier, slot.icb) {
            *self.in_flight.entry(scope).or_default() -= slot.load;
        }
    }

    fn count(&mut self, position: u64, key: &Key, date: Date) {
        let Some(slot) = self.slots.get(key) else { return };
        let Some(plan) = self.in_force.get(&slot.programme) else { return };
        for scope in scopes(&slot.supplier, slot.icb) {
            self.cases_count += 1;
            let counted = self.daily.entry((date, scope.clone())).or_default();
            *counted += slot.load;
            if !counted.within(plan.spec.caps.daily.of(&scope)) {
                self.breaches
                    .push(format!("with {key}, at {position}, {counted} count on {date} for {scope}: above its cap"));
            }
        }
    }
}
