//! A wave of a programme: its life, its enrolments found by their state, its gate.

use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};
use serde::{Deserialize, Serialize};

use super::enrolment::{Enrolment, EnrolmentStage, EnrolmentState};
use super::gate::{GateEvaluation, GateFigures, HookAnswer, Verdict};
use super::{Load, Subject, Unwinding};
use crate::id::{PlanVersion, WaveRef};
use crate::plan::WaveRules;

/// A wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Its name.
    pub id: WaveRef,
    /// The version of the plan it was last listed in.
    pub version: PlanVersion,
    /// How often it has been planned or moved.
    pub round: u32,
    /// What the plan says about it.
    pub rules: Arc<WaveRules>,
    /// The first civil date on which it may go live; later than the plan's where it was rescheduled.
    pub from: Date,
    /// The last one.
    pub until: Date,
    /// Where it is.
    pub stage: WaveStage,
    /// When that last changed.
    pub changed_at: Timestamp,
    /// The position of its last change of stage, dates or gate: its etag.
    pub changed_at_position: u64,
    /// What its members were when they were settled (I7); none before FIXED.
    pub fixed: Option<Load>,
    /// When the last seal or settlement of the wave was; none before the first.
    pub last_action_at: Option<Timestamp>,
    /// The registry's position that its last settlement was told at: evidence from before it is not complete.
    pub settled_registry_position: u64,
    /// What statistics last said of it while its gate waited; see [`GateFigures::last_action_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<GateFigures>,
    /// What the gate's hook last said, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_answer: Option<HookAnswer>,
    /// What the gate found; none before it was evaluated.
    pub gate: Option<GateEvaluation>,
    /// Who wants it unwound, and who had it; none where nobody ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwinding: Option<Unwinding>,
    enrolments: OrdMap<PracticeCode, Arc<Enrolment>>,
    by_state: OrdMap<EnrolmentState, Members>,
}

/// Enrolments in one state, in the wave's fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Members {
    in_order: OrdMap<u32, PracticeCode>,
    load: Load,
}

/// Where a wave is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WaveStage {
    /// In the plan in force; notice not begun.
    Planned,
    /// Its practices are being told.
    Notice,
    /// Members and denominators are settled.
    Fixed,
    /// Practices are being switched on.
    Open,
    /// No new ones; what was sealed settles.
    Draining,
    /// Everything settled, or waited for long enough; evidence ripens.
    Soaking,
    /// The gate failed or was inconclusive: waits for a named person's verdict.
    Gate,
    /// Ended: the gate passed, or a person decided.
    Closed,
    /// Ended before it opened.
    Cancelled,
    /// Left out of a later version of the plan before it opened.
    Superseded,
    /// Two people had it unwound: what it switched on is being switched off.
    Unwinding,
    /// Ended: all that it had switched on is off.
    Unwound,
}

impl WaveStage {
    /// Whether it has not opened yet, and still may.
    #[must_use]
    pub fn is_before_open(self) -> bool {
        matches!(self, Self::Planned | Self::Notice | Self::Fixed)
    }

    /// Whether nothing more happens in it.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled | Self::Superseded | Self::Unwound)
    }

    /// Whether it has switched anybody on, and is not over.
    #[must_use]
    pub fn may_be_unwound(self) -> bool {
        matches!(self, Self::Open | Self::Draining | Self::Soaking | Self::Gate)
    }

    /// `PLANNED`, `OPEN` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "PLANNED",
            Self::Notice => "NOTICE",
            Self::Fixed => "FIXED",
            Self::Open => "OPEN",
            Self::Draining => "DRAINING",
            Self::Soaking => "SOAKING",
            Self::Gate => "GATE",
            Self::Closed => "CLOSED",
            Self::Cancelled => "CANCELLED",
            Self::Superseded => "SUPERSEDED",
            Self::Unwinding => "UNWINDING",
            Self::Unwound => "UNWOUND",
        }
    }
}

impl fmt::Display for WaveStage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl Wave {
    /// A wave as a plan in force lists it.
    pub(crate) fn planned(
        id: WaveRef,
        version: PlanVersion,
        rules: Arc<WaveRules>,
        at: Timestamp,
        position: u64,
    ) -> Self {
        Self {
            id,
            version,
            round: 1,
            from: rules.from,
            until: rules.until,
            rules,
            stage: WaveStage::Planned,
            changed_at: at,
            changed_at_position: position,
            fixed: None,
            last_action_at: None,
            settled_registry_position: 0,
            figures: None,
            hook_answer: None,
            gate: None,
            unwinding: None,
            enrolments: OrdMap::new(),
            by_state: OrdMap::new(),
        }
    }

    /// Whether it was closed with the verdict PASS, a person's where there is one.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        let verdict = self.gate.as_ref().map(|gate| gate.decision.as_ref().map_or(gate.verdict, |one| one.verdict));
        self.stage == WaveStage::Closed && verdict == Some(Verdict::Pass)
    }

    /// An enrolment.
    #[must_use]
    pub fn enrolment(&self, practice: PracticeCode) -> Option<&Enrolment> {
        self.enrolments.get(&practice).map(AsRef::as_ref)
    }

    /// All enrolments, by code.
    pub fn enrolments(&self) -> impl Iterator<Item = &Enrolment> {
        self.enrolments.values().map(AsRef::as_ref)
    }

    /// The enrolments in one state, in the wave's fixed order (rule 7).
    pub fn in_state(&self, state: EnrolmentState) -> impl Iterator<Item = &Enrolment> {
        self.by_state
            .get(&state)
            .into_iter()
            .flat_map(|members| members.in_order.values())
            .filter_map(|practice| self.enrolment(*practice))
    }

    /// How many enrolments are in one state, with their patients.
    #[must_use]
    pub fn load_in(&self, state: EnrolmentState) -> Load {
        self.by_state.get(&state).map(|members| members.load).unwrap_or_default()
    }

    /// How many are in any of some states.
    #[must_use]
    pub fn load_in_any(&self, within: impl Fn(EnrolmentState) -> bool) -> Load {
        let mut sum = Load::default();
        for (state, members) in &self.by_state {
            if within(*state) {
                sum += members.load;
            }
        }
        sum
    }

    /// The practices whose enrolments are in any of some states, in no order.
    pub(crate) fn listed_in_any(&self, within: impl Fn(EnrolmentState) -> bool) -> impl Iterator<Item = PracticeCode> {
        let members = self.by_state.iter().filter(move |(state, _)| within(**state));
        members.flat_map(|(_, members)| members.in_order.values().copied())
    }

    /// All its enrolments, whatever their state.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load_in_any(|_| true)
    }

    /// The place after the last in its order.
    #[must_use]
    pub(crate) fn next_order(&self) -> u32 {
        self.enrolments().map(|enrolment| enrolment.order + 1).max().unwrap_or(0)
    }

    /// Puts an enrolment in, in place of the one that the practice had.
    pub(crate) fn put(&mut self, enrolment: Enrolment) {
        if let Some(before) = self.enrolments.get(&enrolment.practice).cloned() {
            self.unlist(&before);
        }
        let members = self.by_state.entry(enrolment.stage.state()).or_default();
        members.in_order.insert(enrolment.order, enrolment.practice);
        members.load += enrolment.load();
        self.enrolments.insert(enrolment.practice, Arc::new(enrolment));
    }

    /// Changes an enrolment; nothing where the practice has none.
    pub(crate) fn change(&mut self, practice: PracticeCode, change: impl FnOnce(&mut Enrolment)) {
        if let Some(now) = self.enrolment(practice) {
            let mut next = now.clone();
            change(&mut next);
            self.put(next);
        }
    }

    /// Moves an enrolment to another stage.
    pub(crate) fn step_to(&mut self, practice: PracticeCode, stage: EnrolmentStage, at: Timestamp) {
        self.change(practice, |enrolment| {
            enrolment.stage = stage;
            enrolment.changed_at = at;
        });
    }

    fn unlist(&mut self, enrolment: &Enrolment) {
        let state = enrolment.stage.state();
        let members = self.by_state.entry(state).or_default();
        members.in_order.remove(&enrolment.order);
        members.load -= enrolment.load();
        if members.in_order.is_empty() {
            self.by_state.remove(&state);
        }
    }

    /// A practice of this wave as holds see it.
    #[must_use]
    pub fn subject<'a>(&'a self, enrolment: &'a Enrolment) -> Subject<'a> {
        Subject {
            wave: &self.id,
            practice: enrolment.practice,
            supplier: &enrolment.supplier,
            icb: enrolment.icb,
            region: enrolment.region,
        }
    }

    /// The suppliers whose practices are in it by booked dates.
    pub fn booked_suppliers(&self) -> impl Iterator<Item = &Supplier> {
        self.rules.booked.keys()
    }
}
