//! A plan: an immutable value, the expanded list of waves and members at a position of the registry.
//!
//! It is what people approve, named by its hash (rule 7), and it says all that the scheduler may do: afterwards it only
//! removes, or moves later. Making one is pure: the same document, registry and state give the same plan, in any order
//! of rows (I26). What it does not do is act: [`crate::step`] does, against the state of the moment.

mod bearing;
mod change;
mod diff;
mod expand;
mod free;
mod hash;
mod lanes;
mod members;
mod pack;
mod patch;
mod queue;
mod rules;
mod sample;
mod sound;
mod strategy;
mod terms;
mod text;
mod together;
mod waiting;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, IcbCode, PcnCode, PracticeCode, RegionCode, Supplier};
use serde::{Deserialize, Serialize};

pub use bearing::Bearing;
pub use change::Change;
pub use diff::{Diff, Move, MoveRule, diff};
pub use expand::{Expansion, expand};
pub use hash::{NotAPlanHash, PlanHash};
pub use patch::NotItsBase;
pub use rules::{Booking, WaveRules};
pub use sample::Distance;
pub use together::ApartPcn;

use crate::calendar::Calendar;
use crate::id::{HoldId, PlanVersion, ProgrammeId, WaveId};
use crate::spec::{Mode, ProgrammeSpec};
use crate::state::Load;

/// A version of a programme's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The programme.
    pub programme: ProgrammeId,
    /// What it switches on.
    pub capability: Capability,
    /// This version.
    pub version: PlanVersion,
    /// The version that was in force when it was made; none for the first.
    pub parent: Option<PlanVersion>,
    /// The position of the registry's journal at which the cohort was expanded.
    pub registry_position: u64,
    /// The document it was expanded from.
    pub spec: Arc<ProgrammeSpec>,
    /// Its waves with their members, in order.
    pub waves: Vec<PlannedWave>,
    /// Practices of the cohort that no wave takes, and why.
    pub unplaced: Vec<(Unplaced, Vec<PracticeCode>)>,
    /// SHA-256 over all of the above but the version and its parent.
    pub hash: PlanHash,
}

/// A wave of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWave {
    /// Its number.
    pub id: WaveId,
    /// A wave that has opened already, and goes on with those of its members who wait.
    pub goes_on: bool,
    /// What holds for it.
    pub rules: Arc<WaveRules>,
    /// Its members in its fixed order.
    #[serde(with = "members")]
    pub members: Vec<Member>,
    /// How far they are from England, where they are taken so as to resemble it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
}

/// A practice of a wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The practice.
    pub practice: PracticeCode,
    /// Its supplier.
    pub supplier: Supplier,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
    /// Its primary care network; none where it is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcn: Option<PcnCode>,
    /// Its registered patients.
    pub list_size: u32,
    /// How it is switched on.
    pub mode: Mode,
    /// The day on which its turn comes if all goes well; with booked dates the booked date, with self-service none.
    pub planned_on: Option<Date>,
    /// What put it there.
    pub by: PlacedBy,
}

/// What puts a practice in a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlacedBy {
    /// The wave's cohort.
    Cohort,
    /// The wave's fixed list.
    List,
    /// It objected in time to an earlier wave, which defers to this one.
    Deferral,
    /// It waits in this wave already, which has opened.
    GoingOn,
}

/// Why a practice of the cohort is in no wave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unplaced {
    /// It is on already, or is being switched on.
    AlreadyOn,
    /// It has paused.
    Paused,
    /// A hold names just this practice.
    Held(HoldId),
    /// People had it switched off again, and no wave's list names it (rule 8).
    Reverted,
    /// Its supplier is not known, or not among the programme's.
    NoSupplier,
    /// No wave's cohort matches it.
    NoWave,
    /// The waves that match it are full.
    NoRoom,
    /// It is larger than a cap allows at all.
    TooLarge,
    /// Its network is to stay together, and no wave is for all of it.
    PcnApart,
    /// Its network is to stay together, and is more than the caps let through in any wave that is for it.
    PcnTooLarge,
}

impl Unplaced {
    /// An UPPER_SNAKE code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOn => "ALREADY_ON",
            Self::Paused => "PAUSED_BY_PRACTICE",
            Self::Held(_) => "HELD",
            Self::Reverted => "REVERTED_BY_A_PERSON",
            Self::NoSupplier => "SUPPLIER_NOT_IN_PROGRAMME",
            Self::NoWave => "NO_WAVE_MATCHES",
            Self::NoRoom => "WAVES_ARE_FULL",
            Self::TooLarge => "LARGER_THAN_A_CAP",
            Self::PcnApart => "NO_WAVE_FOR_ITS_WHOLE_PCN",
            Self::PcnTooLarge => "PCN_LARGER_THAN_A_WAVE",
        }
    }
}

impl fmt::Display for Unplaced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOn => out.write_str("on already, or being switched on"),
            Self::Paused => out.write_str("paused by the practice"),
            Self::Held(hold) => write!(out, "held by {hold}"),
            Self::Reverted => out.write_str("switched off again by people's decision, and in no wave's list"),
            Self::NoSupplier => out.write_str("supplier not known, or not in the programme"),
            Self::NoWave => out.write_str("no wave's cohort matches"),
            Self::NoRoom => out.write_str("the waves that match are full"),
            Self::TooLarge => out.write_str("larger than a cap allows at all"),
            Self::PcnApart => out.write_str("no wave is for all practices of its network"),
            Self::PcnTooLarge => out.write_str("its network as a whole is more than the caps let through in any wave"),
        }
    }
}

impl Plan {
    /// A wave of it.
    #[must_use]
    pub fn wave(&self, id: WaveId) -> Option<&PlannedWave> {
        self.waves.iter().find(|wave| wave.id == id)
    }

    /// The terms in which another plan with the same waves differs from it.
    pub(crate) fn other_terms(&self, other: &Self) -> Vec<Change> {
        change::changes(self, other, &std::collections::BTreeSet::new())
    }

    /// How many practices it enrols, with their patients.
    #[must_use]
    pub fn load(&self) -> Load {
        let mut sum = Load::default();
        for wave in &self.waves {
            sum += wave.load();
        }
        sum
    }
}

impl PlannedWave {
    /// Whether no window is left in its time.
    pub(crate) fn is_over(&self, calendar: &Calendar, now: Timestamp) -> bool {
        self.rules.open_days(calendar, now).is_empty()
    }

    /// How many practices it has, with their patients.
    #[must_use]
    pub fn load(&self) -> Load {
        let mut sum = Load::default();
        for member in &self.members {
            sum += Load::of(member.list_size);
        }
        sum
    }
}
