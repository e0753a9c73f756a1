//! A practice of the registry as the scheduler sees it: from the wire.

use proto::registry::v1 as wire;
use rollout::{AccessFacts, AdviceFacts, ItemState, Observed, PauseEnd, PauseFacts, PracticeFacts, ReadinessFacts};

use super::convert::name;
use super::registry::code;
use crate::peer::PeerError;

pub(super) fn facts_from_wire(practice: &wire::Practice) -> Result<PracticeFacts, PeerError> {
    let readiness: Result<Vec<_>, PeerError> = practice.readiness.iter().map(readiness_from_wire).collect();
    let advice: Result<Vec<_>, PeerError> = practice.advice.iter().map(advice_from_wire).collect();
    let pauses: Result<Vec<_>, PeerError> = practice.pauses.iter().map(pause_from_wire).collect();
    let access: Result<Vec<_>, PeerError> = practice.access.iter().map(access_from_wire).collect();
    let successors: Result<Vec<_>, PeerError> =
        practice.successors.iter().map(|successor| Ok(name::practice("successors", successor)?)).collect();
    Ok(PracticeFacts {
        code: code(&practice.ods_code)?,
        supplier: optional(&practice.supplier)?,
        icb: optional(&practice.icb_code)?,
        sub_icb: optional(&practice.sub_icb_code)?,
        region: optional(&practice.region_code)?,
        pcn: optional(&practice.pcn_code)?,
        list_size: u32::try_from(practice.list_size).unwrap_or(0),
        open: practice.status() == wire::PracticeStatus::Active,
        successors: successors?,
        readiness: readiness?,
        advice: advice?,
        pauses: pauses?,
        access: access?,
    })
}

fn readiness_from_wire(item: &wire::ReadinessItem) -> Result<ReadinessFacts, PeerError> {
    Ok(ReadinessFacts {
        item: item.item.clone(),
        state: match item.state() {
            wire::ReadinessState::Complete => ItemState::Complete,
            wire::ReadinessState::NotApplicable => ItemState::NotApplicable,
            wire::ReadinessState::InProgress => ItemState::InProgress,
            wire::ReadinessState::Expired => ItemState::Expired,
            wire::ReadinessState::NotStarted | wire::ReadinessState::Unspecified => ItemState::NotStarted,
        },
        owner: item.owner.clone(),
        due_date: api::time::date("due_date", &item.due_date)?,
        expires_at: api::time::moment("expires_at", item.expires_at.as_ref())?,
        recorded_at: api::time::required_moment("recorded_at", item.recorded_at.as_ref())?,
    })
}

fn advice_from_wire(advice: &wire::Advice) -> Result<AdviceFacts, PeerError> {
    let number = advice.name.rsplit('/').next().and_then(|number| number.parse().ok());
    Ok(AdviceFacts {
        number: number.ok_or(PeerError::Nonsense("advice has no number"))?,
        is_to_wait: advice.kind() == wire::AdviceKind::Wait,
        capability: if advice.capability.is_empty() { None } else { Some(code(&advice.capability)?) },
        source: advice.source.clone(),
        reference: advice.reference.clone(),
        category: advice.category.clone(),
        from: api::time::required_moment("from", advice.from.as_ref())?,
        until: api::time::moment("until", advice.until.as_ref())?,
        review_on: api::time::date("review_on", &advice.review_on)?,
    })
}

fn pause_from_wire(pause: &wire::Pause) -> Result<PauseFacts, PeerError> {
    let number = pause.name.rsplit('/').next().and_then(|number| number.parse().ok());
    let until = api::time::moment("until", pause.until.as_ref())?;
    let end = match (pause.end(), until) {
        (wire::PauseEnd::Until, Some(until)) => PauseEnd::Until(until),
        (wire::PauseEnd::ProgrammeDefault, _) => PauseEnd::ProgrammeDefault,
        // An end that is not understood is none: the practice itself has to lift it.
        _ => PauseEnd::FurtherNotice,
    };
    Ok(PauseFacts {
        number: number.ok_or(PeerError::Nonsense("a pause has no number"))?,
        capability: if pause.capability.is_empty() { None } else { Some(code(&pause.capability)?) },
        end,
        recorded_at: api::time::required_moment("recorded_at", pause.recorded_at.as_ref())?,
        in_force: pause.in_force,
        pending_on: Vec::new(),
    })
}

fn access_from_wire(access: &wire::Access) -> Result<AccessFacts, PeerError> {
    Ok(AccessFacts {
        capability: code(&access.capability)?,
        observed: observed_from_wire(access.state()),
        disputed: access.disputed,
        said_by_supplier: said_by_supplier(access),
        observed_at: api::time::moment("as_at", access.as_at.as_ref())?,
        live_since: api::time::moment("live_since", access.live_since.as_ref())?,
        generation_highest: access.generation_highest,
        switch_off_requested: access.switch_off_request.is_some(),
    })
}

fn observed_from_wire(state: wire::ObservedState) -> Observed {
    match state {
        wire::ObservedState::On => Observed::On,
        wire::ObservedState::Off => Observed::Off,
        wire::ObservedState::Partial => Observed::Partial,
        wire::ObservedState::Unknown | wire::ObservedState::Unspecified => Observed::Unknown,
    }
}

/// The supplier's own latest word, among those that the state rests on.
fn said_by_supplier(access: &wire::Access) -> Observed {
    use wire::ObservationSource::{SupplierConfirmation, SupplierList};
    let by_supplier = |word: &&wire::Evidence| matches!(word.source(), SupplierConfirmation | SupplierList);
    let word = access.evidence.iter().find(by_supplier);
    word.map_or(Observed::Unknown, |word| observed_from_wire(word.state()))
}

/// The names that a supplier or an organisation may lack.
fn optional<T>(text: &str) -> Result<Option<T>, PeerError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    if text.is_empty() { Ok(None) } else { code(text).map(Some) }
}
