//! The unwinding of a wave.

use api::Error;
use jiff::Timestamp;
use proto::scheduler::v1 as wire;
use rollout::state::{ClinicalReason, Wave, WaveStage};

use super::{etag, moment};

pub(super) fn unwinding_to_wire(wave: &Wave, now: Timestamp) -> Option<wire::WaveUnwinding> {
    let unwinding = wave.unwinding.as_ref()?;
    let state = match (&unwinding.begun, unwinding.awaits_until(now)) {
        (Some(_), _) if wave.stage == WaveStage::Unwinding => wire::UnwindingState::UnderWay,
        (Some(_), _) => wire::UnwindingState::Done,
        (None, Some(_)) => wire::UnwindingState::AwaitingSecondPerson,
        (None, None) => wire::UnwindingState::Lapsed,
    };
    Some(wire::WaveUnwinding {
        state: state.into(),
        clinical_reason: reason_to_wire(unwinding.reason).into(),
        asked_by: unwinding.asked.by.to_string(),
        asked_at: Some(moment(unwinding.asked.at)),
        second_person_until: Some(moment(unwinding.until)),
        begun_by: unwinding.begun.as_ref().map(|begun| begun.by.to_string()).unwrap_or_default(),
        begun_at: unwinding.begun.as_ref().map(|begun| moment(begun.at)),
        etag: etag::of(unwinding.asked_at_position),
    })
}

pub(crate) fn reason_from_wire(reason: wire::ClinicalReason) -> Result<ClinicalReason, Error> {
    Ok(match reason {
        wire::ClinicalReason::Unspecified => {
            return Err(Error::invalid("clinical_reason", "FIELD_REQUIRED", "{field} is required"));
        }
        wire::ClinicalReason::HarmReported => ClinicalReason::HarmReported,
        wire::ClinicalReason::RiskOfHarm => ClinicalReason::RiskOfHarm,
        wire::ClinicalReason::InformationDisclosed => ClinicalReason::InformationDisclosed,
        wire::ClinicalReason::WrongSettings => ClinicalReason::WrongSettings,
    })
}

fn reason_to_wire(reason: ClinicalReason) -> wire::ClinicalReason {
    match reason {
        ClinicalReason::HarmReported => wire::ClinicalReason::HarmReported,
        ClinicalReason::RiskOfHarm => wire::ClinicalReason::RiskOfHarm,
        ClinicalReason::InformationDisclosed => wire::ClinicalReason::InformationDisclosed,
        ClinicalReason::WrongSettings => wire::ClinicalReason::WrongSettings,
    }
}
