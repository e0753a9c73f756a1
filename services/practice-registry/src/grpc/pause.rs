//! Pauses and receipts on the wire.

use ods::PracticeCode;
use practice::pause::{Ending, Judgement, Pause, PauseEnd, ReceiptPart, ReceiptState};
use practice::{Action, CommandKey, View};
use proto::registry::v1 as wire;

use crate::grpc::{name, permit};

pub(crate) fn to_wire(view: View<'_>, pause: &Pause) -> wire::Pause {
    let (outcome, deferred_to) = match view.judgement(pause) {
        None => (wire::PauseOutcome::Unspecified, String::new()),
        Some(Judgement::InTime { deferred_to, until: _ }) => (wire::PauseOutcome::InTime, deferred_to.clone()),
        Some(Judgement::Late) => (wire::PauseOutcome::Late, String::new()),
    };
    let in_force = view.is_in_force(pause);
    let ended = pause.ended.filter(|_| !in_force);
    let ending = ended.map_or(wire::PauseEnding::Unspecified, |ended| match ended.ending {
        Ending::Lifted => wire::PauseEnding::Lifted,
        Ending::Lapsed => wire::PauseEnding::Lapsed,
    });
    wire::Pause {
        name: name::of_pause(view.code(), pause.number),
        capability: pause.capability.as_ref().map(ToString::to_string).unwrap_or_default(),
        end: end_to_wire(pause.end).into(),
        until: view.until(pause).map(api::time::to_wire),
        recorded_at: Some(api::time::to_wire(pause.recorded_at)),
        outcome: outcome.into(),
        deferred_to,
        reason_code: pause.reason_code.clone(),
        placed_by: pause.placed_by.clone(),
        on_behalf_of: pause.on_behalf_of.clone(),
        evidence: pause.evidence.clone(),
        receipt_state: receipt_state_to_wire(view.receipt(pause).state()).into(),
        in_force,
        ended_at: ended.map(|ended| api::time::to_wire(ended.at)),
        ending: ending.into(),
        inherited_from: origin(pause),
        holds_from: Some(api::time::to_wire(pause.holds_from())),
    }
}

/// The predecessor's pause that it comes from; empty where it is the practice's own.
fn origin(pause: &Pause) -> String {
    pause.inherited.map(|from| name::of_pause(from.practice, from.pause)).unwrap_or_default()
}

pub(crate) fn receipt_to_wire(view: View<'_>, pause: &Pause) -> wire::Receipt {
    let receipt = view.receipt(pause);
    wire::Receipt {
        name: name::of_receipt(view.code(), pause.number),
        pause: name::of_pause(view.code(), pause.number),
        state: receipt_state_to_wire(receipt.state()).into(),
        parts: receipt.parts().iter().map(|part| part_to_wire(view.code(), part)).collect(),
        recorded_at: Some(api::time::to_wire(pause.recorded_at)),
        final_at: receipt.final_at().map(api::time::to_wire),
        inherited_from: origin(pause),
    }
}

fn part_to_wire(practice: PracticeCode, part: &ReceiptPart) -> wire::ReceiptPart {
    let key = part.pending_on.map(|generation| CommandKey {
        capability: part.capability.clone(),
        practice,
        action: Action::Enable,
        generation,
    });
    wire::ReceiptPart {
        capability: part.capability.to_string(),
        state: receipt_state_to_wire(part.state).into(),
        command_key: key.as_ref().map(permit::key_to_wire),
        final_at: part.final_at.map(api::time::to_wire),
    }
}

fn end_to_wire(end: PauseEnd) -> wire::PauseEnd {
    match end {
        PauseEnd::Until(_) => wire::PauseEnd::Until,
        PauseEnd::FurtherNotice => wire::PauseEnd::FurtherNotice,
        PauseEnd::ProgrammeDefault => wire::PauseEnd::ProgrammeDefault,
    }
}

fn receipt_state_to_wire(state: ReceiptState) -> wire::ReceiptState {
    match state {
        ReceiptState::Prevented => wire::ReceiptState::Prevented,
        ReceiptState::Reversed => wire::ReceiptState::Reversed,
        ReceiptState::AlreadyOn => wire::ReceiptState::AlreadyOn,
        ReceiptState::Pending => wire::ReceiptState::Pending,
    }
}
