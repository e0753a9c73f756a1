//! `accessctl directory`: keeping it in step with its publisher's interfaces.

use std::time::Duration;

use anstream::eprintln;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use proto::registry::v1 as registry;

use crate::connection::{Connection, every_page};
use crate::moments::shown;
use crate::mutation::{Change, name};
use crate::output::{Output, Table, number, word};

/// How often a sync that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const SYNC: &str = "citizens_access.registry.v1.GetSyncResponse";

#[derive(Subcommand)]
pub(crate) enum Directory {
    /// Read what changed at the publisher now, or go on where a sync stands still
    Sync(SyncNow),
    /// How the syncs stand: when the last one succeeded, what failed and what to do; of one sync, everything
    Status {
        /// One sync, syncs/3 or 3
        sync: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct SyncNow {
    /// Read everything, whatever was read before
    #[arg(long)]
    full: bool,
    /// Wait until it has ended, or stands still
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(connection: &Connection, output: Output, directory: Directory) -> anyhow::Result<()> {
    match directory {
        Directory::Sync(sync) => sync_now(connection, output, &sync).await,
        Directory::Status { sync: Some(sync) } => show(output, &get(connection, &name("syncs", &sync)).await?),
        Directory::Status { sync: None } => list(connection, output).await,
    }
}

async fn sync_now(connection: &Connection, output: Output, sync: &SyncNow) -> anyhow::Result<()> {
    let request = registry::SyncDirectoryRequest {
        full: sync.full,
        request_id: sync.change.request_id()?,
        reason_code: sync.change.reason_code.clone(),
        note: sync.change.reason.clone(),
        dry_run: sync.change.dry_run,
    };
    let reply = connection.registry().sync_directory(request).await?.into_inner();
    let begun = reply.sync.context("the registry tells of no sync")?;
    if sync.change.dry_run || !sync.wait {
        return show(output, &registry::GetSyncResponse { sync: Some(begun), position: reply.position });
    }
    loop {
        let reply = get(connection, &begun.name).await?;
        let state = reply.sync.as_ref().map(registry::Sync::state).unwrap_or_default();
        match state {
            registry::SyncState::Running => tokio::time::sleep(LOOK_EVERY).await,
            registry::SyncState::StandingStill => {
                show(output, &reply)?;
                bail!("{} stands still; it is tried again by itself", begun.name);
            }
            _ => return show(output, &reply),
        }
    }
}

async fn get(connection: &Connection, name: &str) -> anyhow::Result<registry::GetSyncResponse> {
    let get = registry::GetSyncRequest { name: name.to_owned(), ..Default::default() };
    Ok(connection.registry().get_sync(get).await?.into_inner())
}

fn show(output: Output, reply: &registry::GetSyncResponse) -> anyhow::Result<()> {
    let sync = reply.sync.clone().unwrap_or_default();
    if output.for_people() {
        for record in &sync.rejected_records {
            eprintln!("{}: {}", record.ods_code, record.reason);
        }
        for found in &sync.successions {
            let date = if found.date.is_empty() { "an unknown day" } else { &found.date };
            eprintln!("{} succeeds {} from {date}", found.successor_ods_code, found.predecessor_ods_code);
        }
    }
    output.print(SYNC, reply, || Table::facts(facts(&sync)))
}

fn facts(sync: &registry::Sync) -> Vec<(&'static str, String)> {
    let of_total =
        if sync.total_count == 0 { String::new() } else { format!(" of {}", number(sync.total_count.into())) };
    let mut facts = vec![
        ("sync", sync.name.clone()),
        ("interface", word(sync.source().as_str_name(), "SYNC_SOURCE_")),
        ("state", word(sync.state().as_str_name(), "SYNC_STATE_")),
        ("reads", reads(sync)),
        ("began", shown(sync.start_time.as_ref())),
        ("last heard of", shown(sync.update_time.as_ref())),
        ("ended", shown(sync.end_time.as_ref())),
        ("read", format!("{}{of_total}", number(sync.read_count.into()))),
        ("created", number(sync.created_count.into())),
        ("updated", number(sync.updated_count.into())),
        ("moved", number(sync.moved_count.into())),
        ("closed", number(sync.closed_count.into())),
        ("unchanged", number(sync.unchanged_count.into())),
        ("not GP practices of England", number(sync.ignored_count.into())),
        ("rejected", number(sync.rejected_count.into())),
    ];
    if let Some(failure) = &sync.failure {
        facts.push(("failed", format!("{} ({} in a row)", shown(failure.fail_time.as_ref()), failure.attempt_count)));
        facts.push(("why", format!("{}: {}", failure.reason, failure.message)));
    }
    facts
}

fn reads(sync: &registry::Sync) -> String {
    if sync.since_date.is_empty() { "everything".to_owned() } else { format!("changes since {}", sync.since_date) }
}

async fn list(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let list = registry::ListSyncsRequest::default();
    let reply = every_page!(connection.registry(), list_syncs, list, syncs);
    if output.for_people() {
        let next = shown(reply.next_time.as_ref());
        eprintln!("next: {}", if next.is_empty() { "only when somebody asks".to_owned() } else { next });
    }
    output.print("citizens_access.registry.v1.ListSyncsResponse", &reply, || {
        let mut table =
            Table::new(&["SYNC", "INTERFACE", "READS", "BEGAN", "STATE", "READ", "CHANGED", "REJECTED", "WHY"]);
        for sync in &reply.syncs {
            let changed = sync.created_count + sync.updated_count + sync.moved_count + sync.closed_count;
            table.row([
                sync.name.clone(),
                word(sync.source().as_str_name(), "SYNC_SOURCE_"),
                reads(sync),
                shown(sync.start_time.as_ref()),
                word(sync.state().as_str_name(), "SYNC_STATE_"),
                number(sync.read_count.into()),
                number(changed.into()),
                number(sync.rejected_count.into()),
                sync.failure.as_ref().map(|failure| failure.reason.clone()).unwrap_or_default(),
            ]);
        }
        table
    })
}
