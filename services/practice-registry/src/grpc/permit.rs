//! Command keys and permits on the wire.

use api::Error;
use practice::access::{Outcome, Permit};
use practice::{Action, CommandKey};
use proto::registry::v1 as wire;

use crate::grpc::name;

pub(crate) fn key_to_wire(key: &CommandKey) -> wire::CommandKey {
    let action = match key.action {
        Action::Enable => wire::CommandAction::Enable,
        Action::Disable => wire::CommandAction::Disable,
    };
    wire::CommandKey {
        capability: key.capability.to_string(),
        practice: name::of_practice(key.practice),
        action: action.into(),
        generation: key.generation,
    }
}

/// The key in the message at `path`.
pub(crate) fn key_from_wire(path: &str, key: &wire::CommandKey) -> Result<CommandKey, Error> {
    let action = match wire::CommandAction::try_from(key.action) {
        Ok(wire::CommandAction::Enable) => Action::Enable,
        Ok(wire::CommandAction::Disable) => Action::Disable,
        Ok(wire::CommandAction::Unspecified) | Err(_) => {
            return Err(Error::invalid(
                format!("{path}.action"),
                "FIELD_REQUIRED",
                "{field} must be ENABLE or DISABLE",
            ));
        }
    };
    if key.generation == 0 {
        return Err(Error::invalid(format!("{path}.generation"), "GENERATION_INVALID", "{field} begins with 1"));
    }
    Ok(CommandKey {
        capability: name::capability(&format!("{path}.capability"), &key.capability)?,
        practice: name::practice(&format!("{path}.practice"), &key.practice)?,
        action,
        generation: key.generation,
    })
}

/// The key that must be in the field at `path`.
pub(crate) fn required_key(path: &str, key: Option<&wire::CommandKey>) -> Result<CommandKey, Error> {
    let key = key.ok_or_else(|| Error::invalid(path, "FIELD_REQUIRED", "{field} is required"))?;
    key_from_wire(path, key)
}

pub(crate) fn to_wire(key: &CommandKey, permit: &Permit) -> wire::Permit {
    let state = match permit.settled.map(|settled| settled.outcome) {
        None => wire::PermitState::Open,
        Some(Outcome::Voided) => wire::PermitState::Released,
        Some(Outcome::Applied | Outcome::NotApplied | Outcome::Refused) => wire::PermitState::Settled,
    };
    let outcome = permit.settled.map(|settled| outcome_to_wire(settled.outcome));
    wire::Permit {
        key: Some(key_to_wire(key)),
        state: state.into(),
        granted_at: Some(api::time::to_wire(permit.granted_at)),
        settled_at: permit.settled.map(|settled| api::time::to_wire(settled.at)),
        outcome: outcome.unwrap_or(wire::CommandOutcome::Unspecified).into(),
    }
}

fn outcome_to_wire(outcome: Outcome) -> wire::CommandOutcome {
    match outcome {
        Outcome::Applied => wire::CommandOutcome::Applied,
        Outcome::NotApplied => wire::CommandOutcome::NotApplied,
        Outcome::Refused => wire::CommandOutcome::Refused,
        Outcome::Voided => wire::CommandOutcome::Voided,
    }
}

/// The outcome in the field at `path`.
pub(crate) fn outcome_from_wire(path: &str, outcome: i32) -> Result<Outcome, Error> {
    match wire::CommandOutcome::try_from(outcome) {
        Ok(wire::CommandOutcome::Applied) => Ok(Outcome::Applied),
        Ok(wire::CommandOutcome::NotApplied) => Ok(Outcome::NotApplied),
        Ok(wire::CommandOutcome::Refused) => Ok(Outcome::Refused),
        Ok(wire::CommandOutcome::Voided) => Ok(Outcome::Voided),
        Ok(wire::CommandOutcome::Unspecified) | Err(_) => {
            Err(Error::invalid(path, "FIELD_REQUIRED", "{field} must say how the command ended"))
        }
    }
}
