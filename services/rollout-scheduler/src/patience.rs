//! Patience: a part of a look that failed rests for a while, then is tried again, and stops no other part meanwhile (I21).
//!
//! Nothing is ever given up here, and nothing is kept that could not be lost: what a part has to do is read from the state
//! each time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use journal::SubmitError;
use rollout::state::PauseRef;
use rollout::{ProgrammeId, WaveRef};

use crate::hooks::HookError;
use crate::machine::Rejection;
use crate::peer::PeerError;
use crate::permits::PermitsError;

/// When what failed once is tried again: the registry and the journal restart in about a second. It doubles with each
/// failure in a row.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// The longest rest: after a long outage nobody should wait for much longer than it took.
const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_mins(1);

/// What can fail by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The calls to suppliers.
    Calls,
    /// The look at everything, and what it proposes.
    Proposals,
    /// Telling the registry how activations ended: those of a wave, or the switch-offs.
    Settlements(Option<WaveRef>),
    /// Asking for permits: for a wave, or for switch-offs.
    Permits(Option<WaveRef>),
    /// Giving permits back.
    Releases,
    /// Telling the registry the judgement of a pause.
    Judgement(PauseRef),
    /// Recording which judgements were told.
    JudgementsTold,
    /// Declaring the readiness items of a programme's own to the registry.
    Items(ProgrammeId),
    /// Reading what statistics say of a wave.
    Figures(WaveRef),
    /// Asking the hook about a wave.
    Hook(WaveRef),
}

/// Another replica performs effects now, or the store of the lease does not answer: nothing more is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease is not ours")]
pub(crate) struct LeaseLost;

/// Why a part was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartError {
    /// See there.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The journal did not take a record.
    #[error("the journal took no record")]
    Journal(#[source] SubmitError<Rejection>),
    /// The registry did not answer, or refused.
    #[error("the registry did not do it")]
    Registry(#[from] PeerError),
    /// Statistics did not answer, or refused.
    #[error("statistics did not say")]
    Statistics(#[source] PeerError),
    /// A hook gave no answer that counts.
    #[error("the hook did not say")]
    Hook(#[from] HookError),
    /// The look came to no end by itself: a fault of this program, which stops nothing else (I10).
    #[error("the look at everything failed")]
    LookFailed(#[from] tokio::task::JoinError),
    /// The same: it goes on and on.
    #[error("the look at everything takes too long; it is not begun again before it ends")]
    LookUnending,
}

impl From<SubmitError<Rejection>> for PartError {
    fn from(error: SubmitError<Rejection>) -> Self {
        match error {
            SubmitError::Rejected(Rejection::LeaseLost { .. }) => Self::LeaseLost(LeaseLost),
            error => Self::Journal(error),
        }
    }
}

impl From<PermitsError> for PartError {
    fn from(error: PermitsError) -> Self {
        match error {
            PermitsError::Registry(error) => Self::Registry(error),
            PermitsError::Journal(error) => error.into(),
        }
    }
}

/// Which parts failed when they were tried last, and until when each rests.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failed: BTreeMap<Part, Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    length: SignedDuration,
    until: Timestamp,
}

impl Patience {
    /// Whether a part is not to be tried yet.
    pub(crate) fn rests(&self, part: &Part, now: Timestamp) -> bool {
        self.failed.get(part).is_some_and(|rest| now < rest.until)
    }

    /// When the first part that rests is to be tried again; none where nothing rests.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.failed.values().map(|rest| rest.until).filter(|until| now < *until).min()
    }

    /// Takes note of what came of a part: what failed is said, and rests. None where it failed.
    ///
    /// # Errors
    /// Where the lease is lost, which ends every part.
    pub(crate) fn heed<T>(
        &mut self,
        part: Part,
        outcome: Result<T, PartError>,
        now: Timestamp,
    ) -> Result<Option<T>, LeaseLost> {
        match outcome {
            Ok(done) => {
                self.failed.remove(&part);
                Ok(Some(done))
            }
            Err(PartError::LeaseLost(lost)) => Err(lost),
            Err(error) => {
                let length = self.failed.get(&part).map_or(RETRY_AFTER, |rest| rest.length * 2).min(RETRY_AFTER_MAX);
                let until = now.saturating_add(length).unwrap_or(Timestamp::MAX);
                tracing::warn!(?part, %until, error = telemetry::chain(&error), "failed; it is tried again");
                self.failed.insert(part, Rest { length, until });
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Result<(), PartError> {
        Err(PartError::LookUnending)
    }

    #[test]
    fn what_failed_rests_longer_each_time_and_nothing_else_does() {
        let mut now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let mut patience = Patience::default();
        let mut rests = Vec::new();
        for _ in 0..6 {
            assert_eq!(patience.heed(Part::Proposals, failed(), now), Ok(None));
            assert!(patience.rests(&Part::Proposals, now) && !patience.rests(&Part::Calls, now));
            let next = patience.next(now).unwrap();
            rests.push(next.duration_since(now).as_secs());
            now = next;
            assert!(!patience.rests(&Part::Proposals, now));
            assert_eq!(patience.next(now), None);
        }
        assert_eq!(rests, [5, 10, 20, 40, 60, 60]);
        assert_eq!(patience.heed(Part::Proposals, Ok(()), now), Ok(Some(())));
        assert_eq!(patience.heed(Part::Proposals, failed(), now), Ok(None));
        assert_eq!(patience.next(now), Some(now + RETRY_AFTER));
    }

    #[test]
    fn a_lost_lease_ends_everything() {
        let now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let lost: Result<(), _> = Err(PartError::LeaseLost(LeaseLost));
        assert_eq!(Patience::default().heed(Part::Releases, lost, now), Err(LeaseLost));
    }
}
