//! `accessctl practice revert`: one person has what a wave did at one practice undone.

use clap::Args;
use proto::scheduler::v1 as scheduler;

use crate::connection::Connection;
use crate::mutation::Change;
use crate::output::{Output, Table, word};

#[derive(Args)]
pub(crate) struct Revert {
    /// Its ODS code, such as A81001
    practice: String,
    /// The wave that switched it on, programmes/spring-opening/waves/3
    #[arg(long)]
    wave: String,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(connection: &Connection, output: Output, wanted: Revert) -> anyhow::Result<()> {
    let request = scheduler::RevertPracticeRequest {
        enrolment: format!("{}/enrolments/{}", wanted.wave, wanted.practice),
        request_id: wanted.change.request_id()?,
        reason_code: wanted.change.reason_code.clone(),
        note: wanted.change.reason.clone(),
        dry_run: wanted.change.dry_run,
    };
    let reply = connection.enrolments().revert_practice(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.RevertPracticeResponse", &reply, || {
        let enrolment = reply.enrolment.clone().unwrap_or_default();
        Table::facts([
            ("practice", enrolment.practice.clone()),
            ("state", word(enrolment.state().as_str_name(), "ENROLMENT_STATE_")),
            ("position", reply.position.to_string()),
        ])
    })
}
