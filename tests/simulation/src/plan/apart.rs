//! Schedulers whose clocks are ten minutes apart, and who take over from each other while windows open and shut.
//!
//! An installation on PostgreSQL would not have it: there a replica whose clock is off records nothing (rule 18, decision 29). Here
//! nothing holds a clock against another, and what is promised has to hold by the journal's own time.

use jiff::SignedDuration;
use jiff::civil::Date;
use ods::civil::instant;

use super::{Chance, WAVES};
use crate::faults::{Fault, Planned};
use crate::hosts::SCHEDULERS;

/// How far apart their clocks are.
pub(crate) const APART: SignedDuration = SignedDuration::from_mins(10);

/// By how much a machine's clock is ahead of all others: one scheduler's by ten minutes, or behind by as much, or one's is five
/// minutes ahead and the other's five behind.
pub(super) fn ahead(chance: &Chance, machine: &str) -> SignedDuration {
    let Some(which) = SCHEDULERS.iter().position(|name| *name == machine) else { return SignedDuration::ZERO };
    let of_both = [[10, 0], [0, 10], [-10, 0], [0, -10], [5, -5], [-5, 5]];
    SignedDuration::from_mins(of_both[chance.pick("clocks", "apart", of_both.len())][which])
}

/// On each day of a wave one scheduler stands still before the windows open, until the other has had the lease for a while, and
/// that one before they shut. A lease runs out after 60 ticks, which are minutes then.
pub(super) fn faults_of_take_overs(chance: &Chance) -> Vec<Planned> {
    let days: Vec<Date> = WAVES.concat();
    let first = chance.pick("stands-first", "apart", SCHEDULERS.len());
    let of_day = |(number, day): (usize, Date)| {
        let stands = |which: usize, hour: i8, minute: i8| {
            let machine = SCHEDULERS[(first + number + which) % SCHEDULERS.len()];
            let at = instant(day.at(hour, minute, 0, 0));
            Planned { at, ticks: 75, fault: Fault::StandStill(machine), cue: None }
        };
        let early = chance.between("stands-early", number as u64, 31, 59);
        let late = chance.between("stands-late", number as u64, 30, 59);
        let minute = |drawn: u64| i8::try_from(drawn).unwrap_or(0);
        [stands(0, 8, minute(early)), stands(1, 15, minute(late))]
    };
    days.into_iter().enumerate().flat_map(of_day).collect()
}
