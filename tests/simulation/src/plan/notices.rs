//! What a seed makes of notices: how each practice learns of its wave, how the post fares, and what goes wrong with it.

use jiff::{SignedDuration, Timestamp};
use ods::civil::instant;

use super::{Act, Chance, START, Surgery, WAVES};
use crate::faults::{Cue, Fault, Planned};
use crate::hosts::{POST, SCHEDULERS};
use crate::post::PostHabits;

/// How a practice learns of its wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldBy {
    /// It has an e-mail address, to which the scheduler sends.
    Email,
    /// It has a postal address only.
    Letter,
    /// The registry knows no contact: somebody tells it, and records that.
    Hand,
}

pub(super) fn told_by(chance: &Chance, number: u64) -> ToldBy {
    match chance.between("told", number, 0, 9) {
        0 => ToldBy::Hand,
        1 => ToldBy::Letter,
        _ => ToldBy::Email,
    }
}

pub(super) fn habits_of_post(chance: &Chance) -> PostHabits {
    PostHabits {
        lost_share: chance.share("post-loses", 0.5, 0.1, 0.4),
        unanswered_share: chance.share("post-answers", 0.5, 0.1, 0.4),
        late_share: chance.share("post-waits", 0.5, 0.1, 0.3),
        slow_share: chance.share("post-dawdles", 0.7, 0.1, 0.5),
        returned_share: chance.share("post-returns", 0.7, 0.05, 0.3),
        vanished_share: chance.share("post-mislays", 0.5, 0.05, 0.2),
        says_delivered: false,
    }
}

/// Whom nothing is sent to is told by somebody, some too late for their wave.
pub(super) fn told_by_hand(chance: &Chance, surgeries: &[Surgery], is_quiet: bool) -> Vec<(Timestamp, Act)> {
    let begins = instant(START.at(12, 0, 0, 0));
    let by_hand = surgeries.iter().filter(|surgery| surgery.told_by == ToldBy::Hand);
    let told = by_hand.map(|Surgery { code, .. }| {
        let hours = if is_quiet { 1 } else { chance.between("told-after", code, 1, 24 * 8) };
        let at = begins + SignedDuration::from_hours(i64::try_from(hours).unwrap_or(1));
        (at, Act::Tell { practice: code.clone() })
    });
    told.collect()
}

/// One thing that goes wrong with the post while practices are told; and now and then a scheduler that ends while a notice is on
/// its way to it.
pub(super) fn faults_of_notices(chance: &Chance) -> Vec<Planned> {
    let minutes = |purpose: &str| {
        let minutes = chance.between(purpose, "minute", 0, 5 * 60);
        instant(START.at(10, 0, 0, 0)) + SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(0))
    };
    let fault = match chance.between("post-fault", "kind", 0, 2) {
        0 => Fault::Crash(POST),
        1 => Fault::CutOff(POST),
        _ => Fault::TakesNoNotices,
    };
    let ticks = chance.between("post-fault", "ticks", 5, 200);
    let mut faults = vec![Planned { at: minutes("post-fault"), ticks, fault, cue: None }];
    if chance.of("notice-fault", "is-there").happens(0.4) {
        let scheduler = SCHEDULERS[chance.pick("notice-fault", "who", SCHEDULERS.len())];
        let (at, fault) = (minutes("notice-fault"), Fault::Crash(scheduler));
        let planned = Planned { at, ticks: 10, fault, cue: Some(Cue::NoticeTaken) };
        if !faults.iter().any(|known| known.meets(&planned)) {
            faults.push(planned);
        }
    }
    faults
}

/// The supplier that takes lists claims one and dies before it hears what it has got.
pub(super) fn faults_of_lists(chance: &Chance) -> Vec<Planned> {
    if !chance.of("list-fault", "is-there").happens(0.5) {
        return Vec::new();
    }
    let dates = WAVES.concat();
    let date = dates[chance.pick("list-fault", "date", dates.len())];
    let (at, _) = super::claimed_in(date);
    let ticks = chance.between("list-fault", "ticks", 5, 250);
    vec![Planned { at, ticks, fault: Fault::Crash(crate::hosts::SUPPLIERS), cue: Some(Cue::ListTaken) }]
}
