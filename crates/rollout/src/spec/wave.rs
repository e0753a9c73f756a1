//! A wave, as written.

use std::fmt;

use jiff::civil::{Date, DateTime};
use ods::{PracticeCode, Supplier};
use serde::{Deserialize, Serialize};

use super::{GateSpec, Mode, WindowSpec};
use crate::id::WaveId;

/// A part of the programme that goes live together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveSpec {
    /// Its number. A number once used stays with its wave: a wave that has opened is either listed again unchanged, and
    /// goes on, or left out, and drains.
    pub wave: WaveId,
    /// For people.
    #[serde(default)]
    pub title: String,
    /// Which of the programme's cohort: CEL over `practice`; all where it and `practices` are left out. `"false"` makes
    /// a wave that takes only those deferred to it.
    #[serde(default)]
    pub cohort: Option<String>,
    /// A fixed list instead of `cohort`.
    #[serde(default)]
    pub practices: Vec<PracticeCode>,
    /// Of these suppliers only; all where it is empty.
    #[serde(default)]
    pub suppliers: Vec<Supplier>,
    /// How many of those it takes.
    #[serde(default)]
    pub take: Take,
    /// In which fixed order it takes them and lets them go live.
    #[serde(default)]
    pub order: Order,
    /// The first civil date on which it may go live.
    pub from: Date,
    /// The last one; `from` where it is left out.
    #[serde(default)]
    pub until: Option<Date>,
    /// Its own windows instead of the programme's.
    #[serde(default)]
    pub windows: Option<Vec<WindowSpec>>,
    /// Up to and including this civil moment, an objection defers a practice; after it, silence means go ahead.
    #[serde(default)]
    pub objections_until: Option<DateTime>,
    /// The later wave that practices which object in time go to.
    #[serde(default)]
    pub deferred_to: Option<WaveId>,
    /// Waves that must have passed before this one opens.
    #[serde(default)]
    pub after: Vec<WaveId>,
    /// How its practices are switched on, instead of each supplier's own mode.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Its own gate instead of the programme's.
    #[serde(default)]
    pub gate: Option<GateSpec>,
    /// Its own notice instead of the programme's.
    #[serde(default)]
    pub notice_working_days: Option<u16>,
}

/// How many of the practices that match a wave takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// All; it is an error if they do not fit between `from` and `until`.
    #[default]
    All,
    /// As many as the daily caps let through between `from` and `until`; the others are left to later waves.
    ByCapacity,
    /// At most so many; the others are left to later waves.
    Practices(u32),
}

/// A wave's fixed order (rule 7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// By chance, from the programme's seed: early practices then resemble the later ones.
    #[default]
    Drawn,
    /// The largest list first.
    LargestFirst,
    /// The smallest list first.
    SmallestFirst,
    /// By code.
    Code,
    /// So that every beginning resembles England: by supplier, ICB and list size.
    Representative,
}

impl WaveSpec {
    /// The last civil date on which it may go live.
    #[must_use]
    pub fn last_date(&self) -> Date {
        self.until.unwrap_or(self.from)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Drawn => "drawn",
            Self::LargestFirst => "largest first",
            Self::SmallestFirst => "smallest first",
            Self::Code => "by code",
            Self::Representative => "representative",
        })
    }
}
