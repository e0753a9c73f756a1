//! `accessctl practice states`: each state that practices came into, also those that a later one followed within minutes.

use clap::Args;
use proto::registry::v1 as registry;

use crate::connection::{Connection, every_page};
use crate::moments::{as_at, moment, shown};
use crate::observe;
use crate::output::{Output, Table, number, word};

#[derive(Args)]
pub(crate) struct States {
    /// What was recorded after this moment, or from this day on (London's time)
    #[arg(long, value_name = "MOMENT")]
    since: String,
    /// …and at this moment or before, or by the end of this day; without it up to now
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, wanted: States) -> anyhow::Result<()> {
    let list = registry::ListPracticeStatesRequest {
        since: Some(moment(&wanted.since)?),
        until: wanted.until.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.registry(), list_practice_states, list, states);
    output.print("citizens_access.registry.v1.ListPracticeStatesResponse", &reply, || {
        let mut table = Table::new(&["RECORDED", "PRACTICE", "STATUS", "SUPPLIER", "PATIENTS", "OBSERVED", "PAUSED"]);
        for state in &reply.states {
            let Some(practice) = &state.practice else { continue };
            let is_paused = practice.pauses.iter().any(|pause| pause.in_force);
            table.row([
                shown(state.recorded_at.as_ref()),
                practice.ods_code.clone(),
                word(practice.status().as_str_name(), "PRACTICE_STATUS_"),
                practice.supplier.clone(),
                number(practice.list_size),
                practice.access.first().map(observe::in_a_word).unwrap_or_default(),
                if is_paused { "yes" } else { "no" }.to_owned(),
            ]);
        }
        table
    })
}
