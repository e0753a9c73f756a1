//! The readiness checklist: which items there are, and where each stands at a practice.

use api::Error;
use ods::readiness::{ITEM_BYTES_MAX, is_item_name};
use practice::command::UpdateReadiness;
use practice::readiness::{CATALOGUE, DeclaredItem, ReadinessItem, ReadinessState};
use practice::{Command, Event};
use proto::registry::v1 as wire;

use crate::grpc::participation::{LINE_CHARS_MAX, view_of};
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, resource};

/// Most readiness items in one call: several times the checklist.
const READINESS_ITEMS_MAX: usize = 50;

/// Longest description of an item: a sentence or two.
const DESCRIPTION_CHARS_MAX: usize = 500;

pub(crate) async fn list_items(
    handlers: &Handlers,
    asked: Asked<wire::ListReadinessItemsRequest>,
) -> Result<wire::ListReadinessItemsResponse, Error> {
    let published = handlers.published_at(asked.request.min_position).await?;
    let catalogue = CATALOGUE.iter().map(|known| wire::ReadinessItemKind {
        item: known.item.to_owned(),
        title: known.title.to_owned(),
        description: known.description.to_owned(),
        usual_owner: known.usual_owner.to_owned(),
        declared_by: String::new(),
    });
    let declared = published.state.declared_items().map(|known| wire::ReadinessItemKind {
        item: known.item.clone(),
        title: known.title.clone(),
        description: known.description.clone(),
        usual_owner: known.usual_owner.clone(),
        declared_by: known.declared_by.clone(),
    });
    Ok(wire::ListReadinessItemsResponse { items: catalogue.chain(declared).collect(), position: published.position })
}

pub(crate) async fn declare_items(
    handlers: &Handlers,
    asked: Asked<wire::DeclareReadinessItemsRequest>,
) -> Result<wire::DeclareReadinessItemsResponse, Error> {
    let request = &asked.request;
    api::validate::resource_id("programme", &request.programme, "programmes")?;
    api::validate::free_text("programme", &request.programme, LINE_CHARS_MAX)?;
    let command = Command::DeclareReadinessItems(declared_from_wire(request)?);
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, |outcome| {
            let declared = outcome.events.iter().map(|event| match event {
                Event::ReadinessItemsDeclared { items } => items.len(),
                _ => 0,
            });
            // At most READINESS_ITEMS_MAX.
            let affected_count = u32::try_from(declared.sum::<usize>()).unwrap_or(u32::MAX);
            wire::DeclareReadinessItemsResponse { position: outcome.position, affected_count }
        })
        .await
}

fn declared_from_wire(request: &wire::DeclareReadinessItemsRequest) -> Result<Vec<DeclaredItem>, Error> {
    api::validate::count("items", request.items.len(), READINESS_ITEMS_MAX)?;
    let mut read: Vec<DeclaredItem> = Vec::new();
    for (index, kind) in request.items.iter().enumerate() {
        let path = |field: &str| format!("items[{index}].{field}");
        check_item_id(&path("item"), &kind.item)?;
        if read.iter().any(|before| before.item == kind.item) {
            return Err(twice(path("item"), &kind.item));
        }
        api::validate::free_text(&path("title"), &kind.title, LINE_CHARS_MAX)?;
        api::validate::free_text(&path("description"), &kind.description, DESCRIPTION_CHARS_MAX)?;
        api::validate::free_text(&path("usual_owner"), &kind.usual_owner, LINE_CHARS_MAX)?;
        read.push(DeclaredItem {
            item: kind.item.clone(),
            title: kind.title.clone(),
            description: kind.description.clone(),
            usual_owner: kind.usual_owner.clone(),
            declared_by: request.programme.clone(),
        });
    }
    Ok(read)
}

fn twice(path: String, item: &str) -> Error {
    Error::invalid(path, "ITEM_TWICE", "{field} is {item} a second time").with("item", item)
}

pub(crate) async fn update_readiness(
    handlers: &Handlers,
    asked: Asked<wire::UpdateReadinessRequest>,
) -> Result<wire::UpdateReadinessResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    handlers.authorise(&asked, [code])?;
    let if_position = handlers.position_of_etag(code, &request.etag)?;
    let items = readiness_from_wire(&request.items)?;
    let command = Command::UpdateReadiness(UpdateReadiness { practice: code, items, if_position });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, move |outcome| wire::UpdateReadinessResponse {
            practice: view_of(outcome, code).map(resource::to_wire),
            position: outcome.position,
        })
        .await
}

fn readiness_from_wire(items: &[wire::ReadinessItem]) -> Result<Vec<ReadinessItem>, Error> {
    api::validate::count("items", items.len(), READINESS_ITEMS_MAX)?;
    let mut read: Vec<ReadinessItem> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = |field: &str| format!("items[{index}].{field}");
        check_item_id(&path("item"), &item.item)?;
        if read.iter().any(|before| before.item == item.item) {
            return Err(twice(path("item"), &item.item));
        }
        api::validate::free_text(&path("evidence"), &item.evidence, LINE_CHARS_MAX)?;
        api::validate::free_text(&path("owner"), &item.owner, LINE_CHARS_MAX)?;
        read.push(ReadinessItem {
            item: item.item.clone(),
            state: readiness_state_from_wire(&path("state"), item.state)?,
            evidence: item.evidence.clone(),
            owner: item.owner.clone(),
            due_date: api::time::date(&path("due_date"), &item.due_date)?,
            expires_at: api::time::moment(&path("expires_at"), item.expires_at.as_ref())?,
        });
    }
    Ok(read)
}

fn check_item_id(path: &str, item: &str) -> Result<(), Error> {
    if !is_item_name(item) {
        return Err(Error::invalid(
            path,
            "READINESS_ITEM_INVALID",
            "{field} must be like staff-training, of at most {bytes_max} bytes",
        )
        .with("bytes_max", ITEM_BYTES_MAX));
    }
    // It is kept, whatever it is called.
    api::validate::free_text(path, item, LINE_CHARS_MAX)
}

fn readiness_state_from_wire(path: &str, state: i32) -> Result<ReadinessState, Error> {
    match wire::ReadinessState::try_from(state) {
        Ok(wire::ReadinessState::NotStarted) => Ok(ReadinessState::NotStarted),
        Ok(wire::ReadinessState::InProgress) => Ok(ReadinessState::InProgress),
        Ok(wire::ReadinessState::Complete) => Ok(ReadinessState::Complete),
        Ok(wire::ReadinessState::NotApplicable) => Ok(ReadinessState::NotApplicable),
        Ok(wire::ReadinessState::Expired | wire::ReadinessState::Unspecified) | Err(_) => Err(Error::invalid(
            path,
            "READINESS_STATE_INVALID",
            "{field} must be NOT_STARTED, IN_PROGRESS, COMPLETE or NOT_APPLICABLE; EXPIRED is set when its time comes",
        )),
    }
}
