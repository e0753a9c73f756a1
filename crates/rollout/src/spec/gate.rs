//! Gates as written: what a wave must show before it counts as passed (rule 5).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Share;
use crate::small_sample;
use crate::state::{Severity, Verdict};

/// Longest name of a hook, in characters: one line of a list.
const HOOK_NAME_CHARS_MAX: usize = 40;

/// What a wave must show before it counts as passed (rule 5). Every condition that is written must hold: one that fails fails
/// the gate, and one of which too little is known leaves it inconclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateSpec {
    /// At least this share of the practices that were commanded must be live.
    pub min_success: Share,
    /// Of fewer commanded practices nothing can be said: INCONCLUSIVE, unless `small_sample` says how.
    pub min_sample: u32,
    /// How long after the wave's last action the evidence ripens, e.g. `48h`.
    pub soak: SignedDuration,
    /// How long after that incomplete evidence is waited for, before the gate is INCONCLUSIVE.
    pub timeout: SignedDuration,
    /// How fewer commanded practices than `min_sample` are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_sample: Option<SmallSampleSpec>,
    /// How many patients may be kept out by the enhanced-review code, by suppliers' returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusions: Option<ExclusionSpec>,
    /// At how many practices somebody must have opened a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewers: Option<ViewerSpec>,
    /// At most so many concerns of a severity or worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concerns: Option<BTreeMap<Severity, u32>>,
    /// Whom to ask besides, by the name under which the scheduler knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookName>,
}

/// How a small sample is judged: by Wald's sequential test of `min_success` against a share that is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallSampleSpec {
    /// The share of live practices of which nobody could accept that it passes; less than `min_success`.
    pub unacceptable: Share,
    /// How likely at most it passes all the same; and how likely at most a wave of the share `min_success` fails.
    pub risk: Share,
}

/// How many patients may be kept out by the enhanced-review code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionSpec {
    /// At most this share of the registered patients of the practices that were switched on. A practice without a return of a
    /// day after the wave's last action counts as one that excludes everybody.
    pub max_share: Share,
}

/// At how many practices somebody must have opened a record: on, and nobody looks, is not on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewerSpec {
    /// At least this share of the practices that were switched on.
    pub min_share: Share,
}

/// The name of somebody who is asked about a wave: lower-case letters, digits and hyphens, beginning with a letter. Where it
/// is, whoever runs the scheduler knows: a document holds no address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookName(Arc<str>);

/// What is not a hook's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a hook's name: lower-case letters, digits and hyphens, beginning with a letter, at most 40")]
pub struct NotAHookName {
    /// What was given.
    pub given: String,
}

/// What decides about the share of live practices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveTerms {
    pub(crate) min_success: Share,
    pub(crate) min_sample: u32,
    pub(crate) small_sample: Option<SmallSampleSpec>,
}

impl LiveTerms {
    /// What so many live practices of so many that were commanded say, if nothing more can be learnt of them.
    pub(crate) fn verdict(self, live: u32, commanded: u32) -> Verdict {
        let reached = self.min_success.reached_by(live.into(), commanded.into());
        match self.small_sample {
            _ if commanded == 0 => Verdict::Inconclusive,
            _ if commanded >= self.min_sample => {
                if reached {
                    Verdict::Pass
                } else {
                    Verdict::Fail
                }
            }
            Some(test) => match small_sample::verdict(test, self.min_success, live, commanded) {
                // Never looser than the share itself.
                Verdict::Pass if !reached => Verdict::Inconclusive,
                verdict => verdict,
            },
            None => Verdict::Inconclusive,
        }
    }
}

impl GateSpec {
    pub(crate) fn live_terms(&self) -> LiveTerms {
        LiveTerms { min_success: self.min_success, min_sample: self.min_sample, small_sample: self.small_sample }
    }

    /// Whether it rests on what only statistics know.
    #[must_use]
    pub fn asks_statistics(&self) -> bool {
        self.exclusions.is_some() || self.viewers.is_some()
    }
}

impl HookName {
    /// Checks a name.
    ///
    /// # Errors
    /// Where it is not lower-case letters, digits and hyphens, beginning with a letter, at most 40.
    pub fn new(text: &str) -> Result<Self, NotAHookName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = text.len() <= HOOK_NAME_CHARS_MAX
            && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && text.bytes().all(allowed);
        if well_formed { Ok(Self(text.into())) } else { Err(NotAHookName { given: text.to_owned() }) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HookName {
    type Error = NotAHookName;

    fn try_from(text: String) -> Result<Self, NotAHookName> {
        Self::new(&text)
    }
}

impl From<HookName> for String {
    fn from(name: HookName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for HookName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
