//! A programme: its document, the versions of its plan, its waves, and what counts against its caps.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

use super::dispatch::Correspondence;
use super::due::{Due, DueRecord};
use super::hold::Signature;
use super::{Loads, Wave};
use crate::id::{Account, PlanVersion, ProgrammeId, WaveId, WaveRef};
use crate::plan::Plan;
use crate::spec::{Deadline, ProgrammeSpec};

/// A programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Its name.
    pub id: ProgrammeId,
    /// What it switches on; never changes.
    pub capability: Capability,
    /// Where it is.
    pub stage: ProgrammeStage,
    /// Who created it.
    pub created_by: Account,
    /// When.
    pub created_at: Timestamp,
    /// The document it was last written as: what the next plan is expanded from.
    pub document: Arc<Document>,
    /// Everybody who wrote or submitted since the last approval, with the position at which they last did; none of them
    /// may approve (rule 7).
    pub editors: OrdMap<Account, u64>,
    /// The position of the last change to its document, plans or stage: its etag.
    pub changed_at_position: u64,
    /// Each deadline as it was set, oldest first: the last one counts.
    pub deadlines: Vector<DeadlineSet>,
    /// Every version of its plan.
    pub plans: OrdMap<PlanVersion, Arc<PlanRecord>>,
    /// The version that the scheduler acts on.
    pub in_force: Option<PlanVersion>,
    /// The last version whose readiness items the registry knows, where it has any of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_told: Option<PlanVersion>,
    /// Every wave it ever had, by number.
    pub waves: OrdMap<WaveId, Wave>,
    /// The wave in which a practice has its latest enrolment.
    pub current_wave: OrdMap<PracticeCode, WaveId>,
    /// Notices delivered, per practice, oldest first.
    pub notices: OrdMap<PracticeCode, Arc<Vec<Notice>>>,
    /// What the scheduler itself sent, per practice.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    pub correspondence: OrdMap<PracticeCode, Arc<Correspondence>>,
    /// Dispatches that something is still to be done or found out about.
    #[serde(default, skip_serializing_if = "OrdSet::is_empty")]
    pub dispatches_open: OrdSet<(PracticeCode, u32)>,
    /// What counts against the daily caps, by civil date.
    #[serde(with = "crate::pairs")]
    pub daily: OrdMap<Date, Loads>,
    /// What counts against the in-flight caps.
    pub in_flight: Loads,
    /// Slots taken and not sealed yet: against the daily caps they count on the day they will be sealed.
    pub reserved: Loads,
    /// What fell due, and what became of it.
    #[serde(with = "crate::pairs")]
    pub due: OrdMap<Due, DueRecord>,
    /// What is yet to fall due, or has and is not settled.
    pub due_pending: OrdSet<Due>,
}

/// A programme's document: the text as written, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The text, in full.
    pub text: String,
    /// What it says.
    pub spec: ProgrammeSpec,
}

/// Where a programme is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProgrammeStage {
    /// Being written; no plan has been in force.
    Draft,
    /// A plan is in force.
    Active,
    /// Every wave has ended and nobody in the plan is left without access.
    Completed,
    /// Ended by a person.
    Cancelled,
}

impl ProgrammeStage {
    /// `DRAFT`, `ACTIVE` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Active => "ACTIVE",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// A deadline, since when and by which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadlineSet {
    /// When the version came into force.
    pub at: Timestamp,
    /// The version.
    pub version: PlanVersion,
    /// The deadline; none where that version has no single one.
    pub deadline: Option<Deadline>,
}

/// A version of the plan, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// The plan: an immutable value.
    pub plan: Arc<Plan>,
    /// Where it is.
    pub stage: PlanStage,
    /// Who submitted it.
    pub author: Account,
    /// When.
    pub submitted_at: Timestamp,
    /// The position at which it was.
    pub submitted_at_position: u64,
    /// Everybody who had written since the last approval, the author included.
    pub editors: BTreeSet<Account>,
    /// Who approved or rejected it.
    pub decided: Option<Signature>,
}

/// Where a version of the plan is. DRAFT is the programme's document itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStage {
    /// Submitted: expanded, hashed, waiting for another person.
    InReview,
    /// Approved, on its way into force.
    Approved,
    /// Turned down.
    Rejected,
    /// What the scheduler acts on.
    InForce,
    /// Replaced: by a later version in force, or by a later submission.
    Superseded,
}

/// A delivered notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The wave it was about.
    pub wave: WaveId,
    /// The date it gave: not before it. An earlier go-live needs another notice (rule 11).
    pub not_before: Date,
    /// When it reached the practice.
    pub delivered_at: Timestamp,
    /// How: `letter`, `e-mail`.
    pub channel: String,
    /// The dispatch that it rests on; none where a person recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<u32>,
}

impl Programme {
    /// The version in force.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        Some(&self.plans.get(&self.in_force?)?.plan)
    }

    /// The waves of the version in force, in its order.
    pub fn waves_in_order(&self) -> impl Iterator<Item = &Wave> {
        self.plan().into_iter().flat_map(|plan| &plan.waves).filter_map(|wave| self.waves.get(&wave.id))
    }

    /// Whether the version in force has this wave.
    #[must_use]
    pub fn lists(&self, wave: WaveId) -> bool {
        self.plan().is_some_and(|plan| plan.waves.iter().any(|planned| planned.id == wave))
    }

    /// The full name of one of its waves.
    #[must_use]
    pub fn wave_ref(&self, wave: WaveId) -> WaveRef {
        WaveRef { programme: self.id.clone(), wave }
    }

    /// The single deadline as known now; none where the version in force has none, or no version was in force yet.
    #[must_use]
    pub fn deadline(&self) -> Option<&Deadline> {
        self.deadlines.last()?.deadline.as_ref()
    }

    /// The next version's number.
    #[must_use]
    pub fn next_version(&self) -> PlanVersion {
        PlanVersion(self.plans.get_max().map_or(0, |(version, _)| version.0) + 1)
    }

    /// Records that something will fall due.
    pub(crate) fn schedule(&mut self, due: Due) {
        if !self.due.contains_key(&due) {
            self.due_pending.insert(due);
        }
    }

    /// Records what became of something due, once and for all (I12).
    pub(crate) fn settle_due(&mut self, due: &Due, record: DueRecord) {
        self.due_pending.remove(due);
        if !self.due.contains_key(due) {
            self.due.insert(due.clone(), record);
        }
    }

    /// What is yet to fall due of one wave.
    pub fn pending_of(&self, wave: WaveId) -> impl Iterator<Item = &Due> {
        self.due_pending.iter().filter(move |due| due.wave.wave == wave)
    }
}
