//! Keys and what became of them, between the wire and the ledgers.

use proto::supplier::v1 as wire;

use crate::ledger::Outcome;
use evidence::Refusal;
use evidence::{Direction, Key};

/// A key as it came, checked. `path` is the field it came in.
pub(super) fn key_from_wire(path: &str, key: &wire::ActivationKey) -> Result<Key, api::Error> {
    let practice = api::validate::resource_id(&format!("{path}.practice"), &key.practice, "practices")?;
    let direction = match key.direction() {
        wire::Direction::Enable => Direction::Enable,
        wire::Direction::Disable => Direction::Disable,
        wire::Direction::Unspecified => {
            return Err(api::Error::invalid(format!("{path}.direction"), "FIELD_REQUIRED", "{field} is required"));
        }
    };
    Ok(Key {
        capability: key.capability.parse().map_err(|error| invalid(&format!("{path}.capability"), error))?,
        practice: practice.parse().map_err(|error| invalid(&format!("{path}.practice"), error))?,
        direction,
        generation: key.generation,
    })
}

pub(super) fn key_to_wire(key: &Key) -> wire::ActivationKey {
    wire::ActivationKey {
        capability: key.capability.to_string(),
        practice: format!("practices/{}", key.practice),
        direction: match key.direction {
            Direction::Enable => wire::Direction::Enable,
            Direction::Disable => wire::Direction::Disable,
        }
        .into(),
        generation: key.generation,
    }
}

/// What the ledger knows of a key; none where it was never seen.
pub(super) fn activation(key: &Key, outcome: Option<Outcome>) -> wire::Activation {
    let mut activation = wire::Activation { key: Some(key_to_wire(key)), ..wire::Activation::default() };
    let outcome = match outcome {
        None => wire::ActivationOutcome::Unknown,
        Some(Outcome::Pending { due, .. }) => {
            activation.detail = format!("due at {due}");
            wire::ActivationOutcome::Accepted
        }
        Some(Outcome::Applied { at }) => {
            activation.applied_at = Some(api::time::to_wire(at));
            wire::ActivationOutcome::Applied
        }
        Some(Outcome::Refused(refusal)) => {
            activation.set_refusal(refusal_to_wire(refusal));
            wire::ActivationOutcome::Refused
        }
        Some(Outcome::Closed) => wire::ActivationOutcome::Closed,
    };
    activation.set_outcome(outcome);
    activation
}

fn refusal_to_wire(refusal: Refusal) -> wire::RefusalReason {
    match refusal {
        Refusal::NotTakingRequests => wire::RefusalReason::SupplierNotTakingRequests,
        Refusal::PracticeNotConfigured => wire::RefusalReason::PracticeNotConfigured,
        Refusal::GenerationSuperseded => wire::RefusalReason::GenerationSuperseded,
    }
}

pub(super) fn invalid(path: &str, error: impl std::fmt::Display) -> api::Error {
    api::Error::invalid(path, "NAME_INVALID", "{field}: {problem}").with("problem", error)
}
