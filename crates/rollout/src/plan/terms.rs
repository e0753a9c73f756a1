//! What holds for a practice by the wave that it is in, and whether another wave's terms let it do more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jiff::SignedDuration;
use jiff::civil::Date;

use super::bearing::{Bearing, Most, is_open_in};
use super::change::Comparison;
use super::{Booking, Plan, PlannedWave, WaveRules};
use crate::calendar::Windows;
use crate::id::WaveId;
use crate::spec::{GateSpec, SmallSampleSpec};
use crate::state::Severity;

/// The terms of a wave in its plan.
pub(super) struct Terms<'a> {
    rules: &'a WaveRules,
    /// Waves that must pass before it opens, and those that must pass before these.
    awaited: BTreeSet<WaveId>,
    /// Waves before it in the order of the plan: if one of them fails it stays shut.
    behind: BTreeSet<WaveId>,
    /// When the wave begins that practices which object go to.
    deferred_from: Option<Date>,
}

impl<'a> Terms<'a> {
    /// Of a wave of the plan. Waves that have passed stand before nobody any more.
    pub(super) fn of(plan: &'a Plan, wave: &'a PlannedWave, passed: &BTreeSet<WaveId>) -> Self {
        let mut awaited = BTreeSet::new();
        let mut next: Vec<WaveId> = wave.rules.after.clone();
        while let Some(earlier) = next.pop() {
            if !passed.contains(&earlier) && awaited.insert(earlier) {
                next.extend(plan.wave(earlier).into_iter().flat_map(|wave| &wave.rules.after));
            }
        }
        let earlier = plan.waves.iter().map(|one| one.id).take_while(|id| *id != wave.id);
        let behind = earlier.filter(|id| !passed.contains(id)).collect();
        let deferred_from = wave.rules.deferred_to.and_then(|to| plan.wave(to)).map(|wave| wave.rules.from);
        Self { rules: &wave.rules, awaited, behind, deferred_from }
    }

    /// Waves of the new plan that the old terms stood behind and these do not.
    pub(super) fn overtaken_of(&self, old: &Terms<'_>, plan: &Plan) -> Vec<WaveId> {
        old.behind.iter().copied().filter(|wave| plan.wave(*wave).is_some() && !self.behind.contains(wave)).collect()
    }
}

/// Whether a practice that moves from a wave of one plan to a wave of another may do more by the terms of the latter, its dates
/// aside. A wave that the plan leaves out altogether is told by itself.
pub(super) fn of_other_terms(old: &Terms<'_>, new: &Terms<'_>, plan: &Plan) -> Bearing {
    let mut comparison = Comparison::default();
    comparison.terms(old, new);
    let is_of_dates = |field: &str| field == "from" || field == "until" || field.ends_with(".dates");
    let changes = comparison.changes.iter().filter(|change| !is_of_dates(&change.field));
    let order = if new.overtaken_of(old, plan).is_empty() { Bearing::Neither } else { Bearing::Widens };
    changes.fold(order, |sum, change| sum.and(change.bearing))
}

impl Comparison {
    /// Compares the terms of two waves.
    pub(super) fn terms(&mut self, before: &Terms<'_>, now: &Terms<'_>) {
        let (old, new) = (before.rules, now.rules);
        self.mention("title", &old.title, &new.title);
        self.say("from", &old.from.to_string(), &new.from.to_string(), Bearing::of_later(&old.from, &new.from));
        let until = Bearing::of_earlier_end(old.until, new.until);
        self.say("until", &old.until.to_string(), &new.until.to_string(), until);
        let windows = Bearing::of_cover(is_open_in(&new.windows, &old.windows), is_open_in(&old.windows, &new.windows));
        self.say("windows", &weekly(&old.windows), &weekly(&new.windows), windows);
        let end = |rules: &WaveRules| rules.objections_end.map(|end| end.to_string()).unwrap_or_default();
        // None comes before any moment: then nobody can object.
        let objections = Bearing::of_later(&old.objections_end, &new.objections_end);
        self.say("objections_until", &end(old), &end(new), objections);
        let to = |wave: Option<WaveId>| wave.map(|wave| wave.to_string()).unwrap_or_default();
        let deferred = Bearing::of_later(&before.deferred_from, &now.deferred_from);
        self.say("deferred_to", &to(old.deferred_to), &to(new.deferred_to), deferred);
        let list = |waves: &[WaveId]| waves.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let awaited = Bearing::of_members(&now.awaited, &before.awaited);
        self.say("after", &list(&old.after), &list(&new.after), awaited);
        self.gate(&old.gate, &new.gate);
        self.less_widens("notice_working_days", &old.notice_working_days, &new.notice_working_days);
        for supplier in old.booked.keys().chain(new.booked.keys()).collect::<BTreeSet<_>>() {
            self.booking(&format!("suppliers.{supplier}"), old.booked.get(supplier), new.booked.get(supplier));
        }
    }

    fn gate(&mut self, old: &GateSpec, new: &GateSpec) {
        self.less_widens("gate.min_success", &old.min_success, &new.min_success);
        self.less_widens("gate.min_sample", &old.min_sample, &new.min_sample);
        let time = |duration: SignedDuration| format!("{duration:#}");
        self.say("gate.soak", &time(old.soak), &time(new.soak), Bearing::of_later(&old.soak, &new.soak));
        // Incomplete evidence never passes, however long it is waited for.
        self.mention("gate.timeout", &time(old.timeout), &time(new.timeout));
        self.small_sample(old.small_sample, new.small_sample);
        let excluded = |gate: &GateSpec| gate.exclusions.map(|exclusions| exclusions.max_share);
        let (before, after) = (excluded(old), excluded(new));
        // Without it all may be excluded, and none is above any share.
        let bearing = Bearing::of_later(&before.map(Reverse), &after.map(Reverse));
        self.say("gate.exclusions.max_share", &shown(before), &shown(after), bearing);
        let viewed = |gate: &GateSpec| gate.viewers.map(|viewers| viewers.min_share);
        let (before, after) = (viewed(old), viewed(new));
        self.say("gate.viewers.min_share", &shown(before), &shown(after), Bearing::of_later(&before, &after));
        self.concerns(old, new);
        let (before, after) = (&old.hook, &new.hook);
        // Another one may be of another mind.
        let bearing = if before.is_none() { Bearing::Narrows } else { Bearing::Widens };
        self.say("gate.hook", &shown(before.as_ref()), &shown(after.as_ref()), bearing);
    }

    /// A small sample that was inconclusive may pass by a test, and one that is told from another share, too.
    fn small_sample(&mut self, old: Option<SmallSampleSpec>, new: Option<SmallSampleSpec>) {
        let words = |test: SmallSampleSpec| format!("{} at a risk of {}", test.unacceptable, test.risk);
        let bearing = match (old, new) {
            (Some(_), None) => Bearing::Narrows,
            (Some(old), Some(new)) if old.unacceptable == new.unacceptable => Bearing::of_more(&old.risk, &new.risk),
            _ => Bearing::Widens,
        };
        self.say("gate.small_sample", &shown(old.map(words)), &shown(new.map(words)), bearing);
    }

    fn concerns(&mut self, old: &GateSpec, new: &GateSpec) {
        let severities: BTreeSet<Severity> =
            old.concerns.iter().chain(&new.concerns).flat_map(BTreeMap::keys).copied().collect();
        for severity in severities.into_iter().rev() {
            let most = |gate: &GateSpec| {
                Most(gate.concerns.as_ref().and_then(|limits| limits.get(&severity)).copied().map(u64::from))
            };
            self.more_widens(&format!("gate.concerns.{severity}"), &most(old), &most(new));
        }
    }

    /// A cut-off that comes earlier leaves practices less time to object.
    fn booking(&mut self, field: &str, old: Option<&Booking>, new: Option<&Booking>) {
        let dates = |booking: Option<&Booking>| -> BTreeSet<Date> {
            booking.into_iter().flat_map(|booking| booking.dates.iter().copied()).collect()
        };
        let (before, after) = (dates(old), dates(new));
        let list = |dates: &BTreeSet<Date>| dates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.say(&format!("{field}.dates"), &list(&before), &list(&after), Bearing::of_members(&before, &after));
        let (Some(old), Some(new)) = (old, new) else { return };
        let cut_off =
            |booking: &Booking| format!("{} days before, {}", booking.cut_off.days_before, booking.cut_off.at);
        let ahead = |booking: &Booking| (Reverse(booking.cut_off.days_before), booking.cut_off.at);
        let bearing = Bearing::of_later(&ahead(old), &ahead(new));
        self.say(&format!("{field}.cut_off"), &cut_off(old), &cut_off(new), bearing);
    }
}

/// What is written; nothing where there is nothing.
fn shown(written: Option<impl Display>) -> String {
    written.map(|written| written.to_string()).unwrap_or_default()
}

fn weekly(windows: &Windows) -> String {
    let each = windows.iter().map(|window| format!("{:?} {}-{}", window.weekday(), window.from(), window.to()));
    each.collect::<Vec<_>>().join(", ")
}
