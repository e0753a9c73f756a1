//! The whole difference of two plans, as what is to be done to the one for it to be the other.
//!
//! It is kept small: a practice is in it only if it leaves, joins, or stands otherwise than the practices that stay let it
//! stand. What people are shown of it is in [`super::diff`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ods::{Capability, PracticeCode};

use super::{Diff, Distance, Member, Plan, PlanHash, PlannedWave, Unplaced, WaveRules};
use crate::id::{PlanVersion, ProgrammeId, WaveId};
use crate::spec::ProgrammeSpec;

/// What makes one plan of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patch {
    programme: ProgrammeId,
    capability: Capability,
    version: PlanVersion,
    parent: Option<PlanVersion>,
    registry_position: u64,
    hash: PlanHash,
    /// None where it is the same document.
    spec: Option<Arc<ProgrammeSpec>>,
    /// Every wave of the new plan, in its order.
    waves: Vec<WavePatch>,
    /// None where the same practices are in no wave, for the same reasons.
    unplaced: Option<Vec<(Unplaced, Vec<PracticeCode>)>>,
}

/// What makes one wave of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WavePatch {
    id: WaveId,
    /// None where it is the same but for its members.
    head: Option<Head>,
    leave: BTreeSet<PracticeCode>,
    /// Who joins, by the place that they have in the new order.
    join: BTreeMap<usize, Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    goes_on: bool,
    rules: Arc<WaveRules>,
    distance: Option<Distance>,
}

/// Why a difference cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotItsBase {
    /// It is against another plan.
    #[error("the difference is against {}, not {}", named(.expected), named(.given))]
    OtherPlan {
        /// The plan that it is against.
        expected: Option<PlanHash>,
        /// The plan that was given.
        given: Option<PlanHash>,
    },
    /// The plan that was given is not what its hash says, or the difference was tampered with.
    #[error("what comes of it is not the plan {0}")]
    Tampered(PlanHash),
}

fn named(plan: &Option<PlanHash>) -> String {
    plan.map_or("no plan".to_owned(), |hash| format!("the plan {hash}"))
}

impl Diff {
    /// The plan that the difference makes of the one that it is against.
    ///
    /// # Errors
    /// Where `base` is another plan, or what comes of it does not have the hash that it is to have.
    pub fn apply(&self, base: Option<&Plan>) -> Result<Plan, NotItsBase> {
        let given = base.map(|base| base.hash);
        if given != self.base {
            return Err(NotItsBase::OtherPlan { expected: self.base, given });
        }
        let patch = &self.patch;
        let tampered = || NotItsBase::Tampered(patch.hash);
        let wave = |wave: &WavePatch| wave.apply(base.and_then(|base| base.wave(wave.id)));
        let waves: Option<Vec<PlannedWave>> = patch.waves.iter().map(wave).collect();
        let unplaced = patch.unplaced.as_ref().or(base.map(|base| &base.unplaced));
        let plan = Plan {
            programme: patch.programme.clone(),
            capability: patch.capability.clone(),
            version: patch.version,
            parent: patch.parent,
            registry_position: patch.registry_position,
            spec: patch.spec.as_ref().or(base.map(|base| &base.spec)).ok_or_else(tampered)?.clone(),
            waves: waves.ok_or_else(tampered)?,
            unplaced: unplaced.ok_or_else(tampered)?.clone(),
            hash: patch.hash,
        };
        if plan.computed_hash() == plan.hash { Ok(plan) } else { Err(tampered()) }
    }
}

impl Patch {
    pub(super) fn between(old: Option<&Plan>, new: &Plan) -> Self {
        let same_spec = old.is_some_and(|old| old.spec == new.spec);
        let same_unplaced = old.is_some_and(|old| old.unplaced == new.unplaced);
        let wave = |wave: &PlannedWave| WavePatch::between(old.and_then(|old| old.wave(wave.id)), wave);
        Self {
            programme: new.programme.clone(),
            capability: new.capability.clone(),
            version: new.version,
            parent: new.parent,
            registry_position: new.registry_position,
            hash: new.hash,
            spec: (!same_spec).then(|| new.spec.clone()),
            waves: new.waves.iter().map(wave).collect(),
            unplaced: (!same_unplaced).then(|| new.unplaced.clone()),
        }
    }

    /// Everybody who joins a wave or stands otherwise in it than before.
    pub(super) fn joining(&self) -> BTreeSet<PracticeCode> {
        self.waves.iter().flat_map(|wave| wave.join.values()).map(|member| member.practice).collect()
    }
}

impl WavePatch {
    fn between(old: Option<&PlannedWave>, new: &PlannedWave) -> Self {
        let head = Head { goes_on: new.goes_on, rules: new.rules.clone(), distance: new.distance };
        let same_head = old.is_some_and(|old| Head::of(old) == head);
        let before = old.map(|old| old.members.as_slice()).unwrap_or_default();
        let stay = staying(before, &new.members);
        let joins = |(_, member): &(usize, &Member)| !stay.contains(&member.practice);
        let join = new.members.iter().enumerate().filter(joins).map(|(place, member)| (place, member.clone()));
        let leave = before.iter().map(|member| member.practice).filter(|one| !stay.contains(one));
        Self { id: new.id, head: (!same_head).then_some(head), leave: leave.collect(), join: join.collect() }
    }

    /// None where the wave has no head, neither of its own nor of the old one.
    fn apply(&self, old: Option<&PlannedWave>) -> Option<PlannedWave> {
        let Head { goes_on, rules, distance } = self.head.clone().or(old.map(Head::of))?;
        let before = old.map(|old| old.members.as_slice()).unwrap_or_default();
        let mut staying = before.iter().filter(|member| !self.leave.contains(&member.practice));
        let mut members = Vec::new();
        while let Some(member) = self.join.get(&members.len()).or_else(|| staying.next()) {
            members.push(member.clone());
        }
        Some(PlannedWave { id: self.id, goes_on, rules, members, distance })
    }
}

impl Head {
    fn of(wave: &PlannedWave) -> Self {
        Self { goes_on: wave.goes_on, rules: wave.rules.clone(), distance: wave.distance }
    }
}

/// The most members that are the same in both and, among themselves, in the same order.
fn staying(old: &[Member], new: &[Member]) -> BTreeSet<PracticeCode> {
    let before: BTreeMap<PracticeCode, (usize, &Member)> =
        old.iter().enumerate().map(|(place, member)| (member.practice, (place, member))).collect();
    let same = new.iter().filter_map(|member| {
        let (place, known) = before.get(&member.practice)?;
        (*known == member).then_some((*place, member.practice))
    });
    longest_rising(&same.collect::<Vec<_>>())
}

/// The practices of the longest run of rising places, in which others may lie between. For each length the run that ends
/// lowest is kept: the next place either lengthens one or lowers the end of a longer one.
fn longest_rising(places: &[(usize, PracticeCode)]) -> BTreeSet<PracticeCode> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    for (index, (place, _)) in places.iter().enumerate() {
        let length = ends.partition_point(|end| places[*end].0 < *place);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    std::iter::successors(ends.last().copied(), |index| before[*index]).map(|index| places[index].1).collect()
}
