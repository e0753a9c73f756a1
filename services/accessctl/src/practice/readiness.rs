//! `accessctl practice readiness`: what a practice has prepared, and which items there are.

use clap::{Subcommand, ValueEnum};
use proto::registry::v1 as registry;

use crate::connection::Connection;
use crate::moments::{moment, shown};
use crate::mutation::{Change, name};
use crate::output::{Output, Table, word};

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a command line is parsed once")]
pub(crate) enum Readiness {
    /// The practice's whole checklist
    List {
        /// Its ODS code, such as A81001
        practice: String,
    },
    /// Record where an item stands; the others stay
    Set {
        /// Its ODS code, such as A81001
        practice: String,
        /// Such as staff-training; `readiness items` names them all
        item: String,
        /// Where it stands
        #[arg(value_enum)]
        state: State,
        /// Where the evidence is
        #[arg(long, default_value = "")]
        evidence: String,
        /// Who sees to it, by role or team
        #[arg(long, default_value = "")]
        owner: String,
        /// The day on which it was done or is to be done, 2031-05-20
        #[arg(long, default_value = "", value_name = "DATE")]
        due: String,
        /// Until when it counts (London's time); for ever where it is left out
        #[arg(long, value_name = "MOMENT")]
        expires: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// The items that a checklist can have, in plain words
    Items,
}

/// Where an item stands.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// Not begun
    NotStarted,
    /// Under way
    InProgress,
    /// Done
    Complete,
    /// Does not apply at this practice
    NotApplicable,
}

impl From<State> for registry::ReadinessState {
    fn from(state: State) -> Self {
        match state {
            State::NotStarted => Self::NotStarted,
            State::InProgress => Self::InProgress,
            State::Complete => Self::Complete,
            State::NotApplicable => Self::NotApplicable,
        }
    }
}

/// The checklist beside other facts: a line for each item that somebody has begun, and one that names all the others.
pub(crate) fn facts(checklist: &[registry::ReadinessItem]) -> Vec<(&'static str, String)> {
    let (untouched, begun): (Vec<_>, Vec<_>) =
        checklist.iter().partition(|item| item.state() == registry::ReadinessState::NotStarted);
    let begun = begun.into_iter().map(|item| format!("{}: {}", item.item, state_in_words(item)));
    let untouched: Vec<&str> = untouched.into_iter().map(|item| item.item.as_str()).collect();
    let rest = (!untouched.is_empty()).then(|| format!("NOT STARTED: {}", untouched.join(", ")));
    begun.chain(rest).map(|line| ("readiness", line)).collect()
}

fn state_in_words(item: &registry::ReadinessItem) -> String {
    word(item.state().as_str_name(), "READINESS_STATE_")
}

pub(crate) async fn run(connection: &Connection, output: Output, readiness: Readiness) -> anyhow::Result<()> {
    match readiness {
        Readiness::List { practice } => list(connection, output, &practice).await,
        Readiness::Items => items(connection, output).await,
        Readiness::Set { practice, item, state, evidence, owner, due, expires, change } => {
            let item = registry::ReadinessItem {
                item,
                state: registry::ReadinessState::from(state).into(),
                evidence,
                owner,
                due_date: due,
                expires_at: expires.as_deref().map(moment).transpose()?,
                recorded_at: None,
            };
            set(connection, output, &practice, item, &change).await
        }
    }
}

async fn list(connection: &Connection, output: Output, practice: &str) -> anyhow::Result<()> {
    let get = registry::GetPracticeRequest { name: name("practices", practice), ..Default::default() };
    let reply = connection.registry().get_practice(get).await?.into_inner();
    output.print("citizens_access.registry.v1.GetPracticeResponse", &reply, || checklist(&reply.checklist))
}

fn checklist(items: &[registry::ReadinessItem]) -> Table {
    let mut table = Table::new(&["ITEM", "STATE", "OWNER", "DATE", "COUNTS UNTIL", "EVIDENCE", "RECORDED"]);
    for item in items {
        table.row([
            item.item.clone(),
            state_in_words(item),
            item.owner.clone(),
            item.due_date.clone(),
            shown(item.expires_at.as_ref()),
            item.evidence.clone(),
            shown(item.recorded_at.as_ref()),
        ]);
    }
    table
}

async fn set(
    connection: &Connection,
    output: Output,
    practice: &str,
    item: registry::ReadinessItem,
    change: &Change,
) -> anyhow::Result<()> {
    let request = registry::UpdateReadinessRequest {
        name: name("practices", practice),
        items: vec![item],
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..Default::default()
    };
    let reply = connection.registry().update_readiness(request).await?.into_inner();
    output.print("citizens_access.registry.v1.UpdateReadinessResponse", &reply, || {
        checklist(&reply.practice.clone().unwrap_or_default().readiness)
    })
}

async fn items(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let list = registry::ListReadinessItemsRequest::default();
    let reply = connection.registry().list_readiness_items(list).await?.into_inner();
    output.print("citizens_access.registry.v1.ListReadinessItemsResponse", &reply, || {
        let mut table = Table::new(&["ITEM", "TITLE", "USUALLY SEEN TO BY", "DONE WHEN", "DECLARED BY"]);
        for kind in &reply.items {
            table.row([
                kind.item.clone(),
                kind.title.clone(),
                kind.usual_owner.clone(),
                kind.description.clone(),
                kind.declared_by.clone(),
            ]);
        }
        table
    })
}
