//! What was known at a moment that has passed: the scheduler's state and the registry's practices, together.
//!
//! It does not change any more, so the last few that somebody asked about are kept: whoever asks about one practice then
//! mostly asks about others as well, or about the same at moments near by.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rollout::RegistryView;

use crate::machine::State;

/// Moments that are kept: each holds every practice, and a state of its own.
const KEPT_MAX: usize = 4;

/// What was known at a moment.
#[derive(Debug)]
pub(crate) struct Past {
    /// The scheduler's state.
    pub(crate) state: State,
    /// Its position.
    pub(crate) position: u64,
    /// The registry's practices.
    pub(crate) view: RegistryView,
}

/// Moments with what was then, oldest asked about first.
type Kept = VecDeque<(Timestamp, Arc<Past>)>;

/// Moments asked about lately. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pasts(Arc<Mutex<Kept>>);

impl Pasts {
    pub(crate) fn of(&self, moment: Timestamp) -> Option<Arc<Past>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(at, _)| *at == moment).map(|(_, past)| Arc::clone(past))
    }

    /// Keeps a moment. It must lie before now: at this very moment more may be recorded.
    pub(crate) fn keep(&self, moment: Timestamp, past: &Arc<Past>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((moment, Arc::clone(past)));
        while kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }
}
