//! Room under the caps at an instant (rule 4), and who may use it (rule 12).
//!
//! A cap is written in a programme's document and binds what that programme seals; what counts against it is whatever is
//! under way or was sealed, of every programme and capability: it protects a supplier's desk and an area's helpline, which
//! do not ask which programme a practice is in. Programmes take their turns in the order of their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use ods::{IcbCode, Supplier};

use crate::blocker::words::Day;
use crate::spec::{CapSet, Caps};
use crate::state::{Activation, CapScope, Load, Loads, Programme, State, scopes};

/// What is left under caps, while slots are handed out one after another: programme by programme, each by its own caps.
pub(crate) struct Room<'a> {
    state: &'a State,
    /// Of the programme whose turn it is; none before the first, and where no plan of its is in force.
    caps: Option<&'a Caps>,
    in_flight: Loads,
    /// What counts on a day, for the days asked about.
    days: BTreeMap<Date, Loads>,
    today: Date,
    /// Scopes whose in-flight room is kept for a practice that stands before: nobody else may take it, or small
    /// practices would use up for ever what a large one waits for.
    kept: BTreeSet<CapScope>,
}

/// A cap that leaves no room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Full {
    /// The cap of a civil date.
    Daily {
        /// Whose.
        scope: CapScope,
        /// Which date.
        date: Date,
    },
    /// The cap on what is under way.
    InFlight {
        /// Whose.
        scope: CapScope,
    },
}

impl Full {
    /// Whose cap it is.
    #[must_use]
    pub fn scope(&self) -> &CapScope {
        match self {
            Self::Daily { scope, .. } | Self::InFlight { scope } => scope,
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily { scope, date } => write!(out, "the cap of {} for {scope} is used up", Day(*date)),
            Self::InFlight { scope } => write!(out, "the cap on what is under way for {scope} is used up"),
        }
    }
}

impl<'a> Room<'a> {
    /// The room there is on a civil date, with nobody's turn begun.
    pub(crate) fn on(state: &'a State, today: Date) -> Self {
        let in_flight = sum(state.programmes.values().map(|programme| &programme.in_flight));
        Self { state, caps: None, in_flight, days: BTreeMap::new(), today, kept: BTreeSet::new() }
    }

    /// The room of one programme on a civil date.
    pub(crate) fn of(state: &'a State, programme: &'a Programme, today: Date) -> Self {
        let mut room = Self::on(state, today);
        room.turn_to(programme);
        room
    }

    /// Begins a programme's turn: its caps bind from now on, and slots taken before count. What was kept for a practice of
    /// another programme is kept no longer: what one waits for in vain must not stop the other (I21).
    pub(crate) fn turn_to(&mut self, programme: &'a Programme) {
        self.caps = programme.plan().map(|plan| &plan.spec.caps);
        self.kept.clear();
    }

    /// Takes a slot that counts on `date`, if there is room for it.
    ///
    /// # Errors
    /// The first cap in the way. If it is an in-flight cap, what it still has is kept for this practice.
    pub(crate) fn take(
        &mut self,
        supplier: &Supplier,
        icb: Option<IcbCode>,
        load: Load,
        date: Date,
    ) -> Result<(), Full> {
        let Some(caps) = self.caps else { return Ok(()) };
        self.fits_day(supplier, icb, load, date)?;
        for scope in scopes(supplier, icb) {
            if self.kept.contains(&scope) || !fits(&self.in_flight, &caps.in_flight, &scope, load) {
                self.kept.insert(scope.clone());
                return Err(Full::InFlight { scope });
            }
        }
        self.day(date).add(supplier, icb, load);
        self.in_flight.add(supplier, icb, load);
        Ok(())
    }

    /// The same by the caps of the day alone: for whoever looks further ahead than anything is under way.
    ///
    /// # Errors
    /// The first daily cap in the way.
    pub(crate) fn take_of_day(
        &mut self,
        supplier: &Supplier,
        icb: Option<IcbCode>,
        load: Load,
        date: Date,
    ) -> Result<(), Full> {
        self.fits_day(supplier, icb, load, date)?;
        self.day(date).add(supplier, icb, load);
        Ok(())
    }

    fn fits_day(&mut self, supplier: &Supplier, icb: Option<IcbCode>, load: Load, date: Date) -> Result<(), Full> {
        let Some(caps) = self.caps else { return Ok(()) };
        let daily = self.day(date);
        match scopes(supplier, icb).find(|scope| !fits(daily, &caps.daily, scope, load)) {
            Some(scope) => Err(Full::Daily { scope, date }),
            None => Ok(()),
        }
    }

    fn day(&mut self, date: Date) -> &mut Loads {
        self.days.entry(date).or_insert_with(|| counted(self.state, date, self.today))
    }

    /// Whether no practice of whatever size, supplier or ICB can have another slot on `date`.
    pub(crate) fn is_used_up(&mut self, date: Date) -> Option<Full> {
        let caps = self.caps?;
        let one = Load { practices: 1, patients: 0 };
        let scope = CapScope::National;
        if !self.day(date).of(&scope).plus(one).within(caps.daily.national) {
            return Some(Full::Daily { scope, date });
        }
        let in_flight = self.in_flight.of(&scope).plus(one);
        (self.kept.contains(&scope) || !in_flight.within(caps.in_flight.national)).then_some(Full::InFlight { scope })
    }
}

fn fits(loads: &Loads, caps: &CapSet, scope: &CapScope, load: Load) -> bool {
    loads.of(scope).plus(load).within(caps.of(scope))
}

/// What counts on a date: what was sealed or booked for it, and today what has a slot and will be sealed.
fn counted(state: &State, date: Date, today: Date) -> Loads {
    let sealed = sealed_for(state, date);
    if date != today {
        return sealed;
    }
    sealed.plus(&sum(state.programmes.values().map(|programme| &programme.reserved)))
}

/// What was sealed or booked for a date, of every programme.
pub(crate) fn sealed_for(state: &State, date: Date) -> Loads {
    sum(state.programmes.values().filter_map(|programme| programme.daily.get(&date)))
}

fn sum<'a>(loads: impl Iterator<Item = &'a Loads>) -> Loads {
    loads.fold(Loads::default(), |sum, one| sum.plus(one))
}

/// Whether one more of a programme can be sealed, with what is `sealed` for its day, by whatever programme. What is merely
/// reserved does not count: it was when the slot was given, and may have been on another day.
pub(crate) fn may_seal(programme: &Programme, sealed: &Loads, activation: &Activation) -> bool {
    let Some(plan) = programme.plan() else { return false };
    let caps = &plan.spec.caps.daily;
    scopes(&activation.supplier, activation.icb)
        .all(|scope| sealed.of(&scope).plus(activation.load()).within(caps.of(&scope)))
}
