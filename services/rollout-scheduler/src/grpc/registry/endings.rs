//! What the registry is told of what came to its end: commands by SettlePermits, or by an observation where there was no
//! permit; pauses by SetPauseOutcome.

use jiff::Timestamp;
use proto::registry::v1 as wire;
use rollout::effects::{PauseToTell, ToSettle};
use rollout::state::{Outcome, Ruling};
use rollout::{ActivationKey, Direction};

use super::{Asking, Registry, key_to_wire};
use crate::grpc::convert::moment;
use crate::peer::PeerError;

/// The reasons with which the registry refuses a judgement for good: the pause has ended, is one that only the practice ends,
/// or was late before.
const JUDGED_ALREADY: [&str; 3] = ["PAUSE_ENDED", "PAUSE_NOT_BY_PROGRAMME_DEFAULT", "PAUSE_JUDGED_LATE"];

/// What the registry made of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It stands there.
    Recorded,
    /// There is nothing left for it to change.
    TooLate {
        /// The registry's reason.
        reason: &'static str,
    },
}

/// What the registry made of endings.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Those that it knows now.
    pub(crate) keys: Vec<ActivationKey>,
    /// Its position after all that.
    pub(crate) position: u64,
    /// Why it does not know the others; none where it knows them all.
    pub(crate) failed: Option<PeerError>,
}

impl Registry {
    /// Says how permitted activations ended; at most [`KEYS_MAX`](super::KEYS_MAX). What took effect without a permit, or after another
    /// ending was recorded, is told as an observation: only the registry says live.
    pub(crate) async fn settle(&self, ended: &[ToSettle], asking: Asking) -> Result<Settled, PeerError> {
        let cause = asking.cause.clone();
        let request = wire::SettlePermitsRequest {
            settlements: ended.iter().map(settlement).collect(),
            request_id: asking.request_id,
            cause: asking.cause,
            ..wire::SettlePermitsRequest::default()
        };
        let reply = self.0.clone().settle_permits(request).await?.into_inner();
        if reply.results.len() != ended.len() {
            return Err(PeerError::Nonsense("SettlePermits answered another number of keys than it was told of"));
        }
        let mut settled = Settled { keys: Vec::new(), position: reply.position, failed: None };
        for (ended, result) in ended.iter().zip(&reply.results) {
            if result.refusal() != wire::SettlementRefusal::Unspecified {
                // The registry's record of the ending stands; that ours differs is a fault that people have to look at.
                tracing::error!(key = %ended.key, refusal = ?result.refusal(), "the registry did not take a settlement");
                if let Some(observation) = observation_of(ended) {
                    match self.observe_ending(observation, ended, &cause).await {
                        Ok(position) => settled.position = settled.position.max(position),
                        Err(error) => {
                            settled.failed = Some(error);
                            continue;
                        }
                    }
                }
            }
            settled.keys.push(ended.key.clone());
        }
        Ok(settled)
    }

    /// Tells what a supplier has confirmed, under the command's key.
    async fn observe_ending(
        &self,
        observation: wire::Observation,
        ended: &ToSettle,
        cause: &str,
    ) -> Result<u64, PeerError> {
        let ActivationKey { capability, practice, direction, generation } = &ended.key;
        let request = wire::RecordObservationRequest {
            observations: vec![observation],
            request_id: format!("{}/{practice}/{direction}/{generation}", capability.id()),
            cause: cause.to_owned(),
            ..wire::RecordObservationRequest::default()
        };
        let reply = self.0.clone().record_observation(request).await?.into_inner();
        if reply.results.iter().any(|result| result.verdict() == wire::ObservationVerdict::PracticeUnknown) {
            tracing::error!(key = %ended.key, "the registry has no such practice to observe");
        }
        Ok(reply.position)
    }

    /// Tells the judgement of a programme-default pause.
    ///
    /// # Errors
    /// Whatever is not the registry's own verdict on the pause: the judgement is still to be told.
    pub(crate) async fn set_pause_outcome(&self, judgement: &PauseToTell, asking: Asking) -> Result<Told, PeerError> {
        let PauseToTell { pause, ruling, deferred_to, .. } = judgement;
        let (outcome, until) = match ruling {
            Ruling::InTime { until, .. } => (wire::PauseOutcome::InTime, *until),
            Ruling::Late => (wire::PauseOutcome::Late, None),
        };
        let mut request = wire::SetPauseOutcomeRequest {
            name: format!("practices/{}/pauses/{}", pause.practice, pause.number),
            deferred_to: deferred_to.as_ref().map(ToString::to_string).unwrap_or_default(),
            until: until.map(moment),
            request_id: asking.request_id,
            cause: asking.cause,
            ..wire::SetPauseOutcomeRequest::default()
        };
        request.set_outcome(outcome);
        match self.0.clone().set_pause_outcome(request).await.map_err(PeerError::from) {
            Ok(_) => Ok(Told::Recorded),
            Err(error) => match JUDGED_ALREADY.into_iter().find(|reason| *reason == error.reason()) {
                Some(reason) => Ok(Told::TooLate { reason }),
                None => Err(error),
            },
        }
    }
}

/// When something took effect; none where nothing did. A supplier whose clock is ahead of ours has not observed the future.
fn applied_at(ended: &ToSettle) -> Option<Timestamp> {
    match &ended.outcome {
        Outcome::Applied { applied_at } => Some(*applied_at.min(&ended.settled_at)),
        Outcome::NotApplied | Outcome::Refused { .. } => None,
    }
}

/// What an ending says of the practice by itself; none where nothing took effect.
fn observation_of(ended: &ToSettle) -> Option<wire::Observation> {
    let observed = match ended.key.direction {
        Direction::Enable => wire::ObservedState::On,
        Direction::Disable => wire::ObservedState::Off,
    };
    let mut observation = wire::Observation {
        practice: format!("practices/{}", ended.key.practice),
        capability: ended.key.capability.to_string(),
        as_at: Some(moment(applied_at(ended)?)),
        command_key: Some(key_to_wire(&ended.key)),
        ..wire::Observation::default()
    };
    observation.set_state(observed);
    observation.set_source(wire::ObservationSource::SupplierConfirmation);
    Some(observation)
}

fn settlement(ended: &ToSettle) -> wire::Settlement {
    let outcome = match &ended.outcome {
        Outcome::Applied { .. } => wire::CommandOutcome::Applied,
        Outcome::NotApplied => wire::CommandOutcome::NotApplied,
        Outcome::Refused { .. } => wire::CommandOutcome::Refused,
    };
    let mut settlement = wire::Settlement {
        key: Some(key_to_wire(&ended.key)),
        as_at: applied_at(ended).map(moment),
        ..wire::Settlement::default()
    };
    settlement.set_outcome(outcome);
    settlement
}
