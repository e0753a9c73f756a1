//! Geography of a chosen day: any practice in the codes that were, or are, in use on that day.
//!
//! Organisations merge, split and change codes, and figures of years are compared in the codes of one day. What a
//! practice was said to belong to on the day comes first. Where that is older than what was said of the organisations
//! themselves, they are followed: a practice's ICB is that of its sub-ICB, an ICB's region its own. Nothing is guessed:
//! an organisation that closed is followed only where all that left it went to one and the same; else its code stays.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PcnCode, RegionCode, SubIcbCode};

use crate::facts::{Fact, Facts};
use crate::practice::Practice;
use crate::state::State;

/// Longest chain of organisations that closed one after the other; more is a circle.
const SUCCESSIONS_MAX: usize = 10;

/// Where a practice is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geography {
    /// Its network; None where it is in none.
    pub pcn: Option<PcnCode>,
    /// Its sub-ICB location.
    pub sub_icb: Option<SubIcbCode>,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
}

/// The codes of one day, by what was known at one moment.
#[derive(Debug)]
pub struct Codes<'a> {
    state: &'a State,
    day: Date,
    known_at: Timestamp,
    // Found out only where an organisation has closed, since it takes a look at every practice.
    moves: OnceLock<Moves>,
}

/// A code, and from when that was said; None for the day of a beginning that was said later.
struct Place<T> {
    code: T,
    said_from: Option<Date>,
}

impl<T> Place<T> {
    /// Does this word stand against another that holds from `from`? It does where it is as late, and where the other
    /// begins only after `day`.
    fn stands_against(&self, from: Date, day: Date) -> bool {
        self.said_from.is_some_and(|said_from| said_from >= from || from > day)
    }
}

impl<'a> Codes<'a> {
    /// The codes of `day`, by what was recorded up to `known_at`.
    #[must_use]
    pub fn of(state: &'a State, day: Date, known_at: Timestamp) -> Self {
        Self { state, day, known_at, moves: OnceLock::new() }
    }

    /// Where the practice is, in these codes.
    #[must_use]
    pub fn geography(&self, practice: &Practice) -> Geography {
        let pcn = self.own(practice.pcn.as_ref());
        let sub_icb = self.own(practice.sub_icb.as_ref());
        let icb = self.of_parent(self.own(practice.icb.as_ref()), sub_icb.as_ref());
        let region = self.of_parent(self.own(practice.region.as_ref()), icb.as_ref());
        Geography {
            pcn: pcn.map(|place| place.code).filter(|code| !code.is_unallocated()),
            sub_icb: sub_icb.map(|place| place.code),
            icb: icb.map(|place| place.code),
            region: region.map(|place| place.code),
        }
    }

    /// What the practice's own facts say; before the first of them, the first, where there was such a thing on the day.
    fn own<T: AsRef<str> + Copy + PartialEq + for<'t> TryFrom<&'t str>>(
        &self,
        facts: Option<&Facts<T>>,
    ) -> Option<Place<T>> {
        let facts = facts?;
        let place = match facts.as_of(self.day, self.known_at) {
            Some(fact) => Place { code: fact.value, said_from: Some(fact.effective_from) },
            None => {
                let first = *facts.history(self.known_at).first()?;
                self.entry(first.value.as_ref())?;
                Place { code: first.value, said_from: None }
            }
        };
        Some(self.followed(place))
    }

    /// The organisation above `below`, where that was said of it later than the practice's own word.
    fn of_parent<T, B>(&self, own: Option<Place<T>>, below: Option<&Place<B>>) -> Option<Place<T>>
    where
        T: AsRef<str> + Copy + PartialEq + for<'t> TryFrom<&'t str>,
        B: AsRef<str>,
    {
        let entry = below.and_then(|below| self.entry(below.code.as_ref()));
        let parent = entry.and_then(|entry| Some((T::try_from(entry.value.parent.as_str()).ok()?, entry)));
        match (own, parent) {
            (Some(own), Some((_, entry))) if own.stands_against(entry.effective_from, self.day) => Some(own),
            (_, Some((code, entry))) => Some(self.followed(Place { code, said_from: Some(entry.effective_from) })),
            (own, None) => own,
        }
    }

    fn entry(&self, code: &str) -> Option<&'a Fact<crate::OrganisationEntry>> {
        self.state.organisation(code)?.as_of(self.day, self.known_at)
    }

    /// The only successor of an organisation that has closed, and its successor in turn.
    fn followed<T: AsRef<str> + Copy + for<'t> TryFrom<&'t str>>(&self, place: Place<T>) -> Place<T> {
        let mut place = place;
        for _ in 0..SUCCESSIONS_MAX {
            let known = self.state.organisation(place.code.as_ref());
            let Some(close) = known.and_then(|known| known.lifetime(self.known_at).close) else { return place };
            if close > self.day {
                return place;
            }
            let moves = self.moves.get_or_init(|| Moves::up_to(self.state, self.day, self.known_at));
            let successor = moves.only_successor(place.code.as_ref()).and_then(|code| T::try_from(code).ok());
            let Some(code) = successor else { return place };
            place = Place { code, said_from: place.said_from.max(Some(close)) };
        }
        place
    }
}

/// How many practices went from which organisation to which, each time one did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    to: BTreeMap<String, BTreeMap<String, u32>>,
    from: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Moves {
    /// The moves up to `day`, by what was recorded up to `known_at`. Leaving a PCN for none, or joining one out of none,
    /// is no move.
    #[must_use]
    pub fn up_to(state: &State, day: Date, known_at: Timestamp) -> Self {
        let mut moves = Self::default();
        for practice in state.practices() {
            moves.add(practice.pcn.as_ref(), day, known_at);
            moves.add(practice.sub_icb.as_ref(), day, known_at);
            moves.add(practice.icb.as_ref(), day, known_at);
            moves.add(practice.region.as_ref(), day, known_at);
        }
        moves
    }

    /// Where practices of the organisation went, and how many, by code.
    #[must_use]
    pub fn successors(&self, code: &str) -> Option<&BTreeMap<String, u32>> {
        self.to.get(code)
    }

    /// Where practices of the organisation came from, and how many, by code.
    #[must_use]
    pub fn predecessors(&self, code: &str) -> Option<&BTreeMap<String, u32>> {
        self.from.get(code)
    }

    fn only_successor(&self, code: &str) -> Option<&str> {
        let mut successors = self.successors(code)?.keys();
        let first = successors.next()?;
        successors.next().is_none().then_some(first.as_str())
    }

    fn add<T: AsRef<str> + PartialEq>(&mut self, facts: Option<&Facts<T>>, day: Date, known_at: Timestamp) {
        let Some(facts) = facts.filter(|facts| facts.iter().nth(1).is_some()) else { return };
        for pair in facts.history(known_at).windows(2) {
            let [before, after] = pair else { continue };
            let (from, to) = (before.value.as_ref(), after.value.as_ref());
            let unallocated = PcnCode::UNALLOCATED.as_str();
            if from == to || after.effective_from > day || from == unallocated || to == unallocated {
                continue;
            }
            *self.to.entry(from.to_owned()).or_default().entry(to.to_owned()).or_default() += 1;
            *self.from.entry(to.to_owned()).or_default().entry(from.to_owned()).or_default() += 1;
        }
    }
}
