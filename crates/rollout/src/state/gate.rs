//! Gates: what was found of a wave, what follows from it, and what a person made of it (rules 5 and 6).
//!
//! Figures are kept as counts over a whole that was settled with the wave's members (I7). Of whom nothing is known counts once
//! as good and once as bad: where both say the same, that is the verdict, else there is none. So no figure that is missing, or
//! too old, ever makes a gate pass (I6).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::concern::Severity;
use super::hold::Signature;
use crate::id::HoldId;
use crate::spec::{HookName, LiveTerms, Share, SmallSampleSpec};

/// What a gate found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateEvaluation {
    /// What the evidence says.
    pub verdict: Verdict,
    /// The evidence of the share of live practices.
    pub evidence: Evidence,
    /// What the gate's other conditions found, in the order of the document; empty where it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What statistics said, where they were read in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<GateFigures>,
    /// When it was evaluated.
    pub at: Timestamp,
    /// The halt it raised; none where it passed.
    pub halt: Option<HoldId>,
    /// What a named person made of it; none where it passed, or nobody did yet.
    pub decision: Option<Decision>,
}

/// A person's verdict on a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// PASS or FAIL.
    pub verdict: Verdict,
    /// Who, when, why.
    pub signature: Signature,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Complete, fresh evidence meets every threshold.
    Pass,
    /// It misses one.
    Fail,
    /// There is not enough evidence to say.
    Inconclusive,
}

impl Verdict {
    /// Of two conditions together: one that fails fails both, and PASS takes both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fail, _) | (_, Self::Fail) => Self::Fail,
            (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
            (Self::Pass, Self::Pass) => Self::Pass,
        }
    }

    /// What follows where something is as good as `at_worst` and as `at_best`.
    fn between(at_worst: bool, at_best: bool) -> Self {
        match (at_worst, at_best) {
            (true, _) => Self::Pass,
            (false, true) => Self::Inconclusive,
            (false, false) => Self::Fail,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
        })
    }
}

/// What a gate is decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Practices that were settled as members.
    pub members: u32,
    /// Those that were commanded: the denominator. It never shrinks, whatever became of them.
    pub commanded: u32,
    /// Those of them that the registry says are live.
    pub live: u32,
    /// Those of them whose outcome is not known: they count against.
    pub unsettled: u32,
    /// Whether the registry had everything that happened in the wave.
    pub complete: bool,
    /// The share that was required.
    pub min_success: Share,
    /// The sample that was required.
    pub min_sample: u32,
    /// How a smaller one was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_sample: Option<SmallSampleSpec>,
    /// The registry's position that it was read at.
    pub registry_position: u64,
}

/// What one condition found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What follows from it.
    pub verdict: Verdict,
    /// The figure, and what was required.
    pub measured: Measured,
}

/// The figure of a condition, and what was required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "condition", rename_all = "kebab-case")]
pub enum Measured {
    /// Patients kept out by the enhanced-review code.
    Exclusions {
        /// Those that suppliers count.
        excluded: u64,
        /// Patients of practices of which there is no return from after the wave's last action.
        without_return: u64,
        /// Registered patients of the practices that were switched on, or may be.
        patients: u64,
        /// The share that was allowed.
        max_share: Share,
    },
    /// Practices at which somebody opened a record.
    Viewers {
        /// Those where somebody did, since the wave's last action.
        viewed: u32,
        /// Those where nobody is known to have, of suppliers of which no practice is.
        unheard: u32,
        /// Practices that were switched on, or may be.
        practices: u32,
        /// The share that was required.
        min_share: Share,
    },
    /// Concerns about the wave and its practices.
    Concerns {
        /// Of this severity, or worse.
        severity: Severity,
        /// So many.
        count: u32,
        /// So many were allowed.
        count_max: u32,
    },
    /// What somebody else says.
    Hook {
        /// Who.
        hook: HookName,
        /// What; none where no answer came in time.
        answer: Option<HookAnswer>,
    },
}

/// What statistics say of the practices of a wave that were switched on, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFigures {
    /// The wave's last action before it was read: after another one it counts no more (rule 5).
    pub last_action_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Timestamp,
    /// The moment at which it held, by the statistics' clock.
    pub as_at: Timestamp,
    /// The practices it is of.
    pub practices: u32,
    /// Their registered patients, as they were settled with the wave's members (I7).
    pub patients: u64,
    /// Patients kept out by the enhanced-review code, by returns of a day after the wave's last action; of no practice more
    /// than it has.
    pub excluded: u64,
    /// Patients of practices without such a return.
    pub patients_without_return: u64,
    /// Practices at which somebody opened a record since the wave's last action.
    pub practices_viewed: u32,
    /// Practices without a view of suppliers of which no practice has any: their apps may be silent, or nobody looked.
    pub practices_unheard: u32,
    /// The positions it rests on.
    pub positions: StatisticsPositions,
}

/// How far statistics had come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsPositions {
    /// In the registry's journal.
    pub registry: u64,
    /// In the journal of returns.
    pub returns: u64,
    /// In the log of events.
    pub events: u64,
}

/// What a hook says of a wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookAnswer {
    /// Whom it is of.
    pub hook: HookName,
    /// INCONCLUSIVE: not yet; it is asked again.
    pub verdict: Verdict,
    /// Why, an UPPER_SNAKE code.
    pub reason_code: String,
    /// When it came.
    pub answered_at: Timestamp,
    /// The wave's last action before: after another one it counts no more (rule 5).
    pub last_action_at: Option<Timestamp>,
}

impl Evidence {
    /// What it says: PASS only on complete evidence, of a sufficient sample, of a sufficient share, with everything
    /// unsettled counted against (rule 5). Nobody commanded is INCONCLUSIVE.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Self { min_success, min_sample, small_sample, .. } = *self;
        let terms = LiveTerms { min_success, min_sample, small_sample };
        if self.complete { terms.verdict(self.live, self.commanded) } else { Verdict::Inconclusive }
    }
}

impl Measured {
    /// What follows from it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Exclusions { patients: 0, .. } | Self::Viewers { practices: 0, .. } => Verdict::Inconclusive,
            Self::Exclusions { excluded, without_return, patients, max_share } => {
                let kept = |excluded: u64| max_share.kept_by(excluded, *patients);
                Verdict::between(kept(excluded.saturating_add(*without_return)), kept(*excluded))
            }
            Self::Viewers { viewed, unheard, practices, min_share } => {
                let reached = |viewed: u32| min_share.reached_by(viewed.into(), (*practices).into());
                Verdict::between(reached(*viewed), reached(viewed.saturating_add(*unheard)))
            }
            Self::Concerns { count, count_max, .. } => {
                if count <= count_max {
                    Verdict::Pass
                } else {
                    Verdict::Fail
                }
            }
            Self::Hook { answer, .. } => answer.as_ref().map_or(Verdict::Inconclusive, |answer| answer.verdict),
        }
    }

    /// Whether more may come of it by waiting.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let is_of_nobody = matches!(self, Self::Exclusions { patients: 0, .. } | Self::Viewers { practices: 0, .. });
        !is_of_nobody && self.verdict() == Verdict::Inconclusive
    }

    /// Whether it is statistics that know it.
    pub(crate) fn is_of_statistics(&self) -> bool {
        matches!(self, Self::Exclusions { .. } | Self::Viewers { .. })
    }
}
