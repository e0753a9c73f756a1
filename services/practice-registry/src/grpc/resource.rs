//! A practice on the wire.

use ods::Capability;
use practice::access::{ObservationSource, Observed, ObservedState, Permit};
use practice::directory::{ListSize, Status};
use practice::readiness::{ReadinessItem, ReadinessState, checklist};
use practice::signal::{SignalFact, SignalKind};
use practice::{Action, OrganisationKind, View};
use proto::registry::v1 as wire;

use crate::grpc::{advice, name, pause, permit, successions};

/// The practice as the view shows it. Its position and etag are those of its last change, also in a view of the past.
pub(crate) fn to_wire(view: View<'_>) -> wire::Practice {
    let practice = view.practice();
    let lifetime = view.lifetime();
    let list_size = view.list_size();
    wire::Practice {
        name: name::of_practice(view.code()),
        ods_code: view.code().to_string(),
        display_name: view.name().to_owned(),
        postcode: view.postcode().unwrap_or_default().to_owned(),
        status: status_to_wire(view.status()).into(),
        open_date: lifetime.open.map(|day| day.to_string()).unwrap_or_default(),
        close_date: lifetime.close.map(|day| day.to_string()).unwrap_or_default(),
        supplier: view.supplier().map(ToString::to_string).unwrap_or_default(),
        pcn_code: view.pcn().map(|code| code.to_string()).unwrap_or_default(),
        sub_icb_code: view.sub_icb().map(|code| code.to_string()).unwrap_or_default(),
        icb_code: view.icb().map(|code| code.to_string()).unwrap_or_default(),
        region_code: view.region().map(|code| code.to_string()).unwrap_or_default(),
        list_size: list_size.map(|size| i64::from(size.patients)).unwrap_or_default(),
        list_size_source: list_size.map(list_size_source).unwrap_or_default(),
        list_size_date: list_size.map(|size| size.date.to_string()).unwrap_or_default(),
        access: view.capabilities().iter().map(|capability| access_to_wire(view, capability)).collect(),
        pauses: view.pauses().map(|held| pause::to_wire(view, held)).collect(),
        readiness: view.readiness().map(|(item, at)| readiness_to_wire(item, Some(at))).collect(),
        create_time: Some(api::time::to_wire(practice.created_at)),
        update_time: Some(api::time::to_wire(practice.changed_at)),
        etag: etag(practice.position()),
        position: practice.position(),
        successions: view.successions().map(|known| successions::to_wire(view, known)).collect(),
        successors: view.successors().iter().map(|code| name::of_practice(*code)).collect(),
        predecessors: view.predecessors().map(name::of_practice).collect(),
        advice: view.advice().map(|given| advice::to_wire(view, given)).collect(),
    }
}

/// A figure never passes for a publication's where nobody has counted.
fn list_size_source(size: &ListSize) -> String {
    if size.carried_over { format!("{}, carried over", size.source) } else { size.source.clone() }
}

/// The whole checklist: what nothing was recorded on is NOT_STARTED.
pub(crate) fn checklist_to_wire(view: View<'_>) -> Vec<wire::ReadinessItem> {
    checklist(view).iter().map(|(item, at)| readiness_to_wire(item, *at)).collect()
}

/// The etag of a practice that changed last at `position`: that is all that distinguishes its versions.
pub(crate) fn etag(position: u64) -> String {
    format!("{position:x}")
}

/// The position that an etag stands for; None where it is none of ours.
pub(crate) fn position_of(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok().filter(|position| etag(*position) == text)
}

fn access_to_wire(view: View<'_>, capability: &Capability) -> wire::Access {
    let observed = view.observed(capability);
    let key = |action, generation| practice::CommandKey {
        capability: capability.clone(),
        practice: view.code(),
        action,
        generation,
    };
    let open_permits = view.open_permits(capability);
    let permits_to = |action: Action| {
        let of_action = open_permits.iter().filter(move |permit| permit.action == action);
        of_action.map(|held: &Permit| permit::to_wire(&key(held.action, held.generation), held))
    };
    wire::Access {
        capability: capability.to_string(),
        state: state_to_wire(observed.map_or(ObservedState::Unknown, |observed| observed.state)).into(),
        source: observed
            .map_or(wire::ObservationSource::Unspecified, |observed| source_to_wire(observed.by.source))
            .into(),
        as_at: observed.map(|observed| api::time::to_wire(observed.as_at)),
        recorded_at: observed.map(|observed| api::time::to_wire(observed.recorded_at)),
        live: observed.is_some_and(|observed| observed.is_live()),
        live_since: view.live_since(capability).map(api::time::to_wire),
        open_permit: permits_to(Action::Enable).next(),
        open_disable_permits: permits_to(Action::Disable).collect(),
        generation_highest: view.generation_highest(capability),
        switch_off_request: view.switch_off(capability).map(|request| wire::SwitchOffRequest {
            recorded_at: Some(api::time::to_wire(request.recorded_at)),
            requested_by: request.requested_by.clone(),
            reason_code: request.reason_code.clone(),
            inherited_from: request.inherited_from.map(name::of_practice).unwrap_or_default(),
        }),
        disputed: observed.is_some_and(|observed| observed.is_disputed),
        evidence: view.standing(capability).words().map(evidence_to_wire).collect(),
        signals: view.signals(capability).map(|(kind, fact)| signal_to_wire(kind, fact)).collect(),
    }
}

fn evidence_to_wire(word: &Observed) -> wire::Evidence {
    let settings = word.wrong_settings.iter().map(|wrong| wire::WrongSetting {
        setting: wrong.setting.clone(),
        expected: wrong.expected.clone(),
        actual: wrong.actual.clone(),
    });
    wire::Evidence {
        source: source_to_wire(word.source).into(),
        state: state_to_wire(word.state).into(),
        as_at: Some(api::time::to_wire(word.as_at)),
        recorded_at: Some(api::time::to_wire(word.recorded_at)),
        evidence: word.evidence.clone(),
        wrong_settings: settings.collect(),
    }
}

fn signal_to_wire(kind: SignalKind, fact: &SignalFact) -> wire::Signal {
    let kind = match kind {
        SignalKind::NoViewers => wire::SignalKind::NoViewers,
    };
    wire::Signal {
        kind: kind.into(),
        as_at: Some(api::time::to_wire(fact.as_at)),
        recorded_at: Some(api::time::to_wire(fact.recorded_at)),
        evidence: fact.evidence.clone(),
    }
}

fn readiness_to_wire(item: &ReadinessItem, recorded_at: Option<jiff::Timestamp>) -> wire::ReadinessItem {
    let state = match item.state {
        ReadinessState::NotStarted => wire::ReadinessState::NotStarted,
        ReadinessState::InProgress => wire::ReadinessState::InProgress,
        ReadinessState::Complete => wire::ReadinessState::Complete,
        ReadinessState::NotApplicable => wire::ReadinessState::NotApplicable,
        ReadinessState::Expired => wire::ReadinessState::Expired,
    };
    wire::ReadinessItem {
        item: item.item.clone(),
        state: state.into(),
        evidence: item.evidence.clone(),
        owner: item.owner.clone(),
        due_date: item.due_date.map(|day| day.to_string()).unwrap_or_default(),
        expires_at: item.expires_at.map(api::time::to_wire),
        recorded_at: recorded_at.map(api::time::to_wire),
    }
}

pub(crate) fn status_to_wire(status: Status) -> wire::PracticeStatus {
    match status {
        Status::Active => wire::PracticeStatus::Active,
        Status::Closed => wire::PracticeStatus::Closed,
        Status::Dormant => wire::PracticeStatus::Dormant,
        Status::Proposed => wire::PracticeStatus::Proposed,
    }
}

pub(crate) fn state_to_wire(state: ObservedState) -> wire::ObservedState {
    match state {
        ObservedState::Off => wire::ObservedState::Off,
        ObservedState::On => wire::ObservedState::On,
        ObservedState::Partial => wire::ObservedState::Partial,
        ObservedState::Unknown => wire::ObservedState::Unknown,
    }
}

/// None where it says nothing.
pub(crate) fn state_from_wire(state: i32) -> Option<ObservedState> {
    match wire::ObservedState::try_from(state) {
        Ok(wire::ObservedState::Off) => Some(ObservedState::Off),
        Ok(wire::ObservedState::On) => Some(ObservedState::On),
        Ok(wire::ObservedState::Partial) => Some(ObservedState::Partial),
        Ok(wire::ObservedState::Unknown) => Some(ObservedState::Unknown),
        Ok(wire::ObservedState::Unspecified) | Err(_) => None,
    }
}

pub(crate) fn source_to_wire(source: ObservationSource) -> wire::ObservationSource {
    match source {
        ObservationSource::SupplierConfirmation => wire::ObservationSource::SupplierConfirmation,
        ObservationSource::SupplierList => wire::ObservationSource::SupplierList,
        ObservationSource::Practice => wire::ObservationSource::Practice,
        ObservationSource::Inspection => wire::ObservationSource::Inspection,
        ObservationSource::Directory => wire::ObservationSource::Directory,
        ObservationSource::Succession => wire::ObservationSource::Succession,
    }
}

/// None where it says nothing. DIRECTORY and SUCCESSION are the registry's own.
pub(crate) fn source_from_wire(source: i32) -> Option<ObservationSource> {
    match wire::ObservationSource::try_from(source) {
        Ok(wire::ObservationSource::SupplierConfirmation) => Some(ObservationSource::SupplierConfirmation),
        Ok(wire::ObservationSource::SupplierList) => Some(ObservationSource::SupplierList),
        Ok(wire::ObservationSource::Practice) => Some(ObservationSource::Practice),
        Ok(wire::ObservationSource::Inspection) => Some(ObservationSource::Inspection),
        Ok(
            wire::ObservationSource::Directory
            | wire::ObservationSource::Succession
            | wire::ObservationSource::Unspecified,
        )
        | Err(_) => None,
    }
}

pub(crate) fn kind_to_wire(kind: OrganisationKind) -> wire::OrganisationKind {
    match kind {
        OrganisationKind::Pcn => wire::OrganisationKind::Pcn,
        OrganisationKind::SubIcb => wire::OrganisationKind::SubIcb,
        OrganisationKind::Icb => wire::OrganisationKind::Icb,
        OrganisationKind::Region => wire::OrganisationKind::Region,
    }
}
