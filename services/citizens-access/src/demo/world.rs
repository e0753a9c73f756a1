//! What happened outside the software: who paused when, who approved, who refused, how many people signed up.
//!
//! A world is a file beside the programme (`examples/golden-replay/world.yaml`). The program itself holds none of it:
//! take an event out of the file and the figures change accordingly. Civil moments are Europe/London.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use ods::{PracticeCode, Supplier, draw};
use rollout::calendar;
use sample::OneOff;
use serde::Deserialize;
use supplier_simulator::{Share, SupplierProfile};

use super::published::Published;

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    /// When the story begins: the directory is imported at this moment.
    pub(crate) starts_at: DateTime,
    /// For a synthetic England: the days that no rule of bank holidays gives.
    #[serde(default)]
    pub(crate) one_off_holidays: Vec<OneOff>,
    /// For a synthetic England: the years of its bank holidays.
    pub(crate) bank_holiday_years: Years,
    /// The people and systems that act: their roles, and the organisation that each acts for, such as `suppliers/EMIS`.
    pub(crate) accounts: BTreeMap<String, Vec<String>>,
    /// How many patients of a practice have an online account.
    pub(crate) uptake: Uptake,
    /// How many of those with access open their record.
    pub(crate) viewing: Viewing,
    /// When suppliers send their counts.
    pub(crate) returns: Returns,
    /// How the suppliers behave.
    pub(crate) suppliers: Vec<SupplierProfile>,
    /// The day that a run ends on where nobody says which.
    #[serde(default)]
    pub(crate) plays_until: Option<Date>,
    /// What was published of the real programme; a run tells its own figures beside it.
    #[serde(default)]
    pub(crate) published: Vec<Published>,
    /// What happens, in any order.
    pub(crate) events: Vec<WorldEvent>,
}

/// Calendar years, both included.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Years {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

/// Online accounts as a share of a practice's list; each practice's share is drawn evenly from the range.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uptake {
    pub(crate) min: Share,
    pub(crate) max: Share,
    /// Where the figures come from; printed under `assumptions`.
    pub(crate) source: String,
}

/// Record views a day as a share of the people with access.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Viewing {
    pub(crate) daily_share: Share,
    /// Where the figure comes from; printed under `assumptions`.
    pub(crate) source: String,
}

/// Weekly returns.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Returns {
    pub(crate) day: Day,
    pub(crate) at: Time,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Monday => Self::Monday,
            Day::Tuesday => Self::Tuesday,
            Day::Wednesday => Self::Wednesday,
            Day::Thursday => Self::Thursday,
            Day::Friday => Self::Friday,
            Day::Saturday => Self::Saturday,
            Day::Sunday => Self::Sunday,
        }
    }
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorldEvent {
    /// Names it; the request ids of all it sends begin with it, so that a restart repeats nothing.
    pub(crate) id: String,
    /// When.
    pub(crate) at: DateTime,
    /// Which account acts.
    pub(crate) by: String,
    /// What is done.
    pub(crate) does: Act,
}

/// What can be done.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Act {
    /// Writes the programme's document of that number (the file's documents count from 1) and submits it for review.
    SubmitPlan { document: usize },
    /// Approves the plan that is in review, by its hash.
    ApprovePlan {},
    /// Tells every practice of these waves.
    DeliverNotice { waves: Vec<u32>, channel: String },
    /// Practices pause, each with a request of its own.
    Pause { who: Who, end: PauseEnds, reason_code: String, evidence: String },
    /// Practices lift what they paused.
    Resume { who: Who, reason_code: String },
    /// Places a brake.
    PlaceHold { hold: String, scope: Scope, class: HoldGrounds, reason_code: String, review_on: Option<Date> },
    /// Lifts a brake by its name in this file.
    LiftHold { hold: String, reason_code: String },
    /// A person's verdict on a wave whose gate did not pass by itself; nothing where none waits for one.
    DecideGate { wave: u32, passes: bool, reason_code: String },
    /// A person has seen the halt that a wave's gate raised; nothing where it raised none.
    AcknowledgeHalt { wave: u32, reason_code: String },
    /// Lifts the halt that a wave's gate raised; nothing where it raised none.
    LiftHalt { wave: u32, reason_code: String },
    /// Practices put the code that demands a review before access into so many of their patients' records: their suppliers
    /// count those from the next return on, and they have no access.
    ExcludePatients { who: Who, share: Share },
    /// A supplier takes requests again, or refuses all of them.
    SupplierTakesRequests { supplier: Supplier, takes: bool },
}

/// Which practices do something.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Who {
    /// These.
    Practices(Vec<PracticeCode>),
    /// Those whose draw for `purpose` lies in `[from, below)`. Two events with the same purpose and ranges that do not
    /// overlap concern different practices.
    Drawn {
        purpose: String,
        from: f64,
        below: f64,
        #[serde(default)]
        suppliers: Vec<Supplier>,
        /// Those named by these events besides are left out.
        #[serde(default)]
        but_not: Vec<PracticeCode>,
    },
}

/// How a pause is to end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum PauseEnds {
    /// As the programme's default says.
    ProgrammeDefault,
    /// When the practice lifts it.
    FurtherNotice,
    /// At this civil moment.
    Until(DateTime),
}

/// Whom a brake covers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Scope {
    /// Everybody.
    National,
    /// A supplier's practices.
    Supplier(Supplier),
    /// A wave of the programme.
    Wave(u32),
    /// Those that these events of the file concern; members are fixed when it is placed.
    Those(Vec<String>),
}

/// On what grounds a brake is placed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HoldGrounds {
    Safety,
    Supplier,
    Legal,
    Capacity,
}

/// What is wrong with a world's file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorldError {
    #[error("cannot read the world {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{name} is not as expected: {reason}")]
    Malformed { name: String, reason: String },
    #[error("event {id} of the world is there twice; ids must be unique, since requests are named by them")]
    TwiceTheSameId { id: String },
    #[error("event {id} of the world is by {account}, which is not among its accounts")]
    UnknownAccount { id: String, account: String },
    #[error("event {id} of the world names the event or hold {named}, which is not in the file")]
    UnknownName { id: String, named: String },
}

impl World {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, WorldError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| WorldError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads and checks a world's text; `name` is what messages call it.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self, WorldError> {
        let world: Self = serde_saphyr::from_str(text)
            .map_err(|error| WorldError::Malformed { name: name.to_owned(), reason: error.to_string() })?;
        world.check()?;
        Ok(world)
    }

    /// The moment at which the story begins.
    pub(crate) fn start(&self) -> Timestamp {
        calendar::instant(self.starts_at)
    }

    /// The header by which an account of this world calls, with its roles and its organisation.
    pub(crate) fn caller(&self, account: &str) -> String {
        let (roles, organisation) = self.what_is(account);
        let organisation = organisation.map(|name| format!(";organisation={name}")).unwrap_or_default();
        format!("{account};roles={roles}{organisation}")
    }

    /// The same of an account that stands for every practice, each for itself: `practices@A81001`.
    pub(crate) fn caller_at(&self, account: &str, practice: PracticeCode) -> String {
        let (roles, _) = self.what_is(account);
        format!("{account}@{practice};roles={roles};organisation=practices/{practice}")
    }

    fn what_is(&self, account: &str) -> (String, Option<&str>) {
        let words = self.accounts.get(account).map(Vec::as_slice).unwrap_or_default();
        let is_role = |word: &&str| !word.contains('/');
        let words = || words.iter().map(String::as_str);
        (words().filter(is_role).collect::<Vec<_>>().join(","), words().find(|word| !is_role(word)))
    }

    fn check(&self) -> Result<(), WorldError> {
        let mut ids = BTreeSet::new();
        let holds: BTreeSet<&str> = self.events.iter().filter_map(WorldEvent::places).collect();
        for event in &self.events {
            let id = || event.id.clone();
            if !ids.insert(event.id.as_str()) {
                return Err(WorldError::TwiceTheSameId { id: id() });
            }
            if !self.accounts.contains_key(&event.by) {
                return Err(WorldError::UnknownAccount { id: id(), account: event.by.clone() });
            }
            if let Act::LiftHold { hold, .. } = &event.does
                && !holds.contains(hold.as_str())
            {
                return Err(WorldError::UnknownName { id: id(), named: hold.clone() });
            }
        }
        for event in &self.events {
            if let Act::PlaceHold { scope: Scope::Those(events), .. } = &event.does
                && let Some(named) = events.iter().find(|named| !ids.contains(named.as_str()))
            {
                return Err(WorldError::UnknownName { id: event.id.clone(), named: named.clone() });
            }
        }
        Ok(())
    }

    /// Whether somebody else was to lift the same hold before: then this is the second of two people.
    pub(crate) fn is_second_to_lift(&self, event: &WorldEvent) -> bool {
        let Act::LiftHold { hold, .. } = &event.does else { return false };
        let lifts_it = |other: &&WorldEvent| matches!(&other.does, Act::LiftHold { hold: other, .. } if other == hold);
        let mut others = self.events.iter().filter(lifts_it);
        others.any(|other| other.by != event.by && other.moment() < event.moment())
    }

    /// The share of its patients that a practice excludes as the events up to `moment` have it, where it does; of several the
    /// last counts.
    pub(crate) fn excluded(
        &self,
        seed: u64,
        practices: &BTreeMap<PracticeCode, Supplier>,
        moment: Timestamp,
    ) -> BTreeMap<PracticeCode, Share> {
        let mut events: Vec<&WorldEvent> = self.events.iter().filter(|event| event.moment() <= moment).collect();
        events.sort_by_key(|event| event.moment());
        let mut excluded = BTreeMap::new();
        for event in events {
            if let Act::ExcludePatients { who, share } = &event.does {
                excluded.extend(who.of(seed, practices).into_iter().map(|code| (code, *share)));
            }
        }
        excluded
    }

    /// The practices that the events of these names concern, in order.
    pub(crate) fn concerned(
        &self,
        seed: u64,
        events: &[String],
        practices: &BTreeMap<PracticeCode, Supplier>,
    ) -> BTreeSet<PracticeCode> {
        let named = self.events.iter().filter(|event| events.contains(&event.id));
        let who = named.filter_map(|event| match &event.does {
            Act::Pause { who, .. } | Act::Resume { who, .. } => Some(who),
            _ => None,
        });
        who.flat_map(|who| who.of(seed, practices)).collect()
    }
}

impl WorldEvent {
    /// The moment at which it happens.
    pub(crate) fn moment(&self) -> Timestamp {
        calendar::instant(self.at)
    }

    /// The name of the brake that it places.
    fn places(&self) -> Option<&str> {
        match &self.does {
            Act::PlaceHold { hold, .. } => Some(hold),
            _ => None,
        }
    }
}

impl Who {
    /// The practices that are meant, in order of code.
    pub(crate) fn of(&self, seed: u64, practices: &BTreeMap<PracticeCode, Supplier>) -> Vec<PracticeCode> {
        match self {
            Self::Practices(codes) => codes.clone(),
            Self::Drawn { purpose, from, below, suppliers, but_not } => {
                let drawn = |code: PracticeCode| draw(seed, purpose, code, 0, 0).unit();
                let meant = practices.iter().filter(|(code, supplier)| {
                    (suppliers.is_empty() || suppliers.contains(supplier))
                        && !but_not.contains(code)
                        && (*from..*below).contains(&drawn(**code))
                });
                meant.map(|(code, _)| *code).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn practices(count: u32) -> BTreeMap<PracticeCode, Supplier> {
        let code = |n: u32| format!("A{:05}", 10_000 + n).parse().unwrap();
        (0..count).map(|n| (code(n), if n % 2 == 0 { "EMIS" } else { "TPP" }.parse().unwrap())).collect()
    }

    fn drawn(from: f64, below: f64) -> Who {
        Who::Drawn { purpose: "asks".to_owned(), from, below, suppliers: Vec::new(), but_not: Vec::new() }
    }

    #[test]
    fn ranges_that_do_not_overlap_concern_different_practices_and_together_all() {
        let practices = practices(2_000);
        let first = drawn(0.0, 0.3).of(7, &practices);
        let second = drawn(0.3, 1.0).of(7, &practices);
        assert!((500..700).contains(&first.len()), "{}", first.len());
        assert_eq!(first.len() + second.len(), practices.len());
        assert!(first.iter().all(|code| !second.contains(code)));
    }

    #[test]
    fn who_is_meant_does_not_depend_on_how_many_others_there_are() {
        let few = drawn(0.0, 0.3).of(7, &practices(100));
        let many = drawn(0.0, 0.3).of(7, &practices(200));
        assert!(few.iter().all(|code| many.contains(code)));
    }

    #[test]
    fn exclusions_count_from_their_moment_on_and_the_last_of_a_practice_counts() {
        let event = |at: &str, share: &str| -> WorldEvent {
            let does = format!("exclude-patients: {{who: {{practices: [A10001]}}, share: {share}}}");
            serde_saphyr::from_str(&format!("id: {at}\nat: {at}\nby: practices\ndoes: {{{does}}}\n")).unwrap()
        };
        let mut world = World::parse(super::super::WORLD, "world").unwrap();
        world.events = vec![event("2031-03-10T09:00", "0.25"), event("2031-03-03T09:00", "0.75")];
        let excluded = |at: &str| {
            let excluded = world.excluded(7, &practices(3), at.parse().unwrap());
            excluded.into_iter().map(|(code, share)| (code.to_string(), f64::from(share))).collect::<Vec<_>>()
        };
        assert_eq!(excluded("2031-03-03T08:59:59Z"), []);
        assert_eq!(excluded("2031-03-03T09:00:00Z"), [("A10001".to_owned(), 0.75)]);
        assert_eq!(excluded("2031-03-10T09:00:00Z"), [("A10001".to_owned(), 0.25)]);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        let error = serde_saphyr::from_str::<WorldEvent>(
            "id: a\nat: 2031-03-03T09:00\nby: lead\ndoes: {approve-plan: {}}\nwhen: now\n",
        );
        let message = error.unwrap_err().to_string();
        assert!(message.contains("when"), "{message}");
    }
}
