//! `accessctl stats quarantine`: events that were not counted, whose, and why.

use clap::Args;
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::output::{Output, Table, number};

#[derive(Args)]
pub(crate) struct Quarantine {
    /// Only of this source; all where it is left out
    #[arg(default_value = "")]
    source: String,
}

pub(crate) async fn list(connection: &Connection, output: Output, asked: Quarantine) -> anyhow::Result<()> {
    let list = statistics::ListQuarantinedEventsRequest { source: asked.source, ..Default::default() };
    let reply = every_page!(connection.ingest(), list_quarantined_events, list, batches);
    output.print("citizens_access.statistics.v1.ListQuarantinedEventsResponse", &reply, || {
        let mut table =
            Table::new(&["SOURCE", "INCARNATION", "FIRST", "LAST", "EVENTS", "REASON", "FIELD", "ARRIVED", "BECAUSE"]);
        for batch in &reply.batches {
            table.row([
                batch.source.clone(),
                batch.incarnation.to_string(),
                batch.first_sequence.to_string(),
                batch.last_sequence.to_string(),
                number(batch.events_count.into()),
                batch.reason.clone(),
                batch.field.clone(),
                shown(batch.arrival_time.as_ref()),
                batch.description.clone(),
            ]);
        }
        table
    })
}
