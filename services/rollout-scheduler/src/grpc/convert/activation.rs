//! Activation keys and activations.

use api::Error;
use jiff::Timestamp;
use proto::scheduler::v1 as wire;
use proto::supplier::v1 as supplier;
use rollout::SupplierAnswer;
use rollout::state::{Activation, ActivationStage, ActivationState, Outcome};
use rollout::{ActivationKey, Direction};

use super::{moment, name};

pub(crate) fn key_to_wire(key: &ActivationKey) -> supplier::ActivationKey {
    supplier::ActivationKey {
        capability: key.capability.to_string(),
        practice: format!("practices/{}", key.practice),
        direction: match key.direction {
            Direction::Enable => supplier::Direction::Enable,
            Direction::Disable => supplier::Direction::Disable,
        }
        .into(),
        generation: key.generation,
    }
}

/// A key as it came in the field at `path`.
pub(crate) fn key_from_wire(path: &str, key: &supplier::ActivationKey) -> Result<ActivationKey, Error> {
    let direction = match key.direction() {
        supplier::Direction::Enable => Direction::Enable,
        supplier::Direction::Disable => Direction::Disable,
        supplier::Direction::Unspecified => {
            return Err(Error::invalid(format!("{path}.direction"), "FIELD_REQUIRED", "{field} is required"));
        }
    };
    Ok(ActivationKey {
        direction,
        practice: name::practice(&format!("{path}.practice"), &key.practice)?,
        capability: name::code_of(&format!("{path}.capability"), &key.capability)?,
        generation: key.generation,
    })
}

pub(crate) fn keys_from_wire(path: &str, keys: &[supplier::ActivationKey]) -> Result<Vec<ActivationKey>, Error> {
    let numbered = keys.iter().enumerate();
    numbered.map(|(number, key)| key_from_wire(&format!("{path}[{number}]"), key)).collect()
}

/// What a supplier says became of a key. Where it says APPLIED without a moment, `now` is when.
pub(crate) fn answer_from_wire(activation: &supplier::Activation, now: Timestamp) -> Result<SupplierAnswer, Error> {
    Ok(match activation.outcome() {
        supplier::ActivationOutcome::Unspecified => SupplierAnswer::NoAnswer,
        supplier::ActivationOutcome::Accepted => SupplierAnswer::Accepted,
        supplier::ActivationOutcome::Applied => {
            let applied_at = api::time::moment("applied_at", activation.applied_at.as_ref())?;
            SupplierAnswer::Applied { at: applied_at.unwrap_or(now) }
        }
        supplier::ActivationOutcome::Refused => {
            let refusal = activation.refusal();
            SupplierAnswer::Refused { code: refusal_code(refusal).to_owned(), retryable: is_retryable(refusal) }
        }
        supplier::ActivationOutcome::Closed => SupplierAnswer::Closed,
        supplier::ActivationOutcome::Unknown => SupplierAnswer::NeverSeen,
    })
}

fn refusal_code(refusal: supplier::RefusalReason) -> &'static str {
    match refusal {
        supplier::RefusalReason::Unspecified => "UNSPECIFIED",
        supplier::RefusalReason::SupplierNotTakingRequests => "SUPPLIER_NOT_TAKING_REQUESTS",
        supplier::RefusalReason::PracticeNotConfigured => "PRACTICE_NOT_CONFIGURED",
        supplier::RefusalReason::PracticeNotServed => "PRACTICE_NOT_SERVED",
        supplier::RefusalReason::GenerationSuperseded => "GENERATION_SUPERSEDED",
    }
}

/// A refusal that is about this practice's set-up, or about who serves it, stays as it is until a person acts.
fn is_retryable(refusal: supplier::RefusalReason) -> bool {
    match refusal {
        supplier::RefusalReason::SupplierNotTakingRequests | supplier::RefusalReason::GenerationSuperseded => true,
        supplier::RefusalReason::PracticeNotConfigured
        | supplier::RefusalReason::PracticeNotServed
        | supplier::RefusalReason::Unspecified => false,
    }
}

pub(crate) fn activation_to_wire(activation: &Activation) -> wire::Activation {
    let mut wire = wire::Activation {
        key: Some(key_to_wire(&activation.key)),
        attempts_count: i32::try_from(activation.attempts).unwrap_or(i32::MAX),
        sealed_at: activation.sealed_at.map(moment),
        ..wire::Activation::default()
    };
    wire.set_state(state_to_wire(activation.stage.state()));
    if let ActivationStage::Settled { outcome, settled_at } = &activation.stage {
        wire.settled_at = Some(moment(*settled_at));
        wire.set_outcome(outcome_to_wire(outcome));
    }
    wire
}

/// The last activation of a practice, of which only key and outcome are kept.
pub(crate) fn settled_to_wire(key: &ActivationKey, outcome: &Outcome) -> wire::Activation {
    let mut wire = wire::Activation { key: Some(key_to_wire(key)), ..wire::Activation::default() };
    wire.set_state(wire::ActivationState::Settled);
    wire.set_outcome(outcome_to_wire(outcome));
    if let Outcome::Applied { applied_at } = outcome {
        wire.settled_at = Some(moment(*applied_at));
    }
    wire
}

fn state_to_wire(state: ActivationState) -> wire::ActivationState {
    match state {
        ActivationState::Intended => wire::ActivationState::Intended,
        ActivationState::Sealed => wire::ActivationState::Sealed,
        ActivationState::Sent => wire::ActivationState::Sent,
        ActivationState::Acked => wire::ActivationState::Acked,
        ActivationState::Unknown => wire::ActivationState::Unknown,
        ActivationState::Settled => wire::ActivationState::Settled,
    }
}

fn outcome_to_wire(outcome: &Outcome) -> wire::ActivationOutcome {
    match outcome {
        Outcome::Applied { .. } => wire::ActivationOutcome::Applied,
        Outcome::NotApplied => wire::ActivationOutcome::NotApplied,
        Outcome::Refused { .. } => wire::ActivationOutcome::Refused,
    }
}
