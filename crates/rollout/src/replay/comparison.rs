//! What differs between a replay and its control: who goes live when, and what gates say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use ods::{IcbCode, PracticeCode, Supplier};

use super::Question;
use super::course::{Course, GateCourse};
use super::play::{Assumed, Played};
use crate::calendar::civil_date;
use crate::id::WaveId;
use crate::plan::Change;
use crate::state::Load;

/// What a policy came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Practices that went live in either, by code.
    pub practices: Vec<Compared>,
    /// All of them, then each supplier's.
    pub groups: Vec<Group>,
    /// Waves whose gates were evaluated in either, or that opened in either.
    pub gates: Vec<GateCompared>,
    /// How far the control is from what happened.
    pub strayed: Strayed,
    /// What the replay took for granted.
    pub assumed: Assumed,
}

/// A practice in a replay and in its control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The practice.
    pub practice: PracticeCode,
    /// Its supplier.
    pub supplier: Option<Supplier>,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its registered patients.
    pub patients: u64,
    /// When it goes live by the policy as it was; none where it does not by the end of the record.
    pub control: Option<Timestamp>,
    /// When it goes live by the other policy.
    pub replayed: Option<Timestamp>,
}

/// What the other policy makes of a practice. By civil dates: hours are no difference to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Live on an earlier day.
    Earlier,
    /// Live on a later day.
    Later,
    /// Not live by the end of the record, and live without the policy.
    Never,
    /// Live, and not without the policy.
    Only,
    /// Live on the same day.
    Same,
}

/// Practices by what the policy makes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Whose; none for all.
    pub supplier: Option<Supplier>,
    /// How many, with their patients.
    pub effects: BTreeMap<Effect, Load>,
    /// Days by which practices that are live in both are sooner, summed; negative where later.
    pub days_sooner: i64,
}

/// A wave in a replay and in its control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateCompared {
    /// The wave.
    pub wave: WaveId,
    /// When it opened by the policy as it was.
    pub control_opened_at: Option<Timestamp>,
    /// When it opened by the other.
    pub replayed_opened_at: Option<Timestamp>,
    /// What its gate said by the policy as it was; none where it was not evaluated by the end of the record.
    pub control: Option<GateCourse>,
    /// What it said by the other.
    pub replayed: Option<GateCourse>,
}

/// How far a control is from what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strayed {
    /// Practices that went live in fact.
    pub in_fact: Load,
    /// Practices that went live in the control.
    pub control: Load,
    /// Practices that went live on another day in the control, or only in one of the two.
    pub other_day: Load,
    /// Waves whose gates said something else, or on another day.
    pub gates: Vec<WaveId>,
}

impl Comparison {
    pub(super) fn of(question: &Question, control: &Played, replayed: &Played) -> Self {
        let practices = compared(control, &control.course, &replayed.course);
        let suppliers: BTreeSet<_> = practices.iter().filter_map(|one| one.supplier.clone()).collect();
        let mut groups = vec![Group::of(None, practices.iter())];
        for supplier in suppliers {
            let of_it = practices.iter().filter(|one| one.supplier.as_ref() == Some(&supplier));
            groups.push(Group::of(Some(supplier.clone()), of_it));
        }
        Self {
            groups,
            practices,
            gates: gates(&control.course, &replayed.course),
            strayed: Strayed::of(control, &question.record.in_fact),
            assumed: replayed.assumed.clone(),
        }
    }
}

/// Practices that went live in one course or the other.
fn compared(played: &Played, control: &Course, replayed: &Course) -> Vec<Compared> {
    let codes: BTreeSet<_> = control.live_at.keys().chain(replayed.live_at.keys()).copied().collect();
    let compared = codes.into_iter().map(|practice| {
        let facts = played.view.get(practice);
        Compared {
            practice,
            supplier: facts.and_then(|facts| facts.supplier.clone()),
            icb: facts.and_then(|facts| facts.icb),
            patients: facts.map_or(0, |facts| u64::from(facts.list_size)),
            control: control.live_at.get(&practice).copied(),
            replayed: replayed.live_at.get(&practice).copied(),
        }
    });
    compared.collect()
}

fn gates(control: &Course, replayed: &Course) -> Vec<GateCompared> {
    let waves: BTreeSet<_> = [control, replayed]
        .into_iter()
        .flat_map(|course| course.gates.keys().chain(course.opened_at.keys()))
        .copied()
        .collect();
    let compared = waves.into_iter().map(|wave| GateCompared {
        wave,
        control_opened_at: control.opened_at.get(&wave).copied(),
        replayed_opened_at: replayed.opened_at.get(&wave).copied(),
        control: control.gates.get(&wave).copied(),
        replayed: replayed.gates.get(&wave).copied(),
    });
    compared.collect()
}

impl Compared {
    /// What the policy makes of it.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match (self.control, self.replayed) {
            (Some(_), None) => Effect::Never,
            (None, _) => Effect::Only,
            (Some(_), Some(_)) => match self.days_sooner() {
                0 => Effect::Same,
                1.. => Effect::Earlier,
                _ => Effect::Later,
            },
        }
    }

    /// Civil days by which it is live sooner; negative where later, 0 where it is live in one only.
    #[must_use]
    pub fn days_sooner(&self) -> i64 {
        self.control.zip(self.replayed).map_or(0, |(control, replayed)| days_sooner(control, replayed))
    }

    /// Itself, as a load.
    #[must_use]
    pub fn load(&self) -> Load {
        Load { practices: 1, patients: self.patients }
    }
}

impl GateCompared {
    /// Civil days by which the gate halted the programme sooner in the replay; none where it did not halt in both.
    #[must_use]
    pub fn halted_days_sooner(&self) -> Option<i64> {
        let halted_at = |gate: &Option<GateCourse>| gate.as_ref().and_then(GateCourse::halted_at);
        Some(days_sooner(halted_at(&self.control)?, halted_at(&self.replayed)?))
    }
}

fn days_sooner(control: Timestamp, replayed: Timestamp) -> i64 {
    civil_date(replayed).duration_until(civil_date(control)).as_hours() / 24
}

impl Effect {
    /// All there are, in order.
    pub const ALL: [Self; 5] = [Self::Earlier, Self::Later, Self::Never, Self::Only, Self::Same];
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Earlier => "EARLIER",
            Self::Later => "LATER",
            Self::Never => "NEVER",
            Self::Only => "ONLY",
            Self::Same => "SAME",
        })
    }
}

impl Group {
    fn of<'p>(supplier: Option<Supplier>, practices: impl Iterator<Item = &'p Compared>) -> Self {
        let mut group = Self { supplier, effects: BTreeMap::new(), days_sooner: 0 };
        for practice in practices {
            *group.effects.entry(practice.effect()).or_default() += practice.load();
            group.days_sooner += practice.days_sooner();
        }
        group
    }

    /// How many the policy makes this of, with their patients.
    #[must_use]
    pub fn load(&self, effect: Effect) -> Load {
        self.effects.get(&effect).copied().unwrap_or_default()
    }
}

impl Strayed {
    fn of(control: &Played, in_fact: &Course) -> Self {
        let mut strayed = Self::default();
        for one in compared(control, in_fact, &control.course) {
            if one.control.is_some() {
                strayed.in_fact += one.load();
            }
            if one.replayed.is_some() {
                strayed.control += one.load();
            }
            if one.effect() != Effect::Same {
                strayed.other_day += one.load();
            }
        }
        let said = |gate: Option<GateCourse>| gate.map(|gate| (gate.verdict, civil_date(gate.evaluated_at)));
        for gate in gates(in_fact, &control.course) {
            if said(gate.control) != said(gate.replayed) {
                strayed.gates.push(gate.wave);
            }
        }
        strayed
    }
}

/// The terms that a policy changes, each once, with the first plan in which it does.
#[must_use]
pub(super) fn distinct(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
    let mut seen: Vec<Change> = Vec::new();
    for change in changes {
        if !seen.contains(&change) {
            seen.push(change);
        }
    }
    seen
}
