//! The report of an import, and ListImportChanges, which goes through all that an import changed.

use api::{Error, Page, PageLimits};
use jiff::civil::Date;
use journal::Recorded;
use ods::Fault;
use practice::difference::{ValueChange, values};
use practice::directory::{Difference, DirectoryChange};
use practice::{Event, OrganisationEntry, State};
use proto::registry::v1 as wire;
use sha2::{Digest as _, Sha256};

use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, resource};
use crate::import::{Change, Effect, Import, OrganisationNews, Way};

/// Rows of each list in a report; the rest are counted, and ListImportChanges has the changes.
const ROWS_MAX: usize = 1_000;

/// Records read at a time. An import's are of up to 500 practices.
const RECORDS_READ: usize = 8;

/// Records looked at for one page: of a kind that is rare, pages come short rather than late.
const RECORDS_MAX: usize = 200;

/// Where a page of changes begins: after this change of the record at this position.
type Place = (u64, usize);

pub(crate) fn report(
    import: &Import,
    effect: &Effect,
    state: &State,
    today: Date,
    position: u64,
) -> wire::ImportDirectoryResponse {
    let mut hash = Sha256::new();
    for code in &effect.affected {
        hash.update(code.as_str());
        hash.update("\n");
    }
    let affected_count = effect.created_count + effect.updated_count + effect.closed_count + effect.moved_count;
    let told = effect.organisations.iter().map(|(news, entry)| organisation_change(*news, entry));
    let not_named = import.not_named(state, today);
    let not_named = not_named.into_iter().map(|entry| organisation_change(OrganisationNews::NotNamed, entry));
    wire::ImportDirectoryResponse {
        created_count: effect.created_count,
        updated_count: effect.updated_count,
        closed_count: effect.closed_count,
        moved_count: effect.moved_count,
        unchanged_count: effect.unchanged_count,
        ignored_count: effect.ignored_count,
        rejected_count: import.rejected_count,
        rejected_rows: import.rejections.iter().take(ROWS_MAX).map(rejected_row).collect(),
        organisations_changed_count: effect.organisations_changed_count,
        effective_date: import.effective_from.to_string(),
        position,
        affected_count,
        affected_hash: hex::encode(hash.finalize()),
        import: name::of_import(&import.id),
        changes: effect.changes.iter().take(ROWS_MAX).map(change_to_wire).collect(),
        moves: moves(effect),
        organisation_changes: not_named.chain(told).take(ROWS_MAX).collect(),
    }
}

fn moves(effect: &Effect) -> Vec<wire::ImportMove> {
    let to_wire = |(way, count): (&Way, &u32)| wire::ImportMove {
        field: way.field.clone(),
        from: way.from.clone(),
        to: way.to.clone(),
        practices_count: i64::from(*count),
    };
    let mut moves: Vec<_> = effect.moves.iter().map(to_wire).collect();
    moves.sort_by_key(|way| std::cmp::Reverse(way.practices_count));
    moves.truncate(ROWS_MAX);
    moves
}

fn change_to_wire(change: &Change) -> wire::ImportChange {
    wire::ImportChange {
        practice: name::of_practice(change.practice),
        display_name: change.name.clone(),
        kind: kind_to_wire(change.difference).into(),
        values: change.values.iter().map(value_to_wire).collect(),
    }
}

fn value_to_wire(value: &ValueChange) -> wire::ValueChange {
    wire::ValueChange { field: value.field.clone(), from: value.from.clone(), to: value.to.clone() }
}

fn kind_to_wire(difference: Difference) -> wire::ImportChangeKind {
    match difference {
        Difference::Created => wire::ImportChangeKind::Created,
        Difference::Updated => wire::ImportChangeKind::Updated,
        Difference::Closed => wire::ImportChangeKind::Closed,
        Difference::Moved => wire::ImportChangeKind::Moved,
    }
}

fn organisation_change(news: OrganisationNews, entry: &OrganisationEntry) -> wire::OrganisationChange {
    let change = match news {
        OrganisationNews::Created => wire::OrganisationChangeKind::Created,
        OrganisationNews::Changed => wire::OrganisationChangeKind::Changed,
        OrganisationNews::NotNamed => wire::OrganisationChangeKind::NotNamed,
    };
    wire::OrganisationChange {
        organisation: name::of_organisation(&entry.code),
        kind: resource::kind_to_wire(entry.kind).into(),
        change: change.into(),
        display_name: entry.name.clone(),
        parent_code: entry.parent.clone(),
    }
}

fn rejected_row(fault: &Fault) -> wire::RejectedRow {
    let column = match fault.column_name {
        "" => fault.column.to_string(),
        name => name.to_owned(),
    };
    wire::RejectedRow { line: fault.line, column, reason: format!("{}; {}", fault.reason, fault.reason.remedy()) }
}

pub(crate) async fn list_changes(
    handlers: &Handlers,
    asked: Asked<wire::ListImportChangesRequest>,
) -> Result<wire::ListImportChangesResponse, Error> {
    let request = &asked.request;
    let page: Page<Place> = api::page!(request, PageLimits::STANDARD)?;
    let id = name::import("name", &request.name)?;
    let published = handlers.published_at(request.min_position).await?;
    let state = &published.state;
    let import = state.sources().import(id).ok_or_else(|| import_not_found(&request.name))?;
    // What the last part changed is in the record after it.
    let end = import.last_position + 1;
    let (mut position, mut skip) = page.after.unwrap_or((import.first_position, 0));
    let mut reply = wire::ListImportChangesResponse { position: published.position, ..Default::default() };
    let mut looked_at = 0;
    while position <= end {
        let records = handlers.engine.events(position.saturating_sub(1), RECORDS_READ).await;
        let records = records.map_err(|error| Error::internal(&error))?;
        if records.is_empty() {
            return Ok(reply);
        }
        for recorded in records.into_iter().take_while(|recorded| recorded.position <= end) {
            position = recorded.position;
            for (index, change) in changes_of(&recorded, id).iter().enumerate().skip(skip) {
                let wanted = kind_to_wire(change.difference);
                if request.kind != i32::from(wire::ImportChangeKind::Unspecified) && request.kind != i32::from(wanted) {
                    continue;
                }
                if reply.changes.len() == page.rows {
                    reply.next_page_token = page.next_page_token(&(position, index));
                    return Ok(reply);
                }
                reply.changes.push(recorded_change(state, change));
            }
            (position, skip, looked_at) = (position + 1, 0, looked_at + 1);
        }
        if looked_at >= RECORDS_MAX && position <= end {
            reply.next_page_token = page.next_page_token(&(position, 0));
            return Ok(reply);
        }
    }
    Ok(reply)
}

/// What a record changed, where it is one of the import's: its chunks are requests below its id. Others come between.
fn changes_of<'a>(recorded: &'a Recorded<Event>, import: &str) -> &'a [DirectoryChange] {
    let is_below = recorded.request_id.strip_prefix(import).and_then(|rest| rest.strip_prefix('/')).is_some();
    match &recorded.event {
        Event::DirectoryImported { practices, .. } if is_below => practices,
        _ => &[],
    }
}

fn recorded_change(state: &State, change: &DirectoryChange) -> wire::ImportChange {
    let entry = &change.entry;
    // A name that the import didn't change is that of today: what it was then is not worth another look.
    let known = || state.practice(entry.practice).map(|known| known.name.latest().value.clone());
    wire::ImportChange {
        practice: name::of_practice(entry.practice),
        display_name: entry.name.clone().or_else(known).unwrap_or_default(),
        kind: kind_to_wire(change.difference).into(),
        values: values(change).iter().map(value_to_wire).collect(),
    }
}

fn import_not_found(import: &str) -> Error {
    Error::not_found("IMPORT_NOT_FOUND", "there is no {import} that changed something").with("import", import)
}
