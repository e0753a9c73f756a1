//! Who may be in a wave, in the wave's fixed order (rule 7).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use ods::PracticeCode;

use super::expand::{Drafting, Expansion, wrong_at};
use super::free::Free;
use super::{PlacedBy, WaveRules};
use crate::cohort::Cohort;
use crate::spec::{Mode, Order, Violation, WaveSpec, Wrong, booked_in};
use crate::view::PracticeFacts;

/// A wave of the document, read: its place there, what holds for it, whom it is for.
pub(super) struct Compiled<'a> {
    pub(super) path: String,
    pub(super) spec: &'a WaveSpec,
    pub(super) rules: WaveRules,
    pub(super) cohort: Option<Cohort>,
    /// Whether a strategy made it.
    pub(super) of_strategy: bool,
    /// Whether it takes only those who have been told of its date or an earlier one: it begins too soon to tell others. A
    /// listed wave never does: it is refused if somebody cannot be told in time (rule 11).
    pub(super) told_only: bool,
}

impl<'a> Compiled<'a> {
    pub(super) fn read(at: Expansion<'_>, path: String, spec: &'a WaveSpec) -> Result<Self, Vec<Violation>> {
        let rules =
            WaveRules::of(at.spec, spec, at.now).map_err(|wrong| wrong_at(format!("{path}.windows"), wrong.into()))?;
        let cohort = spec.cohort.as_deref().map(Cohort::parse).transpose();
        let cohort = cohort.map_err(|error| wrong_at(format!("{path}.cohort"), Wrong::Cohort(error)))?;
        Ok(Self { path, spec, rules, cohort, of_strategy: false, told_only: false })
    }
}

impl Drafting<'_> {
    /// Who may be in a wave, in its fixed order, with what puts them there.
    pub(super) fn matching(&mut self, compiled: &Compiled<'_>) -> Vec<(PracticeCode, PlacedBy)> {
        let Compiled { path, spec: wave, cohort, .. } = compiled;
        let listed: BTreeSet<PracticeCode> = wave.practices.iter().copied().collect();
        for practice in &listed {
            if !self.at.view.get(*practice).is_some_and(|facts| facts.open) {
                let field = format!("{path}.practices");
                self.violations.push(Violation { field, wrong: Wrong::UnknownPractice(*practice) });
            }
        }
        let mut matching = Vec::new();
        for (code, free) in &self.free {
            let by = match free.deferred_to {
                Some(later) => (later == wave.wave).then_some(PlacedBy::Deferral),
                None if !self.supplied(wave, free) || !free.suits(wave) || !self.may_be_told(compiled, *code) => None,
                None if !listed.is_empty() => listed.contains(code).then_some(PlacedBy::List),
                None => cohort.as_ref().is_none_or(|cohort| cohort.has(free.facts)).then_some(PlacedBy::Cohort),
            };
            if let Some(by) = by {
                matching.push((*code, by));
            }
        }
        if matching.is_empty() && !self.is_for_anybody(wave, cohort.as_ref(), &listed) {
            self.violations.push(Violation { field: format!("{path}.cohort"), wrong: Wrong::EmptyCohort });
        }
        let places = self.representative_places(wave, &matching);
        let key = |(code, by): &(PracticeCode, PlacedBy)| {
            let free = &self.free[code];
            let by_order = match wave.order {
                Order::Drawn => free.drawn,
                Order::Representative => places.get(code).copied().unwrap_or(u64::MAX),
                Order::LargestFirst => u64::MAX - u64::from(free.facts.list_size),
                Order::SmallestFirst => u64::from(free.facts.list_size),
                Order::Code => 0,
            };
            // Who was deferred to this wave has waited longest.
            (*by != PlacedBy::Deferral, by_order, *code)
        };
        matching.sort_by_cached_key(key);
        matching
    }

    /// Whether a wave that nobody is left for is for somebody all the same: for those deferred to it, or for practices that
    /// are on, have paused, or are in earlier waves. Otherwise it was meant otherwise.
    fn is_for_anybody(&self, wave: &WaveSpec, cohort: Option<&Cohort>, listed: &BTreeSet<PracticeCode>) -> bool {
        let deferred_here = self.at.spec.waves.iter().any(|other| other.deferred_to == Some(wave.wave));
        let of_supplier = |facts: &PracticeFacts| {
            wave.suppliers.is_empty() || facts.supplier.as_ref().is_some_and(|one| wave.suppliers.contains(one))
        };
        let meant = |facts: &&PracticeFacts| {
            let named =
                if listed.is_empty() { cohort.is_none_or(|one| one.has(facts)) } else { listed.contains(&facts.code) };
            named && of_supplier(facts)
        };
        deferred_here || self.members.iter().copied().any(|facts| meant(&facts))
    }

    /// Whether the wave is for the practice's supplier, and drives it in a way that has a date in this wave.
    fn supplied(&self, wave: &WaveSpec, free: &Free<'_>) -> bool {
        let Some(supplier) = &free.facts.supplier else { return false };
        if !wave.suppliers.is_empty() && !wave.suppliers.contains(supplier) {
            return false;
        }
        let Some(mode) = self.at.spec.mode_of(wave, supplier) else { return false };
        mode != Mode::BookedDates || !self.booked(wave, free).is_empty()
    }

    pub(super) fn booked(&self, wave: &WaveSpec, free: &Free<'_>) -> Vec<Date> {
        let supplier = free.facts.supplier.as_ref().and_then(|supplier| self.at.spec.suppliers.get(supplier));
        supplier.map(|spec| booked_in(spec, wave.from, wave.last_date(), self.at.now)).unwrap_or_default()
    }

    /// Where each practice stands in an order that resembles England, if the wave is to.
    fn representative_places(
        &self,
        wave: &WaveSpec,
        matching: &[(PracticeCode, PlacedBy)],
    ) -> BTreeMap<PracticeCode, u64> {
        let Some(england) = self.england.as_ref().filter(|_| wave.order == Order::Representative) else {
            return BTreeMap::new();
        };
        let free = matching.iter().map(|(code, _)| &self.free[code]);
        let order = england.order(free.map(|free| (free.facts, free.drawn)));
        order.into_iter().zip(0..).collect()
    }
}
