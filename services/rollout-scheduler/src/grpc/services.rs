//! The services: each RPC is one line here, and a function in the module of its noun.

use std::pin::Pin;

use futures_util::Stream;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_server::CalendarService;
use proto::scheduler::v1::enrolment_service_server::EnrolmentService;
use proto::scheduler::v1::forecast_service_server::ForecastService;
use proto::scheduler::v1::hold_service_server::HoldService;
use proto::scheduler::v1::notice_service_server::NoticeService;
use proto::scheduler::v1::programme_service_server::ProgrammeService;
use tonic::{Request, Response, Status};

use super::submit::Asked;
use super::{
    Handlers, calendar, concerns, enrolments, explanation, forecast, holds, lists, notices, plans, programmes, replay,
    unwinding, watch, waves,
};

/// A handler's reply, or its refusal as a status.
macro_rules! answer {
    ($handlers:expr, $request:expr, $handler:path) => {
        Ok(Response::new($handler($handlers, Asked::of($request)).await?))
    };
}

#[tonic::async_trait]
impl ProgrammeService for Handlers {
    async fn create_programme(
        &self,
        request: Request<wire::CreateProgrammeRequest>,
    ) -> Result<Response<wire::CreateProgrammeResponse>, Status> {
        answer!(self, request, programmes::create)
    }

    async fn get_programme(
        &self,
        request: Request<wire::GetProgrammeRequest>,
    ) -> Result<Response<wire::GetProgrammeResponse>, Status> {
        answer!(self, request, programmes::get)
    }

    async fn list_programmes(
        &self,
        request: Request<wire::ListProgrammesRequest>,
    ) -> Result<Response<wire::ListProgrammesResponse>, Status> {
        answer!(self, request, programmes::list)
    }

    async fn update_programme(
        &self,
        request: Request<wire::UpdateProgrammeRequest>,
    ) -> Result<Response<wire::UpdateProgrammeResponse>, Status> {
        answer!(self, request, programmes::update)
    }

    async fn cancel_programme(
        &self,
        request: Request<wire::CancelProgrammeRequest>,
    ) -> Result<Response<wire::CancelProgrammeResponse>, Status> {
        answer!(self, request, programmes::cancel)
    }

    async fn preview_plan(
        &self,
        request: Request<wire::PreviewPlanRequest>,
    ) -> Result<Response<wire::PreviewPlanResponse>, Status> {
        answer!(self, request, plans::preview)
    }

    async fn submit_plan(
        &self,
        request: Request<wire::SubmitPlanRequest>,
    ) -> Result<Response<wire::SubmitPlanResponse>, Status> {
        answer!(self, request, plans::submit)
    }

    async fn approve_plan(
        &self,
        request: Request<wire::ApprovePlanRequest>,
    ) -> Result<Response<wire::ApprovePlanResponse>, Status> {
        answer!(self, request, plans::approve)
    }

    async fn reject_plan(
        &self,
        request: Request<wire::RejectPlanRequest>,
    ) -> Result<Response<wire::RejectPlanResponse>, Status> {
        answer!(self, request, plans::reject)
    }

    async fn list_waves(
        &self,
        request: Request<wire::ListWavesRequest>,
    ) -> Result<Response<wire::ListWavesResponse>, Status> {
        answer!(self, request, waves::list)
    }

    async fn get_wave(
        &self,
        request: Request<wire::GetWaveRequest>,
    ) -> Result<Response<wire::GetWaveResponse>, Status> {
        answer!(self, request, waves::get)
    }

    async fn reschedule_wave(
        &self,
        request: Request<wire::RescheduleWaveRequest>,
    ) -> Result<Response<wire::RescheduleWaveResponse>, Status> {
        answer!(self, request, waves::reschedule)
    }

    async fn cancel_wave(
        &self,
        request: Request<wire::CancelWaveRequest>,
    ) -> Result<Response<wire::CancelWaveResponse>, Status> {
        answer!(self, request, waves::cancel)
    }

    async fn record_notice_delivery(
        &self,
        request: Request<wire::RecordNoticeDeliveryRequest>,
    ) -> Result<Response<wire::RecordNoticeDeliveryResponse>, Status> {
        answer!(self, request, waves::record_notice)
    }

    async fn unwind_wave(
        &self,
        request: Request<wire::UnwindWaveRequest>,
    ) -> Result<Response<wire::UnwindWaveResponse>, Status> {
        answer!(self, request, unwinding::unwind)
    }

    async fn decide_gate(
        &self,
        request: Request<wire::DecideGateRequest>,
    ) -> Result<Response<wire::DecideGateResponse>, Status> {
        answer!(self, request, waves::decide_gate)
    }

    type WatchProgrammeStream = Pin<Box<dyn Stream<Item = Result<wire::WatchProgrammeResponse, Status>> + Send>>;

    async fn watch_programme(
        &self,
        request: Request<wire::WatchProgrammeRequest>,
    ) -> Result<Response<Self::WatchProgrammeStream>, Status> {
        let changes = watch::watch(self, Asked::of(request)).await?;
        Ok(Response::new(Box::pin(changes)))
    }
}

#[tonic::async_trait]
impl EnrolmentService for Handlers {
    async fn list_enrolments(
        &self,
        request: Request<wire::ListEnrolmentsRequest>,
    ) -> Result<Response<wire::ListEnrolmentsResponse>, Status> {
        answer!(self, request, enrolments::list)
    }

    async fn get_enrolment(
        &self,
        request: Request<wire::GetEnrolmentRequest>,
    ) -> Result<Response<wire::GetEnrolmentResponse>, Status> {
        answer!(self, request, enrolments::get)
    }

    async fn explain_practice(
        &self,
        request: Request<wire::ExplainPracticeRequest>,
    ) -> Result<Response<wire::ExplainPracticeResponse>, Status> {
        answer!(self, request, explanation::explain)
    }

    async fn list_due_activations(
        &self,
        request: Request<wire::ListDueActivationsRequest>,
    ) -> Result<Response<wire::ListDueActivationsResponse>, Status> {
        answer!(self, request, lists::list_due)
    }

    async fn claim_activations(
        &self,
        request: Request<wire::ClaimActivationsRequest>,
    ) -> Result<Response<wire::ClaimActivationsResponse>, Status> {
        answer!(self, request, lists::claim)
    }

    async fn report_activation_results(
        &self,
        request: Request<wire::ReportActivationResultsRequest>,
    ) -> Result<Response<wire::ReportActivationResultsResponse>, Status> {
        answer!(self, request, lists::report)
    }

    async fn revert_practice(
        &self,
        request: Request<wire::RevertPracticeRequest>,
    ) -> Result<Response<wire::RevertPracticeResponse>, Status> {
        answer!(self, request, unwinding::revert)
    }

    async fn retry_activation(
        &self,
        request: Request<wire::RetryActivationRequest>,
    ) -> Result<Response<wire::RetryActivationResponse>, Status> {
        answer!(self, request, waves::retry)
    }
}

#[tonic::async_trait]
impl HoldService for Handlers {
    async fn place_hold(
        &self,
        request: Request<wire::PlaceHoldRequest>,
    ) -> Result<Response<wire::PlaceHoldResponse>, Status> {
        answer!(self, request, holds::place)
    }

    async fn lift_hold(
        &self,
        request: Request<wire::LiftHoldRequest>,
    ) -> Result<Response<wire::LiftHoldResponse>, Status> {
        answer!(self, request, holds::lift)
    }

    async fn list_holds(
        &self,
        request: Request<wire::ListHoldsRequest>,
    ) -> Result<Response<wire::ListHoldsResponse>, Status> {
        answer!(self, request, holds::list)
    }

    async fn acknowledge_halt(
        &self,
        request: Request<wire::AcknowledgeHaltRequest>,
    ) -> Result<Response<wire::AcknowledgeHaltResponse>, Status> {
        answer!(self, request, holds::acknowledge)
    }

    async fn report_concern(
        &self,
        request: Request<wire::ReportConcernRequest>,
    ) -> Result<Response<wire::ReportConcernResponse>, Status> {
        answer!(self, request, concerns::report)
    }

    async fn list_concerns(
        &self,
        request: Request<wire::ListConcernsRequest>,
    ) -> Result<Response<wire::ListConcernsResponse>, Status> {
        answer!(self, request, concerns::list)
    }
}

#[tonic::async_trait]
impl CalendarService for Handlers {
    async fn get_calendar(
        &self,
        request: Request<wire::GetCalendarRequest>,
    ) -> Result<Response<wire::GetCalendarResponse>, Status> {
        answer!(self, request, calendar::get)
    }

    async fn update_calendar(
        &self,
        request: Request<wire::UpdateCalendarRequest>,
    ) -> Result<Response<wire::UpdateCalendarResponse>, Status> {
        answer!(self, request, calendar::update)
    }

    async fn list_open_windows(
        &self,
        request: Request<wire::ListOpenWindowsRequest>,
    ) -> Result<Response<wire::ListOpenWindowsResponse>, Status> {
        answer!(self, request, calendar::list_windows)
    }

    async fn list_due_moments(
        &self,
        request: Request<wire::ListDueMomentsRequest>,
    ) -> Result<Response<wire::ListDueMomentsResponse>, Status> {
        answer!(self, request, calendar::list_due)
    }
}

#[tonic::async_trait]
impl ForecastService for Handlers {
    async fn forecast(
        &self,
        request: Request<wire::ForecastRequest>,
    ) -> Result<Response<wire::ForecastResponse>, Status> {
        answer!(self, request, forecast::forecast)
    }

    async fn replay_policy(
        &self,
        request: Request<wire::ReplayPolicyRequest>,
    ) -> Result<Response<wire::ReplayPolicyResponse>, Status> {
        answer!(self, request, replay::replay_policy)
    }
}

#[tonic::async_trait]
impl NoticeService for Handlers {
    async fn get_notice_status(
        &self,
        request: Request<wire::GetNoticeStatusRequest>,
    ) -> Result<Response<wire::GetNoticeStatusResponse>, Status> {
        answer!(self, request, notices::status)
    }

    async fn list_dispatches(
        &self,
        request: Request<wire::ListDispatchesRequest>,
    ) -> Result<Response<wire::ListDispatchesResponse>, Status> {
        answer!(self, request, notices::list)
    }

    async fn retry_notices(
        &self,
        request: Request<wire::RetryNoticesRequest>,
    ) -> Result<Response<wire::RetryNoticesResponse>, Status> {
        answer!(self, request, notices::retry)
    }

    async fn report_returned_notices(
        &self,
        request: Request<wire::ReportReturnedNoticesRequest>,
    ) -> Result<Response<wire::ReportReturnedNoticesResponse>, Status> {
        answer!(self, request, notices::returned)
    }
}
