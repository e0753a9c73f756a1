//! Another policy: terms of a programme that are to be others than they were written.
//!
//! It changes terms only. Waves, their dates and their members stay those that people approved, since an approval names
//! them (rule 7): with more room in a day practices go live earlier within their wave, never in an earlier wave.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::id::ProgrammeId;
use crate::plan::{Change, Plan, WaveRules};
use crate::spec::{
    Cap, CapSet, ExclusionSpec, GateSpec, ProgrammeSpec, Share, ViewerSpec, Violation, violations_of_terms,
};
use crate::state::{Severity, State};

/// Terms that are to be others; those left out stay as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Of every gate: the share of commanded practices that must be live.
    pub min_success: Option<Share>,
    /// Of every gate: the least sample.
    pub min_sample: Option<u32>,
    /// Of every gate: how long evidence ripens. A wave that soaks already keeps its moment.
    pub soak: Option<SignedDuration>,
    /// Of every gate: how long incomplete evidence is waited for.
    pub timeout: Option<SignedDuration>,
    /// Of every gate: the share of patients that may be kept out.
    pub exclusions_max_share: Option<Share>,
    /// Of every gate: the share of practices at which somebody must have looked.
    pub viewers_min_share: Option<Share>,
    /// Of every gate: concerns of a severity or worse that are allowed.
    pub concerns: BTreeMap<Severity, u32>,
    /// What may go live in a day.
    pub daily: CapTerms,
    /// What may be under way at once.
    pub in_flight: CapTerms,
    /// Working days of notice.
    pub notice_working_days: Option<u16>,
}

/// Caps that are to be others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapTerms {
    /// All practices together.
    pub national: Cap,
    /// Each supplier, those with a cap of their own included.
    pub each_supplier: Cap,
    /// Each ICB, those with a cap of their own included.
    pub each_icb: Cap,
}

impl Policy {
    /// Whether it leaves everything as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with a document under this policy that is not wrong with it as it is.
    #[must_use]
    pub fn violations(&self, spec: &ProgrammeSpec) -> Vec<Violation> {
        let mut changed = spec.clone();
        self.change_spec(&mut changed);
        let before = violations_of_terms(spec);
        violations_of_terms(&changed).into_iter().filter(|violation| !before.contains(violation)).collect()
    }

    /// The terms that it changes of a plan: the programme's, then each wave's.
    #[must_use]
    pub fn changes(&self, plan: &Plan) -> Vec<Change> {
        plan.other_terms(&self.applied(plan))
    }

    /// A plan under this policy. It keeps its hash, by which later plans name it.
    pub(super) fn applied(&self, plan: &Plan) -> Plan {
        let mut changed = plan.clone();
        self.change_spec(Arc::make_mut(&mut changed.spec));
        for wave in &mut changed.waves {
            self.change_rules(&mut wave.rules);
        }
        changed
    }

    /// Has a programme's plans and its waves go by this policy from now on.
    pub(super) fn take_effect(&self, state: &mut State, programme: &ProgrammeId) {
        let Some(programme) = state.programmes.get_mut(programme).filter(|_| !self.is_empty()) else { return };
        let versions: Vec<_> = programme.plans.keys().copied().collect();
        for version in versions {
            if let Some(record) = programme.plans.get_mut(&version) {
                let record = Arc::make_mut(record);
                record.plan = Arc::new(self.applied(&record.plan));
            }
        }
        let waves: Vec<_> = programme.waves.keys().copied().collect();
        for wave in waves {
            if let Some(wave) = programme.waves.get_mut(&wave).filter(|wave| !wave.stage.has_ended()) {
                self.change_rules(&mut wave.rules);
            }
        }
    }

    fn change_rules(&self, rules: &mut Arc<WaveRules>) {
        if self.is_empty() {
            return;
        }
        let rules = Arc::make_mut(rules);
        self.change_gate(&mut rules.gate);
        set(&mut rules.notice_working_days, self.notice_working_days);
    }

    fn change_spec(&self, spec: &mut ProgrammeSpec) {
        self.change_gate(&mut spec.gate);
        set(&mut spec.notice_working_days, self.notice_working_days);
        for wave in &mut spec.waves {
            if let Some(gate) = &mut wave.gate {
                self.change_gate(gate);
            }
            if let Some(own) = &mut wave.notice_working_days {
                set(own, self.notice_working_days);
            }
        }
        self.daily.change(&mut spec.caps.daily);
        self.in_flight.change(&mut spec.caps.in_flight);
    }

    fn change_gate(&self, gate: &mut GateSpec) {
        set(&mut gate.min_success, self.min_success);
        set(&mut gate.min_sample, self.min_sample);
        set(&mut gate.soak, self.soak);
        set(&mut gate.timeout, self.timeout);
        set(&mut gate.exclusions, self.exclusions_max_share.map(|max_share| Some(ExclusionSpec { max_share })));
        set(&mut gate.viewers, self.viewers_min_share.map(|min_share| Some(ViewerSpec { min_share })));
        if !self.concerns.is_empty() {
            gate.concerns.get_or_insert_default().extend(&self.concerns);
        }
    }
}

impl CapTerms {
    fn change(self, caps: &mut CapSet) {
        change_cap(&mut caps.national, self.national);
        for cap in std::iter::once(&mut caps.each_supplier).chain(caps.suppliers.values_mut()) {
            change_cap(cap, self.each_supplier);
        }
        for cap in std::iter::once(&mut caps.each_icb).chain(caps.icbs.values_mut()) {
            change_cap(cap, self.each_icb);
        }
    }
}

fn change_cap(cap: &mut Cap, to: Cap) {
    cap.practices = to.practices.or(cap.practices);
    cap.patients = to.patients.or(cap.patients);
}

fn set<T>(term: &mut T, to: Option<T>) {
    if let Some(to) = to {
        *term = to;
    }
}
