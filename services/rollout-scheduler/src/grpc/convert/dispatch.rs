//! Notices that were sent, and how a wave's stand.

use api::Error;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::state::{Carrier, Dispatch, DispatchRef, DispatchStage, Means, Programme, Template};
use rollout::{DispatchKind, NoticeObstacle, NoticeStatus, WaveRef};

use super::{count, moment};
use crate::outbox::CarrierStanding;

/// Practices that an obstacle names; the list of dispatches has all.
const EXAMPLES_MAX: usize = 10;

pub(crate) fn dispatch_to_wire(programme: &Programme, practice: PracticeCode, dispatch: &Dispatch) -> wire::Dispatch {
    let name = DispatchRef { programme: programme.id.clone(), practice, number: dispatch.number };
    let given_at = match dispatch.stage {
        DispatchStage::Given { at } => Some(moment(at)),
        _ => None,
    };
    let carrier_id = match &dispatch.stage {
        DispatchStage::Taken { id } => id.clone(),
        _ => String::new(),
    };
    wire::Dispatch {
        name: name.to_string(),
        practice: format!("practices/{practice}"),
        wave: programme.wave_ref(dispatch.wave).to_string(),
        state: state_to_wire(&dispatch.stage).into(),
        reason: reason(&dispatch.stage).to_owned(),
        means: means_to_wire(dispatch.means).into(),
        carrier: carrier_to_wire(dispatch.carrier).into(),
        contact: format!("practices/{practice}/contacts/{}", dispatch.contact),
        not_before: dispatch.not_before.to_string(),
        moved: dispatch.template == Template::Moved,
        sealed_at: Some(moment(dispatch.sealed_at)),
        changed_at: Some(moment(dispatch.changed_at)),
        given_at,
        reference: dispatch.reference(&programme.id, practice),
        carrier_id,
    }
}

/// The state that a list is asked for; None for all.
pub(crate) fn state_from_wire(state: i32) -> Result<Option<wire::DispatchState>, Error> {
    match wire::DispatchState::try_from(state) {
        Ok(wire::DispatchState::Unspecified) => Ok(None),
        Ok(state) => Ok(Some(state)),
        Err(_) => Err(Error::invalid("state", "STATE_UNKNOWN", "{field} is no state of a dispatch")),
    }
}

pub(crate) fn state_to_wire(stage: &DispatchStage) -> wire::DispatchState {
    match stage {
        DispatchStage::Sealed => wire::DispatchState::Sealed,
        DispatchStage::Taken { .. } => wire::DispatchState::Taken,
        DispatchStage::HandedOver => wire::DispatchState::HandedOver,
        DispatchStage::Given { .. } => wire::DispatchState::Given,
        DispatchStage::Failed { .. } => wire::DispatchState::Failed,
    }
}

fn reason(stage: &DispatchStage) -> &'static str {
    match stage {
        DispatchStage::Failed { trouble } => trouble.as_str(),
        _ => "",
    }
}

fn means_to_wire(means: Means) -> wire::DispatchMeans {
    match means {
        Means::Email => wire::DispatchMeans::Email,
        Means::Post => wire::DispatchMeans::Post,
    }
}

fn carrier_to_wire(carrier: Carrier) -> wire::NoticeCarrier {
    match carrier {
        Carrier::Notify => wire::NoticeCarrier::Notify,
        Carrier::Smtp => wire::NoticeCarrier::Smtp,
        Carrier::Files => wire::NoticeCarrier::Files,
    }
}

pub(crate) fn status_to_wire(
    wave: &WaveRef,
    status: &NoticeStatus,
    carriers: &[CarrierStanding],
    position: u64,
) -> wire::GetNoticeStatusResponse {
    wire::GetNoticeStatusResponse {
        wave: wave.to_string(),
        practices_count: count(status.practices_count),
        noticed_count: count(status.noticed_count),
        dispatches: status.dispatches.iter().map(count_to_wire).collect(),
        obstacles: status.obstacles.iter().map(obstacle_to_wire).collect(),
        carriers: carriers.iter().map(carrier_status_to_wire).collect(),
        position,
    }
}

fn count_to_wire((kind, dispatches): (&DispatchKind, &u64)) -> wire::DispatchCount {
    let state = wire::DispatchState::from_str_name(&format!("DISPATCH_STATE_{}", kind.stage));
    wire::DispatchCount {
        state: state.unwrap_or_default().into(),
        means: means_to_wire(kind.means).into(),
        carrier: carrier_to_wire(kind.carrier).into(),
        reason: kind.trouble.map(rollout::state::Trouble::as_str).unwrap_or_default().to_owned(),
        dispatches_count: count(*dispatches),
    }
}

fn obstacle_to_wire(obstacle: &NoticeObstacle) -> wire::NoticeObstacle {
    let examples = obstacle.practices.iter().take(EXAMPLES_MAX);
    wire::NoticeObstacle {
        code: obstacle.code.to_owned(),
        owner: obstacle.owner.to_owned(),
        clears_by: obstacle.clears_by.clone(),
        practices_count: count(obstacle.practices.len() as u64),
        practices: examples.map(|practice| format!("practices/{practice}")).collect(),
    }
}

fn carrier_status_to_wire(standing: &CarrierStanding) -> wire::CarrierStatus {
    let mut status =
        wire::CarrierStatus { carrier: carrier_to_wire(standing.carrier).into(), ..wire::CarrierStatus::default() };
    if let Some((until, error)) = &standing.rest {
        status.rests_until = Some(moment(*until));
        status.reason = error.reason().to_owned();
        // Others' words are in it (rule 16).
        status.message = api::nhs_number::told(&error.to_string()).to_owned();
        status.remedy = error.remedy().to_owned();
    }
    status
}
