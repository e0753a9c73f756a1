//! Why nothing moved: what a step found in the way, as data.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use ods::PracticeCode;

use crate::blocker::Blocker;
use crate::id::{HoldId, WaveRef};
use crate::state::{CapScope, Load};

/// What a step found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What stands still, by wave and reason.
    pub stills: Vec<Still>,
    /// When to look again, should nothing change before; none where only a change can move anything.
    pub next_due: Option<Timestamp>,
}

/// Practices of a wave that one thing is in the way of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// The wave.
    pub wave: WaveRef,
    /// What is in the way, as it is for the first of them.
    pub blocker: Blocker,
    /// Who, in the wave's order; empty where it is in the way of the wave as a whole.
    pub practices: Vec<PracticeCode>,
    /// How many wait for it, with their patients.
    pub load: Load,
}

impl fmt::Display for Still {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} wait: {}", self.wave, self.load, self.blocker)?;
        match self.practices.as_slice() {
            [] => Ok(()),
            [only] => write!(out, " ({only})"),
            [first, .., last] => write!(out, " ({first} … {last})"),
        }
    }
}

impl Report {
    /// What stands still in one wave.
    pub fn of<'a>(&'a self, wave: &'a WaveRef) -> impl Iterator<Item = &'a Still> {
        self.stills.iter().filter(move |still| still.wave == *wave)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for still in &self.stills {
            writeln!(out, "{still}")?;
        }
        match self.next_due {
            Some(at) => write!(out, "next due {at}"),
            None => out.write_str("nothing due"),
        }
    }
}

/// Gathers practices by what is in their way.
#[derive(Default)]
pub(crate) struct Gathering {
    stills: BTreeMap<Reason, Still>,
}

/// What tells two reasons apart: the wave, the blocker's code, its hold, its cap.
type Reason = (WaveRef, &'static str, Option<HoldId>, Option<CapScope>);

impl Gathering {
    /// A practice and the first thing in its way.
    pub(crate) fn practice(&mut self, wave: &WaveRef, practice: PracticeCode, load: Load, blocker: Blocker) {
        let still = self.still(wave, blocker);
        still.practices.push(practice);
        still.load += load;
    }

    /// Something in the way of a whole wave.
    pub(crate) fn wave(&mut self, wave: &WaveRef, waiting: Load, blocker: Blocker) {
        self.still(wave, blocker).load = waiting;
    }

    fn still(&mut self, wave: &WaveRef, blocker: Blocker) -> &mut Still {
        let hold = match &blocker {
            Blocker::Held { hold, .. } => Some(*hold),
            _ => None,
        };
        let key = (wave.clone(), blocker.code(), hold, blocker.cap_scope().cloned());
        let still = || Still { wave: wave.clone(), blocker, practices: Vec::new(), load: Load::default() };
        self.stills.entry(key).or_insert_with(still)
    }

    pub(crate) fn into_stills(self) -> Vec<Still> {
        self.stills.into_values().collect()
    }
}
