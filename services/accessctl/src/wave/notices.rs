//! `accessctl wave notices`, `retry-notices` and `returned`: what was sent to a wave's practices, to how many, what failed and
//! what to do.

use clap::{Args, ValueEnum};
use proto::scheduler::v1 as scheduler;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

#[derive(Args)]
pub(crate) struct Notices {
    /// programmes/spring-opening/waves/3
    wave: String,
    /// Each notice that was sent, not how they stand as a whole
    #[arg(long)]
    list: bool,
    /// Of the list: only those in this state
    #[arg(long, value_enum, requires = "list")]
    state: Option<State>,
    /// Of the list: only those to this practice
    #[arg(long, value_name = "CODE", requires = "list")]
    practice: Option<String>,
}

/// Where a notice is.
#[derive(Clone, Copy, ValueEnum)]
enum State {
    /// Counts as sent; what became of the call is not known yet
    Sealed,
    /// Its carrier has taken it on
    Taken,
    /// Handed over to somebody who says nothing back
    HandedOver,
    /// It has reached the practice, or counts as having done so
    Given,
    /// It did not reach the practice
    Failed,
}

#[derive(Args)]
pub(crate) struct RetryNotices {
    /// programmes/spring-opening/waves/3
    wave: String,
    /// Only this practice's; may be given more than once
    #[arg(long = "practice", value_name = "CODE")]
    practices: Vec<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Args)]
pub(crate) struct Returned {
    /// programmes/spring-opening/waves/3
    wave: String,
    /// Whose notices came back
    #[arg(required = true, value_name = "CODE")]
    practices: Vec<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn show(connection: &Connection, output: Output, notices: Notices) -> anyhow::Result<()> {
    if notices.list {
        return list(connection, output, notices).await;
    }
    let request = scheduler::GetNoticeStatusRequest { wave: notices.wave, ..Default::default() };
    let reply = connection.notices().get_notice_status(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.GetNoticeStatusResponse", &reply, || Table::facts(facts(&reply)))
}

fn facts(status: &scheduler::GetNoticeStatusResponse) -> Vec<(&'static str, String)> {
    let of = format!("{} of {} practices", number(status.noticed_count), number(status.practices_count));
    let mut facts = vec![("wave", status.wave.clone()), ("have their notice", of)];
    for count in &status.dispatches {
        let state = word(count.state().as_str_name(), "DISPATCH_STATE_").to_lowercase().replace('_', " ");
        let means = means(count.means());
        let carrier = word(count.carrier().as_str_name(), "NOTICE_CARRIER_");
        let why = if count.reason.is_empty() { String::new() } else { format!(", {}", count.reason) };
        facts.push(("sent", format!("{} {means} by {carrier}: {state}{why}", number(count.dispatches_count))));
    }
    for obstacle in &status.obstacles {
        let whose =
            obstacle.practices.iter().map(|one| one.trim_start_matches("practices/")).collect::<Vec<_>>().join(", ");
        let more = usize::try_from(obstacle.practices_count).is_ok_and(|count| count > obstacle.practices.len());
        let dots = if more { ", …" } else { "" };
        facts.push(("in the way", format!("{} of {}: {whose}{dots}", obstacle.code, number(obstacle.practices_count))));
        facts.push(("", format!("{} act: {}", obstacle.owner, obstacle.clears_by)));
    }
    for carrier in &status.carriers {
        let name = word(carrier.carrier().as_str_name(), "NOTICE_CARRIER_");
        if carrier.rests_until.is_some() {
            let until = shown(carrier.rests_until.as_ref());
            facts.push(("carrier", format!("{name} rests until {until}, {}: {}", carrier.reason, carrier.message)));
            facts.push(("", carrier.remedy.clone()));
        } else {
            facts.push(("carrier", format!("{name} works, as far as is known")));
        }
    }
    facts
}

async fn list(connection: &Connection, output: Output, notices: Notices) -> anyhow::Result<()> {
    let state = match notices.state {
        None => scheduler::DispatchState::Unspecified,
        Some(State::Sealed) => scheduler::DispatchState::Sealed,
        Some(State::Taken) => scheduler::DispatchState::Taken,
        Some(State::HandedOver) => scheduler::DispatchState::HandedOver,
        Some(State::Given) => scheduler::DispatchState::Given,
        Some(State::Failed) => scheduler::DispatchState::Failed,
    };
    let list = scheduler::ListDispatchesRequest {
        parent: notices.wave,
        state: state.into(),
        practice: notices.practice.map(|practice| name("practices", &practice)).unwrap_or_default(),
        ..Default::default()
    };
    let reply = every_page!(connection.notices(), list_dispatches, list, dispatches);
    output.print("citizens_access.scheduler.v1.ListDispatchesResponse", &reply, || {
        let mut table =
            Table::new(&["NOTICE", "STATE", "WHY", "BY", "CARRIER", "CONTACT", "NOT BEFORE", "SENT", "GIVEN"]);
        for dispatch in &reply.dispatches {
            table.row([
                dispatch.name.clone(),
                word(dispatch.state().as_str_name(), "DISPATCH_STATE_"),
                dispatch.reason.clone(),
                means(dispatch.means()).to_owned(),
                word(dispatch.carrier().as_str_name(), "NOTICE_CARRIER_"),
                dispatch.contact.clone(),
                dispatch.not_before.clone(),
                shown(dispatch.sealed_at.as_ref()),
                shown(dispatch.given_at.as_ref()),
            ]);
        }
        table
    })
}

fn means(means: scheduler::DispatchMeans) -> &'static str {
    match means {
        scheduler::DispatchMeans::Email => "e-mail",
        scheduler::DispatchMeans::Post => "letter",
        scheduler::DispatchMeans::Unspecified => "",
    }
}

pub(super) async fn retry(connection: &Connection, output: Output, retry: RetryNotices) -> anyhow::Result<()> {
    let request = scheduler::RetryNoticesRequest {
        wave: retry.wave,
        practices: retry.practices.iter().map(|practice| name("practices", practice)).collect(),
        request_id: retry.change.request_id()?,
        reason_code: retry.change.reason_code.clone(),
        note: retry.change.reason.clone(),
        dry_run: retry.change.dry_run,
    };
    let reply = connection.notices().retry_notices(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.RetryNoticesResponse", &reply, || {
        Table::facts([
            ("tried again", format!("{} practices", number(reply.affected_count))),
            ("position", reply.position.to_string()),
        ])
    })
}

pub(super) async fn returned(connection: &Connection, output: Output, returned: Returned) -> anyhow::Result<()> {
    let request = scheduler::ReportReturnedNoticesRequest {
        wave: returned.wave,
        practices: returned.practices.iter().map(|practice| name("practices", practice)).collect(),
        request_id: returned.change.request_id()?,
        reason_code: returned.change.reason_code.clone(),
        note: returned.change.reason.clone(),
        dry_run: returned.change.dry_run,
    };
    let reply = connection.notices().report_returned_notices(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.ReportReturnedNoticesResponse", &reply, || {
        Table::facts([
            ("came back", format!("{} practices", number(reply.affected_count))),
            ("position", reply.position.to_string()),
        ])
    })
}
