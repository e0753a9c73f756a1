//! Enrolments.

use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::spec::Mode;
use rollout::state::{Enrolment, EnrolmentState, Programme, State, Wave};
use rollout::{ActivationKey, Direction, Drift, RegistryView, Target, WaveRef, drift};

use super::{activation, count, moment};

/// What enrolments are told from: what was decided, and what the registry says.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) state: &'a State,
    pub(crate) view: &'a RegistryView,
}

/// How the enrolment's practice has drifted.
pub(crate) fn drift_of(seen: Seen<'_>, programme: &Programme, enrolment: &Enrolment) -> Option<Drift> {
    let target = Target { practice: enrolment.practice, capability: programme.capability.clone() };
    drift(enrolment, seen.state.access(&target), seen.view.get(enrolment.practice)?, &programme.capability)
}

pub(crate) fn enrolment_to_wire(
    seen: Seen<'_>,
    programme: &Programme,
    wave: &Wave,
    enrolment: &Enrolment,
) -> wire::Enrolment {
    let target = Target { practice: enrolment.practice, capability: programme.capability.clone() };
    let notices = programme.notices.get(&enrolment.practice).into_iter().flat_map(|notices| notices.iter());
    let delivered = notices.filter(|notice| notice.wave == wave.id.wave).map(|notice| notice.delivered_at).min();
    wire::Enrolment {
        name: format!("{}/enrolments/{}", wave.id, enrolment.practice),
        practice: format!("practices/{}", enrolment.practice),
        capability: programme.capability.to_string(),
        state: state_to_wire(enrolment.stage.state()).into(),
        reason: enrolment.stage.reason().unwrap_or_default().to_owned(),
        mode: mode_to_wire(enrolment.mode).into(),
        supplier: enrolment.supplier.to_string(),
        patients_count: count(enrolment.load().patients),
        earliest_date: enrolment.planned_on.map(|date| date.to_string()).unwrap_or_default(),
        activation: activation_of(seen.state, &target, enrolment),
        notice_delivered_at: delivered.map(moment),
        changed_at: Some(moment(enrolment.changed_at)),
        ods_code: enrolment.practice.to_string(),
        icb_code: enrolment.icb.map(|icb| icb.to_string()).unwrap_or_default(),
        region_code: enrolment.region.map(|region| region.to_string()).unwrap_or_default(),
        successors: enrolment.stage.successors().iter().map(|code| format!("practices/{code}")).collect(),
        drift: drift_of(seen, programme, enrolment).map(Drift::as_str).unwrap_or_default().to_owned(),
    }
}

/// An enrolment by name; none where there is none.
pub(crate) fn find_to_wire(seen: Seen<'_>, id: &WaveRef, practice: PracticeCode) -> Option<wire::Enrolment> {
    let programme = seen.state.programme(&id.programme)?;
    let wave = programme.waves.get(&id.wave)?;
    Some(enrolment_to_wire(seen, programme, wave, wave.enrolment(practice)?))
}

/// The activation of this enrolment: open, or the last that ended.
fn activation_of(state: &State, target: &Target, enrolment: &Enrolment) -> Option<wire::Activation> {
    let key = ActivationKey {
        direction: Direction::Enable,
        practice: target.practice,
        capability: target.capability.clone(),
        generation: enrolment.generation?,
    };
    if let Some(open) = state.activation(&key) {
        return Some(activation::activation_to_wire(open));
    }
    let (last, outcome) = state.access(target)?.last.as_ref()?;
    (*last == key).then(|| activation::settled_to_wire(last, outcome))
}

pub(crate) fn mode_to_wire(mode: Mode) -> wire::EnablementMode {
    match mode {
        Mode::Push => wire::EnablementMode::Push,
        Mode::BookedDates => wire::EnablementMode::BookedDates,
        Mode::SelfService => wire::EnablementMode::SelfService,
    }
}

pub(crate) fn state_to_wire(state: EnrolmentState) -> wire::EnrolmentState {
    match state {
        EnrolmentState::Candidate => wire::EnrolmentState::Candidate,
        EnrolmentState::Notified => wire::EnrolmentState::Notified,
        EnrolmentState::Enrolled => wire::EnrolmentState::Enrolled,
        EnrolmentState::Admitted => wire::EnrolmentState::Admitted,
        EnrolmentState::Commanded => wire::EnrolmentState::Commanded,
        EnrolmentState::Unknown => wire::EnrolmentState::Unknown,
        EnrolmentState::Confirmed => wire::EnrolmentState::Confirmed,
        EnrolmentState::Verified => wire::EnrolmentState::Verified,
        EnrolmentState::Deferred => wire::EnrolmentState::Deferred,
        EnrolmentState::Withdrawn => wire::EnrolmentState::Withdrawn,
        EnrolmentState::Superseded => wire::EnrolmentState::Superseded,
        EnrolmentState::Refused => wire::EnrolmentState::Refused,
        EnrolmentState::Failed => wire::EnrolmentState::Failed,
        EnrolmentState::NotApplied => wire::EnrolmentState::NotApplied,
        EnrolmentState::Invited => wire::EnrolmentState::Invited,
        EnrolmentState::Lapsed => wire::EnrolmentState::Lapsed,
        EnrolmentState::Reverting => wire::EnrolmentState::Reverting,
        EnrolmentState::Reverted => wire::EnrolmentState::Reverted,
    }
}
