//! Permits: asking the registry for leave, and recording its answers.
//!
//! The loop does it for what it admits, and the handler of ClaimActivations for what a supplier takes. Either may do it
//! again: a key whose permit is open gets the same permit, and an answer that was recorded changes nothing.

use std::iter;

use journal::{Engine, Meta, Submission, SubmitError};
use rollout::{ActivationKey, Fact};

use crate::follower::{FollowedRegistry, JOURNAL_REWOUND};
use crate::grpc::{Asking, KEYS_MAX, Registry};
use crate::machine::{Command, Rejection, SchedulerMachine};
use crate::parts;
use crate::peer::PeerError;
use crate::selection;

/// The account that the scheduler's own records carry.
pub(crate) const SCHEDULER_ACCOUNT: &str = "scheduler";

/// The reason that the scheduler's own records carry: no person decided just then, a person's plan did before.
const AUTOMATION: &str = "AUTOMATION";

/// Why permits were not asked for, or the answers not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PermitsError {
    /// The registry did not answer, or refused the call as a whole.
    #[error("the registry gave no answer about permits")]
    Registry(#[from] PeerError),
    /// The journal did not take the answers.
    #[error("the registry's answers were not recorded")]
    Journal(#[from] SubmitError<Rejection>),
}

/// Asks for permits and records the answers. Clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Permits {
    pub(crate) registry: Registry,
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) followed: FollowedRegistry,
}

impl Permits {
    /// Asks for the permits of these keys, which share a cause, and records the answers in one decision with the seals.
    /// `fence` is the epoch it is done under; none for a supplier's claim. The registry's position after it.
    pub(crate) async fn acquire(
        &self,
        keys: &[ActivationKey],
        cause: &str,
        fence: Option<u64>,
    ) -> Result<u64, PermitsError> {
        let mut position = 0;
        for some in keys.chunks(KEYS_MAX) {
            let asking = Asking { request_id: self.request_id("permits", cause, some), cause: cause.to_owned() };
            // Before it is asked: what is heard afterwards may be newer than the answer.
            let known = self.registry_position_known();
            let (answers, registry_position) = self.registry.acquire(some, asking).await?;
            if registry_position < known {
                return Err(PeerError::Rewound { known, found: registry_position }.into());
            }
            let facts = parts::in_parts(Fact::Permits { answers, registry_position });
            // Not urgent: a hold that comes meanwhile is decided before them.
            let submitted = facts.into_iter().map(|fact| {
                let command = Command { fence, ..Command::open(rollout::Command::Learn(fact)) };
                parts::submit(&self.engine, Submission::new(command, by_scheduler(cause)))
            });
            parts::any(submitted).await?;
            position = registry_position;
        }
        Ok(position)
    }

    /// Where the registry must be at least (rule 17). Once the hold JOURNAL_REWOUND stands, anywhere: nothing but switch-offs
    /// is asked for then, and those must go.
    fn registry_position_known(&self) -> u64 {
        let published = self.engine.published();
        let mut holds = published.state.rollout.active_holds();
        if holds.any(|hold| hold.reason_code == JOURNAL_REWOUND) {
            return 0;
        }
        published.state.registry_position_highest.max(self.followed.view().position)
    }

    /// Records a fact, outside any fence: at a supplier's request.
    pub(crate) async fn learn(&self, cause: &str, fact: Fact) -> Result<(), PermitsError> {
        let commands = parts::in_parts(fact).into_iter().map(|fact| Command::open(rollout::Command::Learn(fact)));
        let submission = |command| Submission::new(command, by_scheduler(cause));
        parts::any(commands.map(|command| parts::submit(&self.engine, submission(command)))).await?;
        Ok(())
    }

    /// Names an act about these keys in this state, see [`request_id`].
    pub(crate) fn request_id(&self, act: &str, cause: &str, keys: &[ActivationKey]) -> String {
        request_id(act, self.engine.published().position, cause, keys)
    }
}

/// Names an act: the same act for the same cause at the same state has the same name, so that it can be repeated, and nothing
/// else has. The loop and a supplier that claims may well ask about the same keys at once.
fn request_id(act: &str, position: u64, cause: &str, keys: &[ActivationKey]) -> String {
    let digest = selection::hash_of_lines(iter::once(cause.to_owned()).chain(keys.iter().map(ToString::to_string)));
    format!("scheduler/{act}/{position}/{}", &digest[..16])
}

/// What a record of the scheduler's own carries.
pub(crate) fn by_scheduler(cause: &str) -> Meta {
    Meta {
        actor: SCHEDULER_ACCOUNT.to_owned(),
        reason_code: AUTOMATION.to_owned(),
        cause: cause.to_owned(),
        traceparent: telemetry::traceparent().map(|parent| parent.to_string()).unwrap_or_default(),
        ..Meta::default()
    }
}

#[cfg(test)]
mod tests {
    use rollout::Direction;

    use super::*;

    #[test]
    fn an_act_is_named_by_all_that_its_request_says() {
        let key = |generation| ActivationKey {
            capability: ods::Capability::default(),
            practice: "A81001".parse().unwrap(),
            direction: Direction::Enable,
            generation,
        };
        let asked = request_id("permits", 7, "programmes/p/waves/1", &[key(1), key(2)]);
        assert_eq!(asked, request_id("permits", 7, "programmes/p/waves/1", &[key(1), key(2)]));
        for other in [
            request_id("release", 7, "programmes/p/waves/1", &[key(1), key(2)]),
            request_id("permits", 8, "programmes/p/waves/1", &[key(1), key(2)]),
            request_id("permits", 7, "suppliers/EMIS", &[key(1), key(2)]),
            request_id("permits", 7, "programmes/p/waves/1", &[key(1)]),
        ] {
            assert_ne!(asked, other);
        }
    }
}
