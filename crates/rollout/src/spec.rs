//! What users write: a programme as a document under version control.
//!
//! One document is one version of the whole plan and says everything about it: what an approver reads is all there is.
//! A re-plan is another document, not an edit of a running one. The types here only hold what was written;
//! [`check`](ProgrammeSpec::check) says everything that is wrong with it at once, and [`crate::plan`] turns it into
//! waves with members.
//!
//! Reading the text (YAML) is the service's, which knows lines and columns. An unknown field is refused.

mod check;
mod gate;
mod limits;
mod readiness;
mod strategy;
mod supplier;
mod violation;
mod wave;

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, Weekday};
use ods::{Capability, Supplier};
use serde::{Deserialize, Serialize};

pub use check::Existing;
pub(crate) use check::{booked_in, told_too_late, violations_of_gate, violations_of_programme, violations_of_terms};
pub(crate) use gate::LiveTerms;
pub use gate::{ExclusionSpec, GateSpec, HookName, NotAHookName, SmallSampleSpec, ViewerSpec};
pub(crate) use limits::WHOLE;
pub use limits::{Cap, CapSet, Caps, NotAShare, Share};
pub use readiness::{ItemSpec, ReadinessSpec};
pub use strategy::{RestSpec, StageSpec, StrategySpec};
pub use supplier::{ATTEMPTS_DEFAULT, CutOff, Mode, SupplierSpec};
pub use violation::{Violation, Wrong};
pub use wave::{Order, Take, WaveSpec};

use crate::calendar::{CalendarError, Freeze, FreezeDays, TimeOfDay, Window, Windows};
use crate::id::ProgrammeId;

/// A programme, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgrammeSpec {
    /// The last part of its name, `spring-opening`.
    pub name: ProgrammeId,
    /// For people.
    #[serde(default)]
    pub title: String,
    /// What it switches on; `capabilities/prospective-records` where it is left out.
    #[serde(default)]
    pub capability: Capability,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub objective: String,
    /// The single deadline, if this version has one. The history of deadlines is kept by the state: each version that
    /// comes into force adds to it.
    #[serde(default)]
    pub deadline: Option<Deadline>,
    /// Which practices it is for: CEL over `practice`.
    pub cohort: String,
    /// What the drawn order of practices is drawn from; the same number gives the same order.
    #[serde(default)]
    pub seed: u64,
    /// The windows of the week in which practices may go live.
    pub windows: Vec<WindowSpec>,
    /// The programme's own days without go-lives, besides the nation's.
    #[serde(default)]
    pub freezes: Vec<FreezeSpec>,
    /// How many may go live in a day and be under way at once.
    #[serde(default)]
    pub caps: Caps,
    /// Working days of delivered notice that a practice is owed (rule 11).
    pub notice_working_days: u16,
    /// What a practice must have ready before it goes live. Where it is left out, what a practice has begun and not done
    /// stands in its way, and nothing else is demanded; an empty one demands nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessSpec>,
    /// What a wave must show before it counts as passed.
    pub gate: GateSpec,
    /// The suppliers and how each is driven. A practice of another supplier is in no wave.
    pub suppliers: BTreeMap<Supplier, SupplierSpec>,
    /// Whether the practices of a primary care network stay together.
    #[serde(default, skip_serializing_if = "Together::is_default")]
    pub keep_together: Together,
    /// The waves in order. A practice is in the first that takes it; one that waits in a wave that has opened stays there.
    #[serde(default)]
    pub waves: Vec<WaveSpec>,
    /// Waves that nobody lists, after those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategySpec>,
}

/// Who must be in one wave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Together {
    /// Nobody: each practice has its own turn.
    #[default]
    Practices,
    /// The practices of a primary care network: they share staff, and patients who compare. A wave takes all of them that
    /// have a turn to come, or none. Where a network mixes suppliers, only a wave for all of those takes it; within the wave
    /// each practice is switched on in its own supplier's way, on its own day. Nobody waits for a practice that has paused, and
    /// a list of practices is taken as it is written.
    Pcns,
}

impl fmt::Display for Together {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Practices => "practices",
            Self::Pcns => "pcns",
        })
    }
}

impl Together {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::Practices
    }
}

/// By when the programme is to be complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// The last day.
    pub date: Date,
    /// What it rests on: a letter, a contract.
    pub basis: String,
}

/// The same window on some days of each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// On which days.
    pub days: Vec<Day>,
    /// When it opens.
    pub from: TimeOfDay,
    /// When it closes; `24:00` is midnight.
    pub to: TimeOfDay,
}

/// A run of days without go-lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeSpec {
    /// The first day.
    pub first: Date,
    /// The last day, itself frozen.
    pub last: Date,
    /// Why.
    pub why: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week explain themselves")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Monday => Self::Monday,
            Day::Tuesday => Self::Tuesday,
            Day::Wednesday => Self::Wednesday,
            Day::Thursday => Self::Thursday,
            Day::Friday => Self::Friday,
            Day::Saturday => Self::Saturday,
            Day::Sunday => Self::Sunday,
        }
    }
}

impl ProgrammeSpec {
    /// The wave of that number.
    #[must_use]
    pub fn wave(&self, id: crate::id::WaveId) -> Option<&WaveSpec> {
        self.waves.iter().find(|wave| wave.wave == id)
    }

    /// Whether a wave is one of the strategy's.
    #[must_use]
    pub fn is_of_strategy(&self, id: crate::id::WaveId) -> bool {
        self.strategy.as_ref().is_some_and(|strategy| strategy.first_wave <= id)
    }

    /// The programme's freeze days.
    ///
    /// # Errors
    /// Where one ends before it begins.
    pub fn freeze_days(&self) -> Result<FreezeDays, CalendarError> {
        freeze_days(&self.freezes)
    }

    /// The freeze days of suppliers that have any.
    ///
    /// # Errors
    /// Where one ends before it begins.
    pub fn supplier_freezes(&self) -> Result<BTreeMap<Supplier, FreezeDays>, CalendarError> {
        let with_any = self.suppliers.iter().filter(|(_, driven)| !driven.freezes.is_empty());
        with_any.map(|(supplier, driven)| Ok((supplier.clone(), driven.freeze_days()?))).collect()
    }

    /// The windows of the programme's waves but those that have their own.
    ///
    /// # Errors
    /// Where one is empty or two overlap.
    pub fn windows(&self) -> Result<Windows, CalendarError> {
        weekly(&self.windows)
    }

    /// The windows of a wave: its own, or the programme's.
    ///
    /// # Errors
    /// Where one is empty or two overlap.
    pub fn windows_of(&self, wave: &WaveSpec) -> Result<Windows, CalendarError> {
        weekly(wave.windows.as_deref().unwrap_or(&self.windows))
    }

    /// The working days of notice that a wave's practices are owed.
    #[must_use]
    pub fn notice_of(&self, wave: &WaveSpec) -> u16 {
        wave.notice_working_days.unwrap_or(self.notice_working_days)
    }

    /// What a wave must show to pass.
    #[must_use]
    pub fn gate_of<'a>(&'a self, wave: &'a WaveSpec) -> &'a GateSpec {
        wave.gate.as_ref().unwrap_or(&self.gate)
    }

    /// How a wave switches the practices of a supplier on; none where the programme does not know the supplier.
    #[must_use]
    pub fn mode_of(&self, wave: &WaveSpec, supplier: &Supplier) -> Option<Mode> {
        let own = self.suppliers.get(supplier)?.mode;
        Some(wave.mode.unwrap_or(own))
    }
}

fn freeze_days(written: &[FreezeSpec]) -> Result<FreezeDays, CalendarError> {
    written.iter().map(|freeze| Freeze::new(freeze.first, freeze.last, freeze.why.as_str())).collect()
}

fn weekly(written: &[WindowSpec]) -> Result<Windows, CalendarError> {
    let mut windows = Vec::new();
    for window in written {
        for day in &window.days {
            windows.push(Window::new((*day).into(), window.from, window.to)?);
        }
    }
    Windows::new(windows)
}
