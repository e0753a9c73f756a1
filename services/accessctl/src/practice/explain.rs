//! `accessctl practice explain`: why a practice is as it is, or was at a moment.

use clap::Args;
use proto::scheduler::v1 as scheduler;

use super::optional_name;
use crate::connection::Connection;
use crate::moments::{as_at, shown};
use crate::mutation::name;
use crate::output::{Output, Table, word};

#[derive(Args)]
pub(crate) struct Explain {
    /// Its ODS code, such as A81001
    practice: String,
    /// What to explain; capabilities/prospective-records where it is left out
    #[arg(long, default_value = "", value_name = "CAPABILITY")]
    capability: String,
    /// As of this moment, or of the end of this day (London's time), by what was recorded then; without it now
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

pub(super) async fn run(connection: &Connection, output: Output, wanted: Explain) -> anyhow::Result<()> {
    let ask = scheduler::ExplainPracticeRequest {
        practice: name("practices", &wanted.practice),
        capability: optional_name("capabilities", &wanted.capability),
        known_at: wanted.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = connection.enrolments().explain_practice(ask).await?.into_inner();
    if output.for_people() {
        if wanted.known_at.is_some() {
            anstream::println!("As of {}:", shown(reply.as_at.as_ref()));
        }
        anstream::println!("{}", reply.summary);
        if let Some(enrolment) = reply.enrolment.as_ref().filter(|enrolment| !enrolment.drift.is_empty()) {
            let stage = word(enrolment.state().as_str_name(), "ENROLMENT_STATE_");
            anstream::println!("Drift: {stage} by the programme, observed {}", enrolment.drift);
        }
        for one in &reply.information {
            anstream::println!("For information: {} ({})", one.evidence, one.resource);
        }
    }
    output.print("citizens_access.scheduler.v1.ExplainPracticeResponse", &reply, || {
        let mut table = Table::new(&["IN THE WAY", "EVIDENCE", "WHO ACTS", "WHAT CLEARS IT", "EARLIEST"]);
        for blocker in &reply.blockers {
            table.row([
                blocker.code.clone(),
                blocker.evidence.clone(),
                blocker.owner.clone(),
                blocker.clears_by.clone(),
                shown(blocker.earliest_at.as_ref()),
            ]);
        }
        table
    })
}
