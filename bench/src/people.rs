//! The people of a programme: one writes it and submits its plan, another approves it.

use std::time::Duration;

use anyhow::Context;
use client::{Peer, PeerConfig};
use jiff::civil::Date;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;

use crate::process::Server;

/// Who writes the programme; another approves it.
pub(crate) const AUTHOR: &str = "author";
const APPROVER: &str = "approver";
/// The last part of the programme's name.
const PROGRAMME_ID: &str = "everybody";
pub(crate) const PROGRAMME: &str = "programmes/everybody";
/// The years after the first whose bank holidays are known.
const YEARS_KNOWN: i16 = 3;
const PATIENCE: Duration = Duration::from_secs(300);

/// Has the calendar know the bank holidays from the year of `today` on.
pub(crate) async fn import_holidays(server: &Server, today: Date) -> anyhow::Result<()> {
    let years = today.year()..=today.year() + YEARS_KNOWN;
    let holidays = sample::bank_holidays(years, &[]).context("no such holidays")?.encode();
    let mut calendar = CalendarServiceClient::new(peer(server, AUTHOR)?);
    let bank_holidays_json = holidays.into();
    let update =
        wire::UpdateCalendarRequest { bank_holidays_json, request_id: "holidays".into(), ..Default::default() };
    calendar.update_calendar(update).await?;
    Ok(())
}

/// Creates the programme from its document.
pub(crate) async fn create(server: &Server, specification: String) -> anyhow::Result<()> {
    let create = wire::CreateProgrammeRequest {
        programme_id: PROGRAMME_ID.into(),
        specification,
        request_id: "create".into(),
        ..Default::default()
    };
    programmes(server, AUTHOR)?.create_programme(create).await?;
    Ok(())
}

/// Makes the document a plan.
pub(crate) async fn submit(server: &Server) -> anyhow::Result<wire::Plan> {
    let submit = wire::SubmitPlanRequest { name: PROGRAMME.into(), request_id: "submit".into(), ..Default::default() };
    let submitted = programmes(server, AUTHOR)?.submit_plan(submit).await?.into_inner();
    submitted.plan.context("a plan was submitted")
}

/// Puts the plan in force.
pub(crate) async fn approve(server: &Server, plan: wire::Plan) -> anyhow::Result<()> {
    let approve = wire::ApprovePlanRequest {
        name: plan.name,
        plan_hash: plan.plan_hash,
        request_id: "approve".into(),
        ..Default::default()
    };
    programmes(server, APPROVER)?.approve_plan(approve).await?;
    Ok(())
}

/// To be called within a runtime.
pub(crate) fn programmes(server: &Server, account: &str) -> anyhow::Result<ProgrammeServiceClient<Peer>> {
    Ok(ProgrammeServiceClient::new(peer(server, account)?))
}

/// To be called within a runtime.
pub(crate) fn peer(server: &Server, account: &str) -> anyhow::Result<Peer> {
    let config = PeerConfig { deadline_default: PATIENCE, ..PeerConfig::default() };
    Ok(Peer::remote(&server.url(), account, config)?)
}
