//! What a step proposes, with what the registry says of the practices concerned.
//!
//! It is judged once more when it is decided: a proposal knows nothing that was not so when it was made.

use std::collections::BTreeMap;

use imbl::OrdSet;
use jiff::Timestamp;
use ods::{IcbCode, PracticeCode, RegionCode, Supplier};

use crate::dispatch::Chosen;
use crate::id::{ProgrammeId, Target, WaveRef};
use crate::spec::Mode;
use crate::state::{Cause, Due, DueOutcome, Supersession};

/// A practice that is to be admitted, as the registry has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The practice.
    pub practice: PracticeCode,
    /// Its supplier.
    pub supplier: Supplier,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
    /// Its registered patients.
    pub list_size: u32,
    /// The highest generation that the registry has seen.
    pub generation_highest: u32,
}

/// What a step proposes. Small, and judged again: stale is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// Begins to tell a wave's practices.
    BeginNotice {
        /// The wave.
        wave: WaveRef,
    },
    /// Sends notices: each counts as sent from then on.
    SealDispatches {
        /// The wave.
        wave: WaveRef,
        /// To which contact of each practice.
        chosen: BTreeMap<PracticeCode, Chosen>,
    },
    /// Settles a wave's members: objections have ended.
    FixWave {
        /// The wave.
        wave: WaveRef,
        /// What the registry says of those members that cannot stay.
        unfit: BTreeMap<PracticeCode, Unfit>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Opens a wave.
    OpenWave {
        /// The wave.
        wave: WaveRef,
    },
    /// Takes practices out that can no longer go live in the wave.
    SetAside {
        /// The wave.
        wave: WaveRef,
        /// Whom, and why.
        unfit: BTreeMap<PracticeCode, Unfit>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Gives practices their slot and key.
    Admit {
        /// The wave.
        wave: WaveRef,
        /// Whom, in the wave's order.
        practices: Vec<Candidate>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Asks practices of a self-service supplier.
    Invite {
        /// The wave.
        wave: WaveRef,
        /// Whom.
        practices: Vec<PracticeCode>,
        /// The registry's position.
        registry_position: u64,
    },
    /// The registry says that these are live.
    Verify {
        /// The wave.
        wave: WaveRef,
        /// Which practices.
        practices: OrdSet<PracticeCode>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Switches practices off whose pause or request, or people's decision, asks for it.
    Disable {
        /// Each practice with the reason.
        practices: Vec<DisableCandidate>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Records what became of a due moment that nothing was done about.
    SettleDue {
        /// The due moment.
        due: Due,
        /// What became of it.
        outcome: DueOutcome,
    },
    /// Ends the admissions of a wave.
    DrainWave {
        /// The wave.
        wave: WaveRef,
    },
    /// Ends a wave that never opened and cannot any more: its time has passed, or nobody is left in it.
    EndUnopened {
        /// The wave.
        wave: WaveRef,
        /// What became of all that was yet to fall due.
        outcome: DueOutcome,
    },
    /// Ends an unwinding in which nothing is left to be done.
    EndUnwinding {
        /// The wave.
        wave: WaveRef,
    },
    /// Lets a drained wave's evidence ripen.
    SoakWave {
        /// The wave.
        wave: WaveRef,
    },
    /// Evaluates a gate.
    EvaluateGate {
        /// The wave.
        wave: WaveRef,
        /// Of the wave's confirmed practices those that the registry does not say are live.
        not_live: OrdSet<PracticeCode>,
        /// The registry's position.
        registry_position: u64,
    },
    /// Halts a programme whose plan in force this build finds impossible (I8).
    HaltProgramme {
        /// The programme.
        programme: ProgrammeId,
    },
    /// Ends a programme in which nobody is left.
    CompleteProgramme {
        /// The programme.
        programme: ProgrammeId,
    },
}

/// What the registry says of a practice that cannot go live in a wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Pauses are in force: each that counts against the wave, in order of number; at least one.
    Paused(Vec<CountedPause>),
    /// The practice has asked for access to be taken away.
    SwitchOffRequested,
    /// It is on already.
    AlreadyOn,
    /// It has another supplier, or none.
    SupplierChanged,
    /// It has closed or is gone.
    Gone(Supersession),
}

/// A pause that counts against a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedPause {
    /// Its number at the practice.
    pub number: u32,
    /// For a programme-default pause: when it was recorded, which it is judged by.
    pub default_recorded_at: Option<Timestamp>,
}

/// A practice that is to be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisableCandidate {
    /// The practice and what is switched.
    pub target: Target,
    /// Its supplier now.
    pub supplier: Supplier,
    /// How that supplier is driven.
    pub mode: Mode,
    /// Why.
    pub cause: Cause,
    /// The highest generation that the registry has seen.
    pub generation_highest: u32,
}
