//! What a plan changes against another: who moves, from where to where, by which rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use ods::PracticeCode;

use super::{PlacedBy, Plan, Unplaced};
use crate::id::WaveId;
use crate::state::Load;

/// What a plan changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Everybody who moves, by code. Who stays in the same wave with the same dates is left out.
    pub moves: Vec<Move>,
    /// Practices that were in no wave and are in one now.
    pub added: Load,
    /// Practices that were in a wave and are in none now.
    pub dropped: Load,
    /// Practices whose wave begins earlier than before.
    pub earlier: Load,
    /// Practices whose wave begins later than before.
    pub later: Load,
}

/// One practice that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The practice.
    pub practice: PracticeCode,
    /// The wave it was in, with the wave's first date.
    pub from: Option<(WaveId, Date)>,
    /// The wave it is in now.
    pub to: Option<(WaveId, Date)>,
    /// What decides it.
    pub rule: MoveRule,
}

/// The rule of the document that decides where a practice is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveRule {
    /// A wave takes it.
    Placed(WaveId, PlacedBy),
    /// It is in no wave, for this reason.
    Unplaced(Unplaced),
    /// It is in the programme's cohort no more.
    LeftCohort,
}

impl fmt::Display for MoveRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Placed(wave, PlacedBy::Cohort) => write!(out, "the cohort of {wave}"),
            Self::Placed(wave, PlacedBy::List) => write!(out, "the list of {wave}"),
            Self::Placed(wave, PlacedBy::Deferral) => write!(out, "objected in time: deferred to {wave}"),
            Self::Placed(wave, PlacedBy::GoingOn) => write!(out, "{wave} goes on"),
            Self::Unplaced(reason) => write!(out, "{reason}"),
            Self::LeftCohort => out.write_str("no longer in the programme's cohort"),
        }
    }
}

/// Where a practice is in a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    wave: WaveId,
    from: Date,
    until: Date,
    list_size: u32,
    by: PlacedBy,
}

/// What `new` changes against `old`; against none, everybody in it is added.
#[must_use]
pub fn diff(old: Option<&Plan>, new: &Plan) -> Diff {
    let before = old.map(places).unwrap_or_default();
    let after = places(new);
    let reasons: BTreeMap<PracticeCode, &Unplaced> =
        new.unplaced.iter().flat_map(|(reason, practices)| practices.iter().map(move |one| (*one, reason))).collect();
    let mut diff = Diff::default();
    let concerned: BTreeSet<PracticeCode> = before.keys().chain(after.keys()).copied().collect();
    for practice in concerned {
        let (from, to) = (before.get(&practice), after.get(&practice));
        let same = |from: &Place, to: &Place| (from.wave, from.from, from.until) == (to.wave, to.from, to.until);
        if from.zip(to).is_some_and(|(from, to)| same(from, to)) {
            continue;
        }
        diff.count(from, to);
        let rule = match to {
            Some(place) => MoveRule::Placed(place.wave, place.by),
            None => reasons.get(&practice).map_or(MoveRule::LeftCohort, |reason| MoveRule::Unplaced((*reason).clone())),
        };
        let named = |place: &Place| (place.wave, place.from);
        diff.moves.push(Move { practice, from: from.map(named), to: to.map(named), rule });
    }
    diff
}

impl Diff {
    fn count(&mut self, from: Option<&Place>, to: Option<&Place>) {
        match (from, to) {
            (None, Some(to)) => self.added += Load::of(to.list_size),
            (Some(from), None) => self.dropped += Load::of(from.list_size),
            (Some(from), Some(to)) if to.from < from.from => self.earlier += Load::of(to.list_size),
            (Some(from), Some(to)) if to.from > from.from => self.later += Load::of(to.list_size),
            _ => {}
        }
    }
}

fn places(plan: &Plan) -> BTreeMap<PracticeCode, Place> {
    let mut places = BTreeMap::new();
    for wave in &plan.waves {
        for member in &wave.members {
            let place = Place {
                wave: wave.id,
                from: wave.rules.from,
                until: wave.rules.until,
                list_size: member.list_size,
                by: member.by,
            };
            places.insert(member.practice, place);
        }
    }
    places
}
