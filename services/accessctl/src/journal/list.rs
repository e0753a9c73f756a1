//! `accessctl journal list`: what an auditor asks of the record.

use clap::Args;
use proto::journal::v1 as journal;

use super::{Which, table};
use crate::connection::{Connection, every_page};
use crate::moments::moment;
use crate::mutation::name;
use crate::output::Output;

#[derive(Args)]
pub(crate) struct List {
    /// Of which journal
    #[arg(value_enum)]
    journal: Which,
    /// That name this practice
    #[arg(long, value_name = "ODS_CODE")]
    practice: Option<String>,
    /// By this account
    #[arg(long, value_name = "ACCOUNT", default_value = "")]
    by: String,
    /// Of this kind of event
    #[arg(long, default_value = "")]
    kind: String,
    /// That follow from exactly this, such as programmes/autumn-2022
    #[arg(long, default_value = "")]
    cause: String,
    /// That the request with this id caused
    #[arg(long, default_value = "", value_name = "ID")]
    request: String,
    /// Recorded from this moment on
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// Recorded before this moment
    #[arg(long, value_name = "MOMENT")]
    before: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: &List) -> anyhow::Result<()> {
    let list = journal::ListRecordsRequest {
        parent: asked.journal.name(),
        actor: asked.by.clone(),
        kind: asked.kind.clone(),
        cause: asked.cause.clone(),
        caused_by_request: asked.request.clone(),
        practice: asked.practice.as_deref().map(|code| name("practices", code)).unwrap_or_default(),
        recorded_from: asked.from.as_deref().map(moment).transpose()?,
        recorded_before: asked.before.as_deref().map(moment).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.journal(asked.journal.word()), list_records, list, records);
    output.print("citizens_access.journal.v1.ListRecordsResponse", &reply, || table(&reply.records))
}
