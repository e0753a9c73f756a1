//! Syncs of the directory: asking for one, and seeing how they stand.

use api::{Error, Page, PageLimits};
use journal::Outcome;
use practice::Command;
use practice::sync::{FoundSuccession, StartSync, Sync, SyncEnd, SyncSource, Syncs};
use proto::registry::v1 as wire;

use crate::SyncConfig;
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name};
use crate::machine::Registry;

pub(crate) async fn sync_directory(
    handlers: &Handlers,
    asked: Asked<wire::SyncDirectoryRequest>,
) -> Result<wire::SyncDirectoryResponse, Error> {
    let Asked { caller, request, .. } = asked;
    let mutation = api::mutation!(request)?;
    let source = configured(handlers)?.source;
    let start = Command::StartSync(StartSync { source, full: request.full });
    let ask = Ask::new(&caller, &mutation, start);
    let reply = move |outcome: &Outcome<'_, Registry>| wire::SyncDirectoryResponse {
        sync: outcome.after.syncs().open(source).map(to_wire),
        position: outcome.position,
    };
    handlers.submit(ask, reply).await
}

pub(crate) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetSyncRequest>,
) -> Result<wire::GetSyncResponse, Error> {
    let number = name::sync("name", &asked.request.name)?;
    let published = handlers.published_at(asked.request.min_position).await?;
    let sync =
        published.state.syncs().get(number).ok_or_else(|| {
            Error::not_found("SYNC_NOT_FOUND", "there is no {sync}").with("sync", &asked.request.name)
        })?;
    Ok(wire::GetSyncResponse { sync: Some(to_wire(sync)), position: published.position })
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListSyncsRequest>,
) -> Result<wire::ListSyncsResponse, Error> {
    let request = &asked.request;
    let page: Page<u32> = api::page!(request, PageLimits::STANDARD)?;
    let published = handlers.published_at(request.min_position).await?;
    let syncs = published.state.syncs();
    let mut rest = syncs.latest_first().filter(|sync| page.after.is_none_or(|after| sync.number < after));
    let listed: Vec<&Sync> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(listed.last());
    Ok(wire::ListSyncsResponse {
        next_time: next_time(handlers, syncs),
        next_page_token: next.map(|last| page.next_page_token(&last.number)).unwrap_or_default(),
        syncs: listed.into_iter().map(brief).collect(),
        position: published.position,
    })
}

fn configured(handlers: &Handlers) -> Result<&SyncConfig, Error> {
    handlers.sync.as_deref().ok_or_else(|| {
        Error::failed_precondition(
            "SYNC_NOT_CONFIGURED",
            "this registry was told of no interface to sync the directory with; start it with --ods-sync and --ods-url",
        )
        .precondition("SYNC", "registry", "must be configured")
    })
}

fn next_time(handlers: &Handlers, syncs: &Syncs) -> Option<prost_types::Timestamp> {
    let due = handlers.sync.as_deref()?.next_due(syncs)?;
    // What was due in the past is under way.
    Some(api::time::to_wire(due.max(handlers.clock.now())))
}

fn brief(sync: &Sync) -> wire::Sync {
    wire::Sync { rejected_records: Vec::new(), successions: Vec::new(), ..to_wire(sync) }
}

fn to_wire(sync: &Sync) -> wire::Sync {
    let tally = sync.tally;
    wire::Sync {
        name: name::of_sync(sync.number),
        source: source_to_wire(sync.source).into(),
        since_date: sync.since.map(|day| day.to_string()).unwrap_or_default(),
        through_date: sync.through.to_string(),
        state: state_to_wire(sync).into(),
        start_time: Some(api::time::to_wire(sync.started_at)),
        update_time: Some(api::time::to_wire(sync.updated_at)),
        end_time: sync.end.map(|_| api::time::to_wire(sync.updated_at)),
        worker: sync.worker.clone(),
        read_count: sync.read_count,
        total_count: sync.total.unwrap_or_default(),
        created_count: tally.created,
        updated_count: tally.updated,
        closed_count: tally.closed,
        moved_count: tally.moved,
        unchanged_count: tally.unchanged,
        ignored_count: tally.ignored,
        rejected_count: tally.rejected,
        rejected_records: sync.rejections.iter().map(rejected).collect(),
        successions: sync.successions.iter().map(succession).collect(),
        failure: sync.failure.as_ref().map(|failure| wire::SyncFailure {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            fail_time: Some(api::time::to_wire(failure.failed_at)),
            attempt_count: failure.attempts,
        }),
    }
}

fn source_to_wire(source: SyncSource) -> wire::SyncSource {
    match source {
        SyncSource::Fhir => wire::SyncSource::Fhir,
        SyncSource::Ord => wire::SyncSource::Ord,
    }
}

fn state_to_wire(sync: &Sync) -> wire::SyncState {
    match sync.end {
        Some(SyncEnd::Completed) => wire::SyncState::Completed,
        Some(SyncEnd::Superseded) => wire::SyncState::Superseded,
        None if sync.failure.is_some() => wire::SyncState::StandingStill,
        None => wire::SyncState::Running,
    }
}

fn rejected(rejection: &practice::sync::SyncRejection) -> wire::RejectedRecord {
    wire::RejectedRecord { ods_code: rejection.code.clone(), reason: rejection.reason.clone() }
}

fn succession(found: &FoundSuccession) -> wire::FoundSuccession {
    wire::FoundSuccession {
        predecessor_ods_code: found.predecessor.clone(),
        successor_ods_code: found.successor.clone(),
        date: found.date.map(|day| day.to_string()).unwrap_or_default(),
    }
}
