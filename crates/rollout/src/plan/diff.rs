//! What a plan changes against another: who moves, from where to where, by which rule; which terms change; and whether each of
//! that widens the plan or narrows it (rule 7).
//!
//! A difference leaves nothing out: applied to the plan it is against it gives the other one (see [`Diff::apply`]). What is
//! listed for people is what concerns a practice or a safeguard; who merely changes places within a wave is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use ods::PracticeCode;

use super::bearing::Bearing;
use super::change::{Change, changes};
use super::patch::Patch;
use super::terms::{Terms, of_other_terms};
use super::{Member, PlacedBy, Plan, PlanHash, PlannedWave, Unplaced};
use crate::id::WaveId;
use crate::spec::Mode;
use crate::state::{Load, Programme};

/// What a plan changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The plan that it is against; none where it is the first.
    pub base: Option<PlanHash>,
    /// Everybody who moves, by code. Who stays in the same wave with the same dates is left out.
    pub moves: Vec<Move>,
    /// What else changes: gates, caps, windows, notice, in the order of the document, and of the waves.
    pub changes: Vec<Change>,
    /// Practices that were in no wave and are in one now.
    pub added: Load,
    /// Practices that were in a wave and are in none now.
    pub dropped: Load,
    /// Practices whose wave begins earlier than before.
    pub earlier: Load,
    /// Practices whose wave begins later than before.
    pub later: Load,
    /// Practices that stay in their wave with its dates, and have another place in its order, another planned day, or other
    /// facts in the registry.
    pub shifted: Load,
    /// How many more patients are registered at the practices that stay and have more.
    pub patients_more: u64,
    /// How many fewer at those that have fewer.
    pub patients_fewer: u64,
    /// All of it, to be applied.
    pub(super) patch: Patch,
}

/// One practice that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The practice.
    pub practice: PracticeCode,
    /// It, with its registered patients as the new plan has them, or the old one where it is in no wave now.
    pub load: Load,
    /// The wave it was in, with the wave's first date.
    pub from: Option<(WaveId, Date)>,
    /// The wave it is in now.
    pub to: Option<(WaveId, Date)>,
    /// What decides it.
    pub rule: MoveRule,
    /// Whether that is more or less than was approved.
    pub bearing: Bearing,
}

/// The rule of the document that decides where a practice is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Clone, Copy)]
struct Place<'a> {
    wave: &'a PlannedWave,
    member: &'a Member,
}

impl Place<'_> {
    fn load(&self) -> Load {
        Load::of(self.member.list_size)
    }

    /// The booked date, where it goes live on one. The day on which its turn comes otherwise is only what is expected.
    fn booked_on(&self) -> Option<Date> {
        self.member.planned_on.filter(|_| self.member.mode == Mode::BookedDates)
    }

    /// Not before this date.
    fn date(&self) -> Date {
        self.booked_on().unwrap_or(self.wave.rules.from)
    }
}

/// What `new` changes against `old`; against none, everybody in it is added.
#[must_use]
pub fn diff(old: Option<&Plan>, new: &Plan) -> Diff {
    compare(old, new, &BTreeSet::new())
}

impl Programme {
    /// What `new` changes against `old`, with what is known by now of this programme: a wave that has passed stands before nobody
    /// any more, so that to leave it out widens nothing.
    #[must_use]
    pub fn difference(&self, old: Option<&Plan>, new: &Plan) -> Diff {
        let passed = self.waves.values().filter(|wave| wave.has_passed()).map(|wave| wave.id.wave);
        compare(old, new, &passed.collect())
    }
}

fn compare(old: Option<&Plan>, new: &Plan, passed: &BTreeSet<WaveId>) -> Diff {
    let before = old.map(places).unwrap_or_default();
    let after = places(new);
    let reasons: BTreeMap<PracticeCode, &Unplaced> =
        new.unplaced.iter().flat_map(|(reason, practices)| practices.iter().map(move |one| (*one, reason))).collect();
    let patch = Patch::between(old, new);
    let mut diff = Diff {
        base: old.map(|old| old.hash),
        moves: Vec::new(),
        changes: old.map(|old| changes(old, new, passed)).unwrap_or_default(),
        added: Load::default(),
        dropped: Load::default(),
        earlier: Load::default(),
        later: Load::default(),
        shifted: Load::default(),
        patients_more: 0,
        patients_fewer: 0,
        patch,
    };
    let replaced = diff.patch.joining();
    let mut other_terms = OtherTerms { old, new, passed, known: BTreeMap::new() };
    let concerned: BTreeSet<PracticeCode> = before.keys().chain(after.keys()).copied().collect();
    for practice in concerned {
        let (from, to) = (before.get(&practice), after.get(&practice));
        if let Some((from, to)) = from.zip(to) {
            let (was, is) = (from.member.list_size, to.member.list_size);
            diff.patients_more += u64::from(is.saturating_sub(was));
            diff.patients_fewer += u64::from(was.saturating_sub(is));
            if is_same(from, to) {
                diff.shifted += if replaced.contains(&practice) { to.load() } else { Load::default() };
                continue;
            }
        }
        diff.count(from, to);
        let rule = match to {
            Some(place) => MoveRule::Placed(place.wave.id, place.member.by),
            None => reasons.get(&practice).map_or(MoveRule::LeftCohort, |reason| MoveRule::Unplaced((*reason).clone())),
        };
        let named = |place: &Place<'_>| (place.wave.id, place.wave.rules.from);
        let load = to.or(from).map(Place::load).unwrap_or_default();
        let bearing = bearing(from, to).and(other_terms.bearing(from, to));
        diff.moves.push(Move { practice, load, from: from.map(named), to: to.map(named), rule, bearing });
    }
    diff
}

/// Whether a practice is in the same wave with the same dates, and switched on in the same way.
fn is_same(from: &Place<'_>, to: &Place<'_>) -> bool {
    let dates = |place: &Place<'_>| (place.wave.id, place.wave.rules.from, place.wave.rules.until, place.booked_on());
    dates(from) == dates(to) && from.member.mode == to.member.mode
}

/// Rule 7: more practices, or an earlier date, is more than was approved. So is being switched on where the practice was to do
/// it itself.
fn bearing(from: Option<&Place<'_>>, to: Option<&Place<'_>>) -> Bearing {
    let (Some(from), Some(to)) = (from, to) else {
        return if to.is_some() { Bearing::Widens } else { Bearing::Narrows };
    };
    let mode = match (from.member.mode, to.member.mode) {
        (from, to) if from == to => Bearing::Neither,
        (_, Mode::SelfService) => Bearing::Narrows,
        _ => Bearing::Widens,
    };
    let until = Bearing::of_earlier_end(from.wave.rules.until, to.wave.rules.until);
    mode.and(Bearing::of_later(&from.date(), &to.date())).and(until)
}

/// Whether the terms of another wave let those who move there do more; found out once for each two waves.
struct OtherTerms<'a> {
    old: Option<&'a Plan>,
    new: &'a Plan,
    passed: &'a BTreeSet<WaveId>,
    known: BTreeMap<(WaveId, WaveId), Bearing>,
}

impl OtherTerms<'_> {
    /// What the terms of one and the same wave have become is told with the wave. Where a practice goes that objects in time was
    /// approved with the wave that it objected to.
    fn bearing(&mut self, from: Option<&Place<'_>>, to: Option<&Place<'_>>) -> Bearing {
        let (Some(old), Some(from), Some(to)) = (self.old, from, to) else { return Bearing::Neither };
        let deferred = to.member.by == PlacedBy::Deferral && from.wave.rules.deferred_to == Some(to.wave.id);
        if from.wave.id == to.wave.id || deferred {
            return Bearing::Neither;
        }
        *self.known.entry((from.wave.id, to.wave.id)).or_insert_with(|| {
            let (before, now) = (Terms::of(old, from.wave, self.passed), Terms::of(self.new, to.wave, self.passed));
            of_other_terms(&before, &now, self.new)
        })
    }
}

impl Diff {
    /// Whether nothing changes for anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.changes.is_empty() && self.shifted.is_zero()
    }

    /// Whether the plan lets anything happen that the one before did not, or only takes away from it. More patients at
    /// practices that stay widen it as well.
    #[must_use]
    pub fn bearing(&self) -> Bearing {
        let of_moves = self.moves.iter().map(|one| one.bearing);
        let of_changes = self.changes.iter().map(|one| one.bearing);
        let patients = match (self.patients_more, self.patients_fewer) {
            (0, 0) => Bearing::Neither,
            (0, _) => Bearing::Narrows,
            _ => Bearing::Widens,
        };
        of_moves.chain(of_changes).fold(patients, Bearing::and)
    }

    /// How many practices move by each rule, with their patients, and whether that widens or narrows.
    #[must_use]
    pub fn by_rule(&self) -> BTreeMap<(&MoveRule, Bearing), Load> {
        let mut loads = BTreeMap::new();
        for one in &self.moves {
            *loads.entry((&one.rule, one.bearing)).or_default() += one.load;
        }
        loads
    }

    fn count(&mut self, from: Option<&Place<'_>>, to: Option<&Place<'_>>) {
        match (from, to) {
            (None, Some(to)) => self.added += to.load(),
            (Some(from), None) => self.dropped += from.load(),
            (Some(from), Some(to)) if to.wave.rules.from < from.wave.rules.from => self.earlier += to.load(),
            (Some(from), Some(to)) if to.wave.rules.from > from.wave.rules.from => self.later += to.load(),
            _ => {}
        }
    }
}

fn places(plan: &Plan) -> BTreeMap<PracticeCode, Place<'_>> {
    let mut places = BTreeMap::new();
    for wave in &plan.waves {
        for member in &wave.members {
            places.insert(member.practice, Place { wave, member });
        }
    }
    places
}
