//! A strategy, as written: waves that nobody lists, since they follow from the days there are and from who is left.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::id::WaveId;

/// How the programme goes on after the waves that the document lists: a few practices first, then a sample of England, then
/// everybody else, as many a day as the caps let through.
///
/// A wave's number and days follow from the document and the calendar alone: what is planned again later has the same, and a
/// wave that has opened or ended is not made a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategySpec {
    /// The number of its first wave; the others follow. Waves that the document lists have smaller numbers.
    pub first_wave: WaveId,
    /// The first civil date on which any of its waves may go live.
    pub from: Date,
    /// The last one; as far as bank holidays are known where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The first few, on whom a fault does the least harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<StageSpec>,
    /// Enough of them for its gate to say something of England.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<StageSpec>,
    /// Everybody else.
    pub rest: RestSpec,
}

/// A wave of so many practices that resemble England, which must pass before the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// How many practices it takes.
    pub practices: u32,
    /// On how many days with a window they go live.
    pub days: u16,
    /// How many days with a window lie between its last day and the next wave: for its evidence to ripen, and for somebody to
    /// look at it.
    pub apart_days: u16,
}

/// Waves of so many days each, one after another, until nobody is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestSpec {
    /// The days with a window of each wave: its objections, its gate and its notice are for all of them together.
    pub days: u16,
    /// In which order practices are taken.
    #[serde(default)]
    pub order: Order,
}

impl fmt::Display for StrategySpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} from {}", self.first_wave, self.from)?;
        if let Some(until) = self.until {
            write!(out, " until {until}")?;
        }
        for (name, stage) in [("canary", &self.canary), ("sample", &self.sample)] {
            let Some(StageSpec { practices, days, apart_days }) = stage else { continue };
            write!(out, ", {name} of {practices} on {days} days and {apart_days} apart")?;
        }
        write!(out, ", the rest {} days a wave, {}", self.rest.days, self.rest.order)
    }
}
