//! `accessctl practice`: what is true of one practice, why, and the practice's own decisions.

mod advice;
mod contact;
mod explain;
mod readiness;
mod revert;
mod states;

use clap::{Args, Subcommand};
use proto::registry::v1 as registry;

use crate::connection::{Connection, every_page};
use crate::export::{self, Export};
use crate::moments::{AsOf, moment, shown};
use crate::mutation::{Change, name};
use crate::observe::{self, Observe};
use crate::output::{Output, Table, number, word};
use crate::succession;
use advice::Advice;
use contact::Contact;
use explain::Explain;
use readiness::Readiness;
use states::States;

#[derive(Subcommand)]
pub(crate) enum Practice {
    /// Its state, since when, on what evidence, its pauses and readiness
    Get {
        /// Its ODS code, such as A81001
        practice: String,
        /// PCN, sub-ICB, ICB and region in the codes of this day
        #[arg(long, value_name = "DATE", default_value = "")]
        geography_date: String,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Practices that a filter selects
    List {
        /// CEL, e.g. practice.supplier == "TPP" && practice.list_size < 8000
        #[arg(long, default_value = "")]
        filter: String,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: i32,
        /// PCN, sub-ICB, ICB and region, shown and in the filter, in the codes of this day
        #[arg(long, value_name = "DATE", default_value = "")]
        geography_date: String,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Practices as a file: CSV or a FHIR R4 bundle, with their history where that is asked for
    Export(Export),
    /// Everything in the way, who must act, when at the earliest
    Explain(Explain),
    /// Who changed what, when and why
    History {
        /// Its ODS code, such as A81001
        practice: String,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Each state that practices came into between two moments, in the order of recording
    States(States),
    /// Record what somebody saw there
    Observe(Observe),
    /// Record the practice's decision not to be switched on; answers with a receipt
    Pause(Pause),
    /// Lift the practice's pauses; only the practice may
    Resume {
        /// Its ODS code, such as A81001
        practice: String,
        #[command(flatten)]
        change: Change,
    },
    /// Take access away now, and pause until further notice
    SwitchOff {
        /// Its ODS code, such as A81001
        practice: String,
        /// What to switch off; capabilities/prospective-records where it is left out
        #[arg(long, default_value = "", value_name = "CAPABILITY")]
        capability: String,
        #[command(flatten)]
        wish: Wish,
        #[command(flatten)]
        change: Change,
    },
    /// Have it switched off again where a wave switched it on; no later wave takes it up but one that lists it
    Revert(revert::Revert),
    /// Record a merger, a split, a change of code or a closure
    Succeed(succession::Succeed),
    /// Its readiness checklist: show it, set items of it, or the items there are
    #[command(subcommand)]
    Readiness(Readiness),
    /// An ICB's advice to wait, and support cases: information that stops nothing by itself
    #[command(subcommand)]
    Advice(Advice),
    /// Where notices reach it: addresses that are kept until a date, and nowhere but in their table
    #[command(subcommand)]
    Contact(Contact),
    /// The receipt of a pause
    Receipt {
        /// practices/A81001/receipts/1
        receipt: String,
        #[command(flatten)]
        as_of: AsOf,
    },
}

#[derive(Args)]
pub(crate) struct Pause {
    /// Its ODS code, such as A81001
    practice: String,
    /// What to pause, such as historic-records; everything where it is left out
    #[arg(long, default_value = "", value_name = "CAPABILITY")]
    capability: String,
    /// Until this moment or date (London's time); without it until further notice
    #[arg(long, conflicts_with = "programme_default")]
    until: Option<String>,
    /// To end as the programme's default says
    #[arg(long)]
    programme_default: bool,
    #[command(flatten)]
    wish: Wish,
    #[command(flatten)]
    change: Change,
}

/// Whose wish it is, where somebody else calls for the practice.
#[derive(Args)]
pub(crate) struct Wish {
    /// On whose behalf, where it is not the practice that calls
    #[arg(long, default_value = "", requires = "evidence")]
    on_behalf_of: String,
    /// Where the practice's wish is on record
    #[arg(long, default_value = "")]
    evidence: String,
}

pub(crate) async fn run(connection: &Connection, output: Output, practice: Practice) -> anyhow::Result<()> {
    match practice {
        Practice::Get { practice, geography_date, as_of } => {
            let get = registry::GetPracticeRequest {
                name: name("practices", &practice),
                geography_date,
                effective_at: as_of.effective_at()?,
                known_at: as_of.known_at()?,
                ..Default::default()
            };
            self::get(connection, output, get).await
        }
        Practice::List { filter, limit, geography_date, as_of } => {
            let list = registry::ListPracticesRequest {
                filter,
                page_size: limit,
                geography_date,
                effective_at: as_of.effective_at()?,
                known_at: as_of.known_at()?,
                ..Default::default()
            };
            self::list(connection, output, list).await
        }
        Practice::Export(export) => export::run(connection, output, export).await,
        Practice::Explain(wanted) => explain::run(connection, output, wanted).await,
        Practice::History { practice, as_of } => history(connection, output, &practice, &as_of).await,
        Practice::States(wanted) => states::run(connection, output, wanted).await,
        Practice::Observe(observe) => observe::run(connection, output, observe).await,
        Practice::Pause(pause) => place_pause(connection, output, pause).await,
        Practice::Resume { practice, change } => resume(connection, output, &practice, &change).await,
        Practice::SwitchOff { practice, capability, wish, change } => {
            switch_off(connection, output, &practice, &capability, wish, &change).await
        }
        Practice::Revert(wanted) => revert::run(connection, output, wanted).await,
        Practice::Succeed(succeed) => succession::succeed(connection, output, succeed).await,
        Practice::Readiness(readiness) => readiness::run(connection, output, readiness).await,
        Practice::Advice(advice) => advice::run(connection, output, advice).await,
        Practice::Contact(contact) => contact::run(connection, output, contact).await,
        Practice::Receipt { receipt, as_of } => get_receipt(connection, output, receipt, &as_of).await,
    }
}

async fn get(connection: &Connection, output: Output, get: registry::GetPracticeRequest) -> anyhow::Result<()> {
    let reply = connection.registry().get_practice(get).await?.into_inner();
    output.print("citizens_access.registry.v1.GetPracticeResponse", &reply, || Table::facts(facts(&reply)))
}

fn facts(reply: &registry::GetPracticeResponse) -> Vec<(&'static str, String)> {
    let Some(practice) = &reply.practice else { return Vec::new() };
    let mut facts = vec![
        ("practice", practice.ods_code.clone()),
        ("name", practice.display_name.clone()),
        ("status", word(practice.status().as_str_name(), "PRACTICE_STATUS_")),
        ("supplier", practice.supplier.clone()),
        ("PCN", practice.pcn_code.clone()),
        ("sub-ICB", practice.sub_icb_code.clone()),
        ("ICB", practice.icb_code.clone()),
        ("region", practice.region_code.clone()),
        ("patients", list_size(practice)),
    ];
    for (label, names) in [("succeeded by", &practice.successors), ("succeeds", &practice.predecessors)] {
        facts.extend(names.iter().map(|name| (label, name.clone())));
    }
    for succession in practice.successions.iter().filter(|succession| !succession.in_effect) {
        facts.push(("to come", coming(succession)));
    }
    for access in &practice.access {
        facts.push(("capability", access.capability.clone()));
        facts.push(("observed", observed(access)));
        facts.push(("live since", shown(access.live_since.as_ref())));
        facts.extend(observe::facts(access));
    }
    for pause in &practice.pauses {
        facts.push(("pause", pause_in_words(pause)));
    }
    facts.extend(readiness::facts(&reply.checklist));
    for given in &practice.advice {
        facts.push(("advice", advice::in_words(given)));
    }
    facts.push(("changed", shown(practice.update_time.as_ref())));
    facts
}

fn coming(succession: &registry::Succession) -> String {
    let kind = word(succession.kind().as_str_name(), "SUCCESSION_KIND_").to_lowercase();
    let into = if succession.successors.is_empty() { "nobody".to_owned() } else { succession.successors.join(", ") };
    format!("{kind} of {} into {into} from {}", succession.predecessors.join(", "), succession.effective_date)
}

fn list_size(practice: &registry::Practice) -> String {
    if practice.list_size_source.is_empty() {
        return "not known".to_owned();
    }
    format!("{} ({}, {})", number(practice.list_size), practice.list_size_source, practice.list_size_date)
}

fn observed(access: &registry::Access) -> String {
    let state = word(access.state().as_str_name(), "OBSERVED_STATE_");
    if access.disputed {
        return "IN DISPUTE: those who look disagree about whether it is on".to_owned();
    }
    let source = word(access.source().as_str_name(), "OBSERVATION_SOURCE_").to_lowercase();
    match access.as_at.as_ref() {
        Some(as_at) => format!("{state} as at {}, by {source}", shown(Some(as_at))),
        None => format!("{state}: nothing was ever observed"),
    }
}

/// `capabilities/historic-records` from `historic-records` or from itself; empty stays empty.
fn optional_name(collection: &str, given: &str) -> String {
    if given.is_empty() { String::new() } else { name(collection, given) }
}

fn pause_in_words(pause: &registry::Pause) -> String {
    let end = match (pause.end(), pause.until.as_ref()) {
        (_, Some(until)) => format!("until {}", shown(Some(until))),
        (registry::PauseEnd::ProgrammeDefault, None) => "as the programme's default says".to_owned(),
        _ => "until further notice".to_owned(),
    };
    let receipt = word(pause.receipt_state().as_str_name(), "RECEIPT_STATE_");
    let origin = if pause.inherited_from.is_empty() { String::new() } else { format!(", of {}", pause.inherited_from) };
    format!(
        "{}{end}, since {}, by {} ({}){origin}, {receipt}",
        if pause.capability.is_empty() { String::new() } else { format!("{}, ", pause.capability) },
        shown(pause.holds_from.as_ref().or(pause.recorded_at.as_ref())),
        pause.placed_by,
        pause.reason_code
    )
}

async fn list(connection: &Connection, output: Output, list: registry::ListPracticesRequest) -> anyhow::Result<()> {
    let reply = connection.registry().list_practices(list).await?.into_inner();
    output.print("citizens_access.registry.v1.ListPracticesResponse", &reply, || {
        let mut table = Table::new(&["PRACTICE", "NAME", "SUPPLIER", "ICB", "PATIENTS", "OBSERVED", "PAUSED"]);
        for practice in &reply.practices {
            let observed = practice.access.first().map(observe::in_a_word).unwrap_or_default();
            let paused = practice.pauses.iter().any(|pause| pause.in_force);
            table.row([
                practice.ods_code.clone(),
                practice.display_name.clone(),
                practice.supplier.clone(),
                practice.icb_code.clone(),
                number(practice.list_size),
                observed,
                if paused { "yes" } else { "no" }.to_owned(),
            ]);
        }
        table
    })?;
    let shown_count = i64::try_from(reply.practices.len())?;
    if output.for_people() && reply.total_count > shown_count {
        anstream::eprintln!("{} of {}; see --limit and --filter", number(shown_count), number(reply.total_count));
    }
    Ok(())
}

async fn history(connection: &Connection, output: Output, practice: &str, as_of: &AsOf) -> anyhow::Result<()> {
    let list = registry::ListPracticeChangesRequest {
        name: name("practices", practice),
        effective_at: as_of.effective_at()?,
        known_at: as_of.known_at()?,
        ..Default::default()
    };
    let reply = every_page!(connection.registry(), list_practice_changes, list, changes);
    output.print("citizens_access.registry.v1.ListPracticeChangesResponse", &reply, || {
        let mut table = Table::new(&["POSITION", "RECORDED", "HOLDS FROM", "BY", "WHAT", "WHY"]);
        for change in &reply.changes {
            for fact in &change.facts {
                table.row([
                    change.position.to_string(),
                    shown(change.recorded_at.as_ref()),
                    shown(fact.effective_at.as_ref()),
                    change.actor.clone(),
                    fact.summary.clone(),
                    change.reason_code.clone(),
                ]);
            }
        }
        table
    })
}

async fn place_pause(connection: &Connection, output: Output, pause: Pause) -> anyhow::Result<()> {
    let end = match (&pause.until, pause.programme_default) {
        (Some(_), _) => registry::PauseEnd::Until,
        (None, true) => registry::PauseEnd::ProgrammeDefault,
        (None, false) => registry::PauseEnd::FurtherNotice,
    };
    let request = registry::PausePracticeRequest {
        name: name("practices", &pause.practice),
        capability: optional_name("capabilities", &pause.capability),
        end: end.into(),
        until: pause.until.as_deref().map(moment).transpose()?,
        on_behalf_of: pause.wish.on_behalf_of,
        evidence: pause.wish.evidence,
        request_id: pause.change.request_id()?,
        reason_code: pause.change.reason_code.clone(),
        note: pause.change.reason.clone(),
        dry_run: pause.change.dry_run,
        ..Default::default()
    };
    let reply = connection.registry().pause_practice(request).await?.into_inner();
    output.print("citizens_access.registry.v1.PausePracticeResponse", &reply, || {
        let receipt = reply.receipt.clone().unwrap_or_default();
        Table::facts(receipt_facts(&receipt))
    })
}

async fn switch_off(
    connection: &Connection,
    output: Output,
    practice: &str,
    capability: &str,
    wish: Wish,
    change: &Change,
) -> anyhow::Result<()> {
    let request = registry::RequestSwitchOffRequest {
        name: name("practices", practice),
        capability: optional_name("capabilities", capability),
        on_behalf_of: wish.on_behalf_of,
        evidence: wish.evidence,
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
    };
    let reply = connection.registry().request_switch_off(request).await?.into_inner();
    output.print("citizens_access.registry.v1.RequestSwitchOffResponse", &reply, || {
        Table::facts([
            ("practice", practice.to_owned()),
            ("asked for", "access is being taken away; see `practice get`".to_owned()),
            ("pause", reply.pause.as_ref().map(pause_in_words).unwrap_or_default()),
            ("position", reply.position.to_string()),
        ])
    })
}

async fn get_receipt(connection: &Connection, output: Output, receipt: String, as_of: &AsOf) -> anyhow::Result<()> {
    let get = registry::GetReceiptRequest {
        name: receipt,
        effective_at: as_of.effective_at()?,
        known_at: as_of.known_at()?,
        ..Default::default()
    };
    let reply = connection.registry().get_receipt(get).await?.into_inner();
    output.print("citizens_access.registry.v1.GetReceiptResponse", &reply, || {
        Table::facts(receipt_facts(&reply.receipt.clone().unwrap_or_default()))
    })
}

fn receipt_facts(receipt: &registry::Receipt) -> [(&'static str, String); 5] {
    use registry::ReceiptState;
    let meaning = match receipt.state() {
        ReceiptState::Prevented => "nothing will be switched on while the pause is in force",
        ReceiptState::Pending => "a switch-on was under way: it is being stopped or will be undone; look again",
        ReceiptState::Reversed => "a switch-on had happened and has been undone",
        ReceiptState::AlreadyOn => "access was on already; it stays on. To take it away: accessctl practice switch-off",
        ReceiptState::Unspecified => "",
    };
    [
        ("receipt", receipt.name.clone()),
        ("state", word(receipt.state().as_str_name(), "RECEIPT_STATE_")),
        ("meaning", meaning.to_owned()),
        ("recorded", shown(receipt.recorded_at.as_ref())),
        ("final", shown(receipt.final_at.as_ref())),
    ]
}

async fn resume(connection: &Connection, output: Output, practice: &str, change: &Change) -> anyhow::Result<()> {
    let request = registry::ResumePracticeRequest {
        name: name("practices", practice),
        request_id: change.request_id()?,
        reason_code: change.reason_code.clone(),
        note: change.reason.clone(),
        dry_run: change.dry_run,
        ..Default::default()
    };
    let reply = connection.registry().resume_practice(request).await?.into_inner();
    output.print("citizens_access.registry.v1.ResumePracticeResponse", &reply, || {
        let lifted: Vec<String> = reply.lifted.iter().map(|pause| pause.name.clone()).collect();
        Table::facts([("lifted", lifted.join(", ")), ("position", reply.position.to_string())])
    })
}
