//! What people decide amid the programme: to take access away again, to move a wave, to plan anew, to lift by two; and what becomes
//! of the register.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use ods::civil::civil_date;
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use tonic::{Code, Status};

use super::{PROGRAMME, People, refused};
use crate::files;
use crate::plan::{Surgery, WAVES};

impl People {
    /// In whichever wave it was switched on; in the others, and where it was not, that is refused.
    pub(super) async fn revert(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        for wave in 1..=WAVES.len() {
            let request = wire::RevertPracticeRequest {
                enrolment: format!("{PROGRAMME}/waves/{wave}/enrolments/{practice}"),
                request_id: format!("act/{number}/{wave}"),
                reason_code: "WRONG_PATIENTS_SHOWN".to_owned(),
                ..Default::default()
            };
            ask!(self.scheduler("dora"), EnrolmentServiceClient.revert_practice(request))
                .map(|_| ())
                .or_else(refused)?;
        }
        Ok(())
    }

    /// One asks for it; another begins it, if the wave can be unwound still by then.
    pub(super) async fn unwind(&self, number: usize, wave: u32, begun_at: Timestamp) -> anyhow::Result<()> {
        let request = wire::UnwindWaveRequest {
            wave: format!("{PROGRAMME}/waves/{wave}"),
            clinical_reason: wire::ClinicalReason::InformationDisclosed.into(),
            request_id: format!("act/{number}"),
            reason_code: "CLINICAL_INCIDENT".to_owned(),
            note: "letters of others were shown".to_owned(),
            ..Default::default()
        };
        let first = request.clone();
        let asked = match ask!(self.scheduler("carol"), ProgrammeServiceClient.unwind_wave(first)) {
            Ok(asked) => asked.wave.unwrap_or_default().unwinding.unwrap_or_default(),
            Err(error) => return refused(error),
        };
        drop(self.clock.sleep_until(begun_at, &format!("people/{number:03}")).await);
        let second = wire::UnwindWaveRequest { etag: asked.etag, request_id: format!("act/{number}/begin"), ..request };
        ask!(self.scheduler("dora"), ProgrammeServiceClient.unwind_wave(second)).map(|_| ()).or_else(refused)
    }

    /// Lifts a safety hold: one person asks, and another agrees.
    pub(super) async fn lift_by_two(&self, hold: &wire::Hold, request_id: &str) -> anyhow::Result<()> {
        let request = wire::LiftHoldRequest {
            name: hold.name.clone(),
            request_id: request_id.to_owned(),
            reason_code: "LOOKED_AT".to_owned(),
            ..Default::default()
        };
        let first = request.clone();
        let asked = ask!(self.scheduler("carol"), HoldServiceClient.lift_hold(first))?.hold.unwrap_or_default();
        let second = wire::LiftHoldRequest { etag: asked.etag, request_id: format!("{request_id}/second"), ..request };
        ask!(self.scheduler("dora"), HoldServiceClient.lift_hold(second)).map(|_| ())
    }

    /// Too late, once the wave has opened.
    pub(super) async fn reschedule(&self, number: usize, wave: u32, opens_on: Date) -> anyhow::Result<()> {
        let request = wire::RescheduleWaveRequest {
            name: format!("{PROGRAMME}/waves/{wave}"),
            opens_on: opens_on.to_string(),
            request_id: format!("act/{number}"),
            reason_code: "NOT_ENOUGH_STAFF".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("alice"), ProgrammeServiceClient.reschedule_wave(request)).map(|_| ()).or_else(refused)
    }

    /// Writes, submits and has approved another version of the plan; where it comes too late for its first wave, or for the notice of
    /// its waves, it is no plan, and everything stays as it was.
    pub(super) async fn replan(&self, number: usize, document: &str) -> anyhow::Result<()> {
        let request = wire::UpdateProgrammeRequest {
            name: PROGRAMME.to_owned(),
            specification: document.to_owned(),
            request_id: format!("act/{number}/write"),
            reason_code: "RE_PLAN".to_owned(),
            ..Default::default()
        };
        if let Err(error) = ask!(self.scheduler("alice"), ProgrammeServiceClient.update_programme(request)) {
            return too_late(error);
        }
        let request = wire::SubmitPlanRequest {
            name: PROGRAMME.to_owned(),
            request_id: format!("act/{number}/submit"),
            reason_code: "FOR_APPROVAL".to_owned(),
            ..Default::default()
        };
        let plan = match ask!(self.scheduler("alice"), ProgrammeServiceClient.submit_plan(request)) {
            Ok(submitted) => submitted.plan.unwrap_or_default(),
            Err(error) => return too_late(error),
        };
        let request = wire::ApprovePlanRequest {
            name: plan.name,
            plan_hash: plan.plan_hash,
            request_id: format!("act/{number}/approve"),
            reason_code: "AS_SUBMITTED".to_owned(),
            ..Default::default()
        };
        ask!(self.scheduler("bob"), ProgrammeServiceClient.approve_plan(request)).map(|_| ()).or_else(refused)
    }

    /// By a file of the directory that has the one practice, from today on.
    pub(super) async fn move_practice(&self, number: usize, surgery: &Surgery) -> anyhow::Result<()> {
        let file = files::map(std::slice::from_ref(surgery));
        let today = civil_date(self.clock.now()).to_string();
        self.import(registry::DirectoryFormat::Map, file, format!("act/{number}"), today).await
    }

    pub(super) async fn close(&self, number: usize, practice: &str) -> anyhow::Result<()> {
        let request = registry::RecordSuccessionRequest {
            kind: registry::SuccessionKind::Close.into(),
            predecessors: vec![format!("practices/{practice}")],
            effective_date: civil_date(self.clock.now()).checked_add(1.day())?.to_string(),
            request_id: format!("act/{number}"),
            reason_code: "PRACTICE_CLOSES".to_owned(),
            ..Default::default()
        };
        ask!(self.registry("alice"), PracticeRegistryServiceClient.record_succession(request)).map(|_| ())
    }
}

/// A document with mistakes: the only ones of these stories are dates that have passed or come too soon.
fn too_late(error: anyhow::Error) -> anyhow::Result<()> {
    match error.downcast_ref::<Status>().map(Status::code) {
        Some(Code::InvalidArgument) => Ok(()),
        _ => refused(error),
    }
}
