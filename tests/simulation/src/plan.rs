//! What a seed makes of a run: a part of England, its suppliers, what people do and when, and what goes wrong.
//!
//! All of it is drawn before anything runs, by what it concerns, so that the same seed is the same story.

mod acts;
mod apart;
mod document;
mod notices;
mod statistics;
mod suppliers;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use ods::{Draw, civil::instant, draw_for};
use supplier_simulator::SupplierProfile;

use crate::door::Habits;
use crate::faults::{Committing, Cue, Fault, Planned};
use crate::hosts::{PEOPLE, REGISTRY, SCHEDULERS, STATISTICS, SUPPLIERS};
use crate::post::PostHabits;
use crate::time::Span;

use acts::acts;
use apart::{ahead, faults_of_take_overs};
use document::Document;
use notices::{faults_of_lists, faults_of_notices, habits_of_post, told_by, told_by_hand};
use statistics::{faults_of_statistics, returnings, tellings};
use suppliers::{BOOKED, CALLED, CLAIM_LEAD, CUT_OFF, SELF_SERVICE, profiles, supplier};

pub(crate) use acts::{Act, HeldScope};
pub(crate) use apart::APART;
pub(crate) use notices::ToldBy;
pub(crate) use statistics::{Returning, Telling};

/// Which kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything goes wrong until the end, and only what holds at every moment is checked.
    Safety,
    /// Whatever goes wrong is put right, and then every wave ends, and nothing is owed.
    Liveness,
    /// The same, where what goes wrong is that the schedulers' clocks are ten minutes apart, and that each of them stands still in
    /// turn, so that it is now one and now the other that sees a window open or shut.
    Apart,
    /// Nothing goes wrong.
    Quiet,
}

/// What is forgotten that must not be: a guard taken away, for a test that its loss is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// A supplier says that a key is closed, and does not close it.
    Closures,
    /// A supplier's log does not survive a crash, and what it knew of keys with it.
    Keys,
    /// The scheduler's journal does not survive a crash: its last records are lost.
    Seals,
    /// How far sources' events are durable does not survive a crash of an aggregator.
    Sequences,
    /// As seals, while practices are told.
    Notices,
    /// The post says that it has delivered what it has only taken on.
    Delivery,
}

/// When the story begins: a Tuesday morning, early enough for the notice.
const START: Date = date(2031, 5, 27);

/// The days on which practices may go live, by wave.
pub(crate) const WAVES: [&[Date]; 2] = [&[date(2031, 6, 3)], &[date(2031, 6, 5), date(2031, 6, 6)]];

/// When nobody does anything any more: two days after the last wave.
const LAST_ACT: Date = date(2031, 6, 10);

/// When so much happens that a tick is a minute: while practices are told, while lists are taken, and on the days of the waves, a
/// little longer than the windows, so that what stands at their edges is seen.
pub(crate) fn busy() -> Vec<Span> {
    let days = WAVES.concat();
    let of_waves = days.iter().map(|day| (instant(day.at(8, 30, 0, 0)), instant(day.at(17, 30, 0, 0))));
    let told = (instant(START.at(9, 0, 0, 0)), instant(START.at(17, 30, 0, 0)));
    of_waves.chain(days.iter().map(|day| claimed_in(*day))).chain([told]).collect()
}

/// When the list for a booked date is claimed, or was missed.
fn claimed_in(date: Date) -> Span {
    let cut_off = instant(date.yesterday().expect("a day in June").to_datetime(CUT_OFF));
    (cut_off - CLAIM_LEAD - SignedDuration::from_mins(15), cut_off + SignedDuration::from_mins(15))
}

/// A surgery.
#[derive(Clone, Debug)]
pub(crate) struct Surgery {
    pub(crate) code: String,
    pub(crate) supplier: &'static str,
    pub(crate) icb: &'static str,
    pub(crate) patients: u64,
    pub(crate) told_by: ToldBy,
}

/// The story of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    pub(crate) mutation: Option<Forgotten>,
    pub(crate) start: Timestamp,
    pub(crate) surgeries: Vec<Surgery>,
    pub(crate) suppliers: Vec<SupplierProfile>,
    pub(crate) door: Habits,
    pub(crate) post: PostHabits,
    pub(crate) programme: String,
    pub(crate) acts: Vec<(Timestamp, Act)>,
    pub(crate) tellings: Vec<Telling>,
    pub(crate) returnings: Vec<Returning>,
    pub(crate) faults: Vec<Planned>,
    /// When nothing more happens but what follows.
    pub(crate) last_act: Timestamp,
}

/// Chance in the story of one seed.
struct Chance(u64);

impl Chance {
    fn of(&self, purpose: &str, subject: impl std::fmt::Display) -> Draw {
        draw_for(self.0, &format!("story-{purpose}"), &subject.to_string(), 0, 0)
    }

    /// A number from `least` to `most`.
    fn between(&self, purpose: &str, subject: impl std::fmt::Display, least: u64, most: u64) -> u64 {
        least + self.of(purpose, subject).below(most - least + 1)
    }

    /// A moment while practices may go live, or shortly before or after.
    fn moment(&self, purpose: &str, subject: impl std::fmt::Display + Copy) -> Timestamp {
        let days: Vec<Date> = WAVES.concat();
        let day = days[self.pick(&format!("{purpose}-day"), subject, days.len())];
        let minutes = self.between(&format!("{purpose}-minute"), subject, 0, 9 * 60);
        instant(day.at(8, 30, 0, 0)) + SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(0))
    }

    fn pick(&self, purpose: &str, subject: impl std::fmt::Display, count: usize) -> usize {
        usize::try_from(self.of(purpose, subject).below(count as u64)).unwrap_or(0)
    }

    fn share(&self, purpose: &str, probability: f64, least: f64, most: f64) -> f64 {
        let drawn = self.of(purpose, "share");
        if drawn.happens(probability) { least + (most - least) * self.of(purpose, "size").unit() } else { 0.0 }
    }
}

impl Plan {
    pub(crate) fn new(kind: Kind, seed: u64, mutation: Option<Forgotten>) -> Self {
        let chance = Chance(seed);
        let surgeries = surgeries(&chance);
        let is_quiet = kind == Kind::Quiet;
        let mut door = if is_quiet { Habits::default() } else { habits(&chance) };
        door.forgets_closures = mutation == Some(Forgotten::Closures);
        let mut post = if is_quiet { PostHabits::default() } else { habits_of_post(&chance) };
        post.says_delivered = mutation == Some(Forgotten::Delivery);
        let suppliers = profiles(&chance, is_quiet);
        let mut acts = if is_quiet { Vec::new() } else { acts(&chance, &surgeries) };
        acts.extend(told_by_hand(&chance, &surgeries, is_quiet));
        acts.sort_by_key(|(at, _)| *at);
        let faults = match kind {
            Kind::Quiet => Vec::new(),
            Kind::Apart => faults_of_take_overs(&chance),
            Kind::Safety | Kind::Liveness => all_faults(&chance, mutation),
        };
        let tellings = tellings(&chance, &surgeries);
        let returnings = returnings(&chance, &surgeries);
        Self {
            seed,
            kind,
            mutation,
            start: instant(START.at(9, 0, 0, 0)),
            programme: Document::first(&chance, surgeries.len(), is_quiet).text(),
            surgeries,
            suppliers,
            door,
            post,
            acts,
            tellings,
            returnings,
            faults,
            last_act: instant(LAST_ACT.at(12, 0, 0, 0)),
        }
    }

    /// By how much the clock of a machine is ahead.
    pub(crate) fn ahead(&self, machine: &str) -> SignedDuration {
        if self.kind == Kind::Apart { ahead(&Chance(self.seed), machine) } else { SignedDuration::ZERO }
    }
}

fn surgeries(chance: &Chance) -> Vec<Surgery> {
    let count = chance.between("practices", "count", 30, 60);
    let surgery = |number: u64| {
        let supplier = supplier(chance, number);
        let icb = if chance.of("icb", number).happens(0.5) { "QHM" } else { "QOQ" };
        let patients = chance.between("patients", number, 1_500, 20_000);
        let told_by = told_by(chance, number);
        Surgery { code: format!("A{:05}", 81_000 + number), supplier, icb, patients, told_by }
    };
    (1..=count).map(surgery).collect()
}

fn habits(chance: &Chance) -> Habits {
    Habits {
        doubled_share: chance.share("doubled", 0.5, 0.1, 0.5),
        late_share: chance.share("late", 0.5, 0.1, 0.4),
        lost_share: chance.share("lost", 0.5, 0.1, 0.4),
        forgets_closures: false,
    }
}

/// Everything that goes wrong.
fn all_faults(chance: &Chance, mutation: Option<Forgotten>) -> Vec<Planned> {
    let mut faults = faults(chance);
    for further in faults_of_notices(chance).into_iter().chain(faults_of_lists(chance)) {
        if !faults.iter().any(|known| known.meets(&further)) {
            faults.push(further);
        }
    }
    faults.extend(faults_of_statistics(chance));
    faults.extend(mutation.and_then(crash_for));
    faults
}

/// From two to six things that go wrong, no two of them at once at the same machine.
fn faults(chance: &Chance) -> Vec<Planned> {
    let mut faults: Vec<Planned> = Vec::new();
    for number in 0..chance.between("faults", "count", 2, 6) {
        let fault = fault(chance, number);
        let at = match fault {
            // Early in the day, when requests come.
            Fault::TakesNoRequests(_) => instant(WAVES[chance.pick("refuses-on", number, 2)][0].at(8, 55, 0, 0)),
            _ => chance.moment("fault", number),
        };
        let ticks = chance.between("fault-ticks", number, 5, 250);
        let planned = Planned { at, ticks, fault, cue: None };
        if !faults.iter().any(|other| other.meets(&planned)) {
            faults.push(planned);
        }
    }
    faults.sort_by_key(|planned| planned.at);
    faults
}

/// What it takes for the loss of a guard to show.
fn crash_for(mutation: Forgotten) -> Option<Planned> {
    let at = instant(WAVES[1][0].at(9, 10, 0, 0));
    let (at, machine, cue) = match mutation {
        Forgotten::Closures | Forgotten::Delivery => return None,
        Forgotten::Keys => (at, SUPPLIERS, None),
        Forgotten::Seals => (at, SCHEDULERS[0], None),
        Forgotten::Sequences => (at, STATISTICS[0], None),
        Forgotten::Notices => (instant(START.at(9, 0, 0, 0)), SCHEDULERS[0], Some(Cue::NoticeTaken)),
    };
    Some(Planned { at, ticks: 10, fault: Fault::Crash(machine), cue })
}

fn fault(chance: &Chance, number: u64) -> Fault {
    const LINKS: [(&str, &str); 7] = [
        (SCHEDULERS[0], REGISTRY),
        (SCHEDULERS[1], REGISTRY),
        (SCHEDULERS[0], SUPPLIERS),
        (SCHEDULERS[1], SUPPLIERS),
        (PEOPLE, REGISTRY),
        (PEOPLE, SCHEDULERS[0]),
        (PEOPLE, SCHEDULERS[1]),
    ];
    const CRASH: [&str; 5] = [SCHEDULERS[0], SCHEDULERS[0], SCHEDULERS[1], REGISTRY, SUPPLIERS];
    let (one, other) = LINKS[chance.pick("fault-link", number, LINKS.len())];
    match chance.between("fault-kind", number, 0, 8) {
        0 | 1 => Fault::Crash(CRASH[chance.pick("fault-crash", number, CRASH.len())]),
        2 | 3 => Fault::StandStill(SCHEDULERS[chance.pick("fault-stands", number, SCHEDULERS.len())]),
        4 => Fault::Cut(one, other),
        5 if chance.of("fault-way", number).happens(0.5) => Fault::CutOneWay(other, one),
        5 => Fault::CutOneWay(one, other),
        6 => Fault::Hold(one, other),
        7 => {
            let of_registry = chance.of("fault-journal", number).happens(0.5);
            let acknowledged = chance.of("fault-commit", number).happens(0.5);
            let of = if of_registry { Committing::Registry } else { Committing::Scheduler };
            Fault::LoseCommit { of, takes_effect: acknowledged }
        }
        _ => Fault::TakesNoRequests(if chance.of("fault-refuses", number).happens(0.5) { "EMIS" } else { "TPP" }),
    }
}
