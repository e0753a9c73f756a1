//! Room under the caps at an instant (rule 4), and who may use it (rule 12).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use ods::{IcbCode, Supplier};

use crate::spec::{CapSet, Caps};
use crate::state::{Activation, CapScope, Load, Loads, Programme, scopes};

/// What is left under a programme's caps, while slots are handed out one after another.
pub(crate) struct Room<'a> {
    caps: Option<&'a Caps>,
    programme: &'a Programme,
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
            Self::Daily { scope, date } => write!(out, "the cap of {date} for {scope} is used up"),
            Self::InFlight { scope } => write!(out, "the cap on what is under way for {scope} is used up"),
        }
    }
}

impl<'a> Room<'a> {
    /// The room of a programme on a civil date.
    pub(crate) fn of(programme: &'a Programme, today: Date) -> Self {
        Self {
            caps: programme.plan().map(|plan| &plan.spec.caps),
            programme,
            in_flight: programme.in_flight.clone(),
            days: BTreeMap::new(),
            today,
            kept: BTreeSet::new(),
        }
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
        let fits = |loads: &Loads, caps: &CapSet, scope: &CapScope| loads.of(scope).plus(load).within(caps.of(scope));
        let daily = self.days.entry(date).or_insert_with(|| counted(self.programme, date, self.today));
        for scope in scopes(supplier, icb) {
            if !fits(daily, &caps.daily, &scope) {
                return Err(Full::Daily { scope, date });
            }
        }
        for scope in scopes(supplier, icb) {
            if self.kept.contains(&scope) || !fits(&self.in_flight, &caps.in_flight, &scope) {
                self.kept.insert(scope.clone());
                return Err(Full::InFlight { scope });
            }
        }
        daily.add(supplier, icb, load);
        self.in_flight.add(supplier, icb, load);
        Ok(())
    }

    /// Whether no practice of whatever size, supplier or ICB can have another slot on `date`.
    pub(crate) fn is_used_up(&mut self, date: Date) -> Option<Full> {
        let caps = self.caps?;
        let one = Load { practices: 1, patients: 0 };
        let scope = CapScope::National;
        let daily = self.days.entry(date).or_insert_with(|| counted(self.programme, date, self.today));
        if !daily.of(&scope).plus(one).within(caps.daily.national) {
            return Some(Full::Daily { scope, date });
        }
        let in_flight = self.in_flight.of(&scope).plus(one);
        (self.kept.contains(&scope) || !in_flight.within(caps.in_flight.national)).then_some(Full::InFlight { scope })
    }
}

/// What counts on a date: what was sealed or booked for it, and today what has a slot and will be sealed.
pub(crate) fn counted(programme: &Programme, date: Date, today: Date) -> Loads {
    let sealed = programme.daily.get(&date).cloned().unwrap_or_default();
    if date == today { sealed.plus(&programme.reserved) } else { sealed }
}

/// Whether one more can be sealed on `date`, with what was sealed for it before and what this decision `added`. What is
/// merely reserved does not count: it was when the slot was given, and may have been on another day.
pub(crate) fn may_seal_on(programme: &Programme, date: Date, added: &Loads, activation: &Activation) -> bool {
    let Some(plan) = programme.plan() else { return false };
    let caps = &plan.spec.caps.daily;
    let sealed = programme.daily.get(&date).cloned().unwrap_or_default();
    scopes(&activation.supplier, activation.icb)
        .all(|scope| sealed.of(&scope).plus(added.of(&scope)).plus(activation.load()).within(caps.of(&scope)))
}
