//! Which terms differ between two plans: the programme's and each wave's, and whether each widens or narrows.
//!
//! Titles, seeds and cohorts are listed and do neither by themselves: what they do to practices shows in who moves.

use std::collections::BTreeSet;
use std::fmt;

use super::bearing::{Bearing, Most, is_frozen_by};
use super::terms::Terms;
use super::{Plan, PlannedWave, WaveRules};
use crate::calendar::FreezeDays;
use crate::id::WaveId;
use crate::spec::{Cap, CapSet, ItemSpec, Mode, ProgrammeSpec, SupplierSpec};

/// One term that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The wave it is of; none where it is the whole programme's.
    pub wave: Option<WaveId>,
    /// Its name in the document: `gate.min_success`. `wave` where the wave itself comes or goes, `place` where it no longer
    /// stands behind others.
    pub field: String,
    /// What it was; empty where there was nothing.
    pub before: String,
    /// What it is now; empty where there is nothing.
    pub after: String,
    /// Whether it lets more happen.
    pub bearing: Bearing,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wave) = self.wave {
            write!(out, "{wave}: ")?;
        }
        let said = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        write!(out, "{}: {} to {}", self.field, said(&self.before), said(&self.after))?;
        if self.bearing == Bearing::Neither { Ok(()) } else { write!(out, " ({})", self.bearing) }
    }
}

/// The terms that differ: the programme's in the order of the document, then each wave's. Waves that have passed stand before
/// nobody any more.
pub(super) fn changes(old: &Plan, new: &Plan, passed: &BTreeSet<WaveId>) -> Vec<Change> {
    let mut comparison = Comparison::default();
    comparison.programme(&old.spec, &new.spec);
    for wave in &new.waves {
        comparison.wave = Some(wave.id);
        match old.wave(wave.id) {
            Some(former) => {
                let (before, now) = (Terms::of(old, former, passed), Terms::of(new, wave, passed));
                comparison.terms(&before, &now);
                comparison.place(&now.overtaken_of(&before, new));
            }
            None => comparison.say("wave", "", &dates(&wave.rules), Bearing::Neither),
        }
    }
    for (place, wave) in old.waves.iter().enumerate().filter(|(_, wave)| new.wave(wave.id).is_none()) {
        comparison.wave = Some(wave.id);
        // A gate that failed would have kept everybody behind it back.
        let stood_before = |later: &PlannedWave| !later.members.is_empty();
        let was_a_gate = !passed.contains(&wave.id) && old.waves[place + 1..].iter().any(stood_before);
        let bearing = if was_a_gate { Bearing::Widens } else { Bearing::Neither };
        comparison.say("wave", &dates(&wave.rules), "", bearing);
    }
    comparison.changes
}

fn dates(rules: &WaveRules) -> String {
    if rules.from == rules.until { rules.from.to_string() } else { format!("{} until {}", rules.from, rules.until) }
}

/// Changes found so far.
#[derive(Default)]
pub(super) struct Comparison {
    wave: Option<WaveId>,
    pub(super) changes: Vec<Change>,
}

impl Comparison {
    /// Adds a change. Nothing is one that reads the same before and after.
    pub(super) fn say(&mut self, field: &str, before: &str, after: &str, bearing: Bearing) {
        if before != after {
            let (before, after) = (before.to_owned(), after.to_owned());
            self.changes.push(Change { wave: self.wave, field: field.to_owned(), before, after, bearing });
        }
    }

    pub(super) fn more_widens<T: Ord + fmt::Display>(&mut self, field: &str, before: &T, after: &T) {
        self.say(field, &before.to_string(), &after.to_string(), Bearing::of_more(before, after));
    }

    pub(super) fn less_widens<T: Ord + fmt::Display>(&mut self, field: &str, before: &T, after: &T) {
        self.say(field, &before.to_string(), &after.to_string(), Bearing::of_more(after, before));
    }

    /// That a wave no longer stands behind some that may fail.
    fn place(&mut self, overtaken: &[WaveId]) {
        if !overtaken.is_empty() {
            let list = overtaken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.say("place", &format!("behind {list}"), &format!("ahead of {list}"), Bearing::Widens);
        }
    }

    /// What does neither by itself.
    pub(super) fn mention(&mut self, field: &str, before: &impl fmt::Display, after: &impl fmt::Display) {
        self.say(field, &before.to_string(), &after.to_string(), Bearing::Neither);
    }

    fn programme(&mut self, old: &ProgrammeSpec, new: &ProgrammeSpec) {
        self.mention("title", &old.title, &new.title);
        self.mention("objective", &old.objective, &new.objective);
        let deadline = |spec: &ProgrammeSpec| spec.deadline.as_ref().map(|one| format!("{} ({})", one.date, one.basis));
        self.mention("deadline", &deadline(old).unwrap_or_default(), &deadline(new).unwrap_or_default());
        self.mention("cohort", &old.cohort, &new.cohort);
        self.mention("seed", &old.seed, &new.seed);
        // A plan's document was checked: no freeze ends before it begins.
        let freezes = |spec: &ProgrammeSpec| spec.freeze_days().unwrap_or_default();
        self.freezes("freezes", &freezes(old), &freezes(new));
        self.caps("caps.daily", &old.caps.daily, &new.caps.daily);
        self.caps("caps.in_flight", &old.caps.in_flight, &new.caps.in_flight);
        self.readiness(old, new);
        let suppliers: BTreeSet<_> = old.suppliers.keys().chain(new.suppliers.keys()).collect();
        for supplier in suppliers {
            let field = format!("suppliers.{supplier}");
            match (old.suppliers.get(supplier), new.suppliers.get(supplier)) {
                (Some(old), Some(new)) => self.supplier(&field, old, new),
                (old, new) => {
                    let mode = |spec: Option<&SupplierSpec>| spec.map(|spec| spec.mode.to_string()).unwrap_or_default();
                    self.say(&field, &mode(old), &mode(new), Bearing::Neither);
                }
            }
        }
        self.mention("keep_together", &old.keep_together, &new.keep_together);
        let strategy = |spec: &ProgrammeSpec| spec.strategy.as_ref().map(ToString::to_string).unwrap_or_default();
        self.mention("strategy", &strategy(old), &strategy(new));
    }

    fn freezes(&mut self, field: &str, before: &FreezeDays, after: &FreezeDays) {
        let bearing = Bearing::of_cover(is_frozen_by(before, after), is_frozen_by(after, before));
        let said = |days: &FreezeDays| {
            let each =
                days.iter().map(|freeze| format!("{} until {} ({})", freeze.first(), freeze.last(), freeze.why()));
            each.collect::<Vec<_>>().join(", ")
        };
        self.say(field, &said(before), &said(after), bearing);
    }

    fn caps(&mut self, field: &str, old: &CapSet, new: &CapSet) {
        self.cap(&format!("{field}.national"), old.national, new.national);
        self.cap(&format!("{field}.each_supplier"), old.each_supplier, new.each_supplier);
        for supplier in old.suppliers.keys().chain(new.suppliers.keys()).collect::<BTreeSet<_>>() {
            let of = |caps: &CapSet| caps.suppliers.get(supplier).copied().unwrap_or(caps.each_supplier);
            self.cap(&format!("{field}.suppliers.{supplier}"), of(old), of(new));
        }
        self.cap(&format!("{field}.each_icb"), old.each_icb, new.each_icb);
        for icb in old.icbs.keys().chain(new.icbs.keys()).collect::<BTreeSet<_>>() {
            let of = |caps: &CapSet| caps.icbs.get(icb).copied().unwrap_or(caps.each_icb);
            self.cap(&format!("{field}.icbs.{icb}"), of(old), of(new));
        }
    }

    fn cap(&mut self, field: &str, old: Cap, new: Cap) {
        let practices = |cap: Cap| Most(cap.practices.map(u64::from));
        self.more_widens(&format!("{field}.practices"), &practices(old), &practices(new));
        self.more_widens(&format!("{field}.patients"), &Most(old.patients), &Most(new.patients));
    }

    /// Without a template what a practice has begun stands in its way, with one what the template demands does: neither is
    /// less than the other.
    fn readiness(&mut self, old: &ProgrammeSpec, new: &ProgrammeSpec) {
        let (before, after) = match (&old.readiness, &new.readiness) {
            (None, None) => return,
            (Some(before), Some(after)) => (before, after),
            (before, _) => {
                let (begun, demanded) = ("what a practice has begun", "a template");
                let (before, after) = if before.is_none() { (begun, demanded) } else { (demanded, begun) };
                self.say("readiness", before, after, Bearing::Widens);
                return;
            }
        };
        for item in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let field = format!("readiness.{item}");
            let demanded = |item: Option<&ItemSpec>| item.filter(|item| item.required).cloned();
            match (demanded(before.get(item)), demanded(after.get(item))) {
                (None, None) => {}
                (None, Some(_)) => self.say(&field, "", "demanded", Bearing::Narrows),
                (Some(_), None) => self.say(&field, "demanded", "", Bearing::Widens),
                (Some(before), Some(after)) => {
                    let field_of = |name: &str| format!("{field}.{name}");
                    let (was, is) = (before.may_be_not_applicable, after.may_be_not_applicable);
                    self.more_widens(&field_of("may_be_not_applicable"), &was, &is);
                    let days = |item: &ItemSpec| Most(item.valid_for_days.map(u64::from));
                    self.more_widens(&field_of("valid_for_days"), &days(&before), &days(&after));
                }
            }
        }
    }

    fn supplier(&mut self, field: &str, old: &SupplierSpec, new: &SupplierSpec) {
        let bearing = if new.mode == Mode::SelfService { Bearing::Narrows } else { Bearing::Widens };
        self.say(&format!("{field}.mode"), &old.mode.to_string(), &new.mode.to_string(), bearing);
        self.more_widens(&format!("{field}.attempts"), &old.attempts, &new.attempts);
        let freezes = |spec: &SupplierSpec| spec.freeze_days().unwrap_or_default();
        self.freezes(&format!("{field}.freezes"), &freezes(old), &freezes(new));
    }
}
