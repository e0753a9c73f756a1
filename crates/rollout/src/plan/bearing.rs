//! Whether something lets more happen than was approved before, or less (rule 7).
//!
//! More practices or patients, an earlier date or a looser gate is more. The same is said of every other safeguard: what takes one
//! away, or weakens it, widens the plan; what adds to one narrows it. Where a change does both, or where it cannot be told, it
//! widens: whoever approves is to look.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;

use crate::calendar::{FreezeDays, Window, Windows};

/// Whether something lets more happen than was approved before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bearing {
    /// Neither more nor less.
    Neither,
    /// Only less: something is left out, later, or guarded more closely.
    Narrows,
    /// More, be it in one respect.
    Widens,
}

impl Bearing {
    /// Of two things together: what widens in one respect widens.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// Of a figure of which more lets more happen.
    pub(super) fn of_more<T: Ord + ?Sized>(before: &T, after: &T) -> Self {
        match after.cmp(before) {
            std::cmp::Ordering::Less => Self::Narrows,
            std::cmp::Ordering::Equal => Self::Neither,
            std::cmp::Ordering::Greater => Self::Widens,
        }
    }

    /// Of something that is better late: a date, or the end of objections.
    pub(super) fn of_later<T: Ord + ?Sized>(before: &T, after: &T) -> Self {
        Self::of_more(after, before)
    }

    /// Of a wave's last date. One more day lets nobody go earlier.
    pub(super) fn of_earlier_end(before: Date, after: Date) -> Self {
        if after < before { Self::Narrows } else { Self::Neither }
    }

    /// Of a set of which each member lets something happen.
    pub(super) fn of_members<T: Ord>(before: &BTreeSet<T>, after: &BTreeSet<T>) -> Self {
        Self::of_cover(after.is_subset(before), before.is_subset(after))
    }

    /// Of two sets of moments, by whether all of the later set were in the former, and all of the former are in the later.
    pub(super) fn of_cover(nothing_new: bool, nothing_gone: bool) -> Self {
        match (nothing_new, nothing_gone) {
            (true, true) => Self::Neither,
            (true, false) => Self::Narrows,
            (false, _) => Self::Widens,
        }
    }
}

impl fmt::Display for Bearing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Neither => "neither widens nor narrows",
            Self::Narrows => "narrows",
            Self::Widens => "widens",
        })
    }
}

/// A limit; none is more than any.
#[derive(PartialEq, Eq)]
pub(super) struct Most(pub(super) Option<u64>);

impl Ord for Most {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |most: &Self| (most.0.is_none(), most.0);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Most {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Most {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(most) => write!(out, "{most}"),
            None => out.write_str("unlimited"),
        }
    }
}

/// Whether every day that `days` freezes is frozen by `others`. Where a run of days is left uncovered, it begins at its first
/// day or on the day after one of the others ends.
pub(super) fn is_frozen_by(days: &FreezeDays, others: &FreezeDays) -> bool {
    let after_others: Vec<Date> = others.iter().filter_map(|other| other.last().tomorrow().ok()).collect();
    days.iter().all(|freeze| {
        let within = |date: &&Date| freeze.first() <= **date && **date <= freeze.last();
        let starts = after_others.iter().filter(within).copied();
        std::iter::once(freeze.first()).chain(starts).all(|date| others.why(date).is_some())
    })
}

/// Whether every moment of the week at which `windows` are open is one of `others`; found out as for freezes.
pub(super) fn is_open_in(windows: &Windows, others: &Windows) -> bool {
    windows.iter().all(|window| {
        let same_day = || others.iter().filter(|other| other.weekday() == window.weekday());
        let ends = same_day().map(Window::to).filter(|end| window.from() < *end && *end < window.to());
        std::iter::once(window.from())
            .chain(ends)
            .all(|start| same_day().any(|other| other.from() <= start && start < other.to()))
    })
}
