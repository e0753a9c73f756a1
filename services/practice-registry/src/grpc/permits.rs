//! Permits: requests on the wire to commands, and a reply for each of what they name.

use std::collections::{BTreeMap, BTreeSet};

use api::Error;
use journal::Outcome;
use practice::access;
use practice::command::Settlement;
use practice::event::{Consequences, PermitSettled};
use practice::{
    Command, CommandKey, Event, PermitRefusal, SettlementRefusal, State, permit_of, permit_refusal, settlement_refusal,
};
use proto::registry::v1 as wire;

use crate::grpc::resource::state_from_wire;
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, permit};
use crate::machine::Registry;

/// Most keys, settlements, observations or signals in one call.
pub(crate) const BATCH_MAX: usize = 1_000;

pub(crate) async fn acquire(
    handlers: &Handlers,
    asked: Asked<wire::AcquirePermitsRequest>,
) -> Result<wire::AcquirePermitsResponse, Error> {
    let request = &asked.request;
    let keys = keys_from_wire(&request.keys)?;
    let command = Command::AcquirePermits(keys.clone());
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let grants = keys.iter().map(|key| grant_to_wire(outcome, key)).collect();
            let granted = outcome.events.iter().map(|event| match event {
                Event::PermitsGranted { keys } => keys.len(),
                _ => 0,
            });
            wire::AcquirePermitsResponse { grants, position: outcome.position, affected_count: count(granted.sum()) }
        })
        .await
}

fn keys_from_wire(keys: &[wire::CommandKey]) -> Result<Vec<CommandKey>, Error> {
    api::validate::count("keys", keys.len(), BATCH_MAX)?;
    let mut seen = Once::new();
    let mut read = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let path = format!("keys[{index}]");
        let key = permit::key_from_wire(&path, key)?;
        seen.check(&path, &key)?;
        read.push(key);
    }
    Ok(read)
}

/// Judged on the state after: what was granted there has its permit, and what was refused is refused still.
fn grant_to_wire(outcome: &Outcome<'_, Registry>, key: &CommandKey) -> wire::PermitGrant {
    let state = outcome.after;
    let refusal = permit_refusal(state, key, outcome.now);
    wire::PermitGrant {
        key: Some(permit::key_to_wire(key)),
        permit: permit_of(state, key).map(|held| permit::to_wire(key, held)),
        refusal: refusal.as_ref().map_or(wire::PermitRefusal::Unspecified, refusal_to_wire).into(),
        detail: refusal.map(|refusal| refusal_in_words(&refusal, key)).unwrap_or_default(),
    }
}

fn refusal_to_wire(refusal: &PermitRefusal) -> wire::PermitRefusal {
    match refusal {
        PermitRefusal::PracticeUnknown => wire::PermitRefusal::PracticeUnknown,
        PermitRefusal::KeyClosed => wire::PermitRefusal::KeyClosed,
        PermitRefusal::PracticeNotOpen(_) => wire::PermitRefusal::PracticeNotOpen,
        PermitRefusal::SuccessionDue => wire::PermitRefusal::SuccessionDue,
        PermitRefusal::Paused(_) => wire::PermitRefusal::Paused,
        PermitRefusal::ReceiptPending(_) => wire::PermitRefusal::ReceiptPending,
        PermitRefusal::SwitchOffRequested => wire::PermitRefusal::SwitchOffRequested,
        PermitRefusal::PermitOpen(..) => wire::PermitRefusal::PermitOpen,
        PermitRefusal::AlreadyOn => wire::PermitRefusal::AlreadyOn,
        PermitRefusal::GenerationStale(_) => wire::PermitRefusal::GenerationStale,
    }
}

fn refusal_in_words(refusal: &PermitRefusal, key: &CommandKey) -> String {
    let practice = key.practice;
    match refusal {
        PermitRefusal::PracticeUnknown => format!("{practice} is not in the register"),
        PermitRefusal::KeyClosed => format!("{key} has ended; a new decision takes a new generation"),
        PermitRefusal::PracticeNotOpen(status) => {
            format!("{practice} is {}", super::resource::status_to_wire(*status).as_str_name())
        }
        PermitRefusal::SuccessionDue => {
            format!("{practice} succeeds others from today; what it inherits is being recorded")
        }
        PermitRefusal::Paused(number) => format!("{} is in force", name::of_pause(practice, *number)),
        PermitRefusal::ReceiptPending(number) => format!("{} is pending", name::of_receipt(practice, *number)),
        PermitRefusal::SwitchOffRequested => format!("{practice} has asked to be switched off"),
        PermitRefusal::PermitOpen(action, generation) => {
            format!("the permit to {action}, generation {generation}, is open")
        }
        PermitRefusal::AlreadyOn => format!("{practice} is observed ON"),
        PermitRefusal::GenerationStale(highest) => format!("generation {highest} was seen already"),
    }
}

pub(crate) async fn settle(
    handlers: &Handlers,
    asked: Asked<wire::SettlePermitsRequest>,
) -> Result<wire::SettlePermitsResponse, Error> {
    let request = &asked.request;
    let settlements = settlements_from_wire(&request.settlements)?;
    let command = Command::SettlePermits(settlements.clone());
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let (results, affected_count) = settled_to_wire(outcome, &settlements);
            wire::SettlePermitsResponse { results, position: outcome.position, affected_count }
        })
        .await
}

fn settlements_from_wire(settlements: &[wire::Settlement]) -> Result<Vec<Settlement>, Error> {
    api::validate::count("settlements", settlements.len(), BATCH_MAX)?;
    let mut seen = Once::new();
    let mut read = Vec::with_capacity(settlements.len());
    for (index, settlement) in settlements.iter().enumerate() {
        let path = |field: &str| format!("settlements[{index}].{field}");
        let key = permit::required_key(&path("key"), settlement.key.as_ref())?;
        seen.check(&path("key"), &key)?;
        read.push(Settlement {
            key,
            outcome: permit::outcome_from_wire(&path("outcome"), settlement.outcome)?,
            observed: state_from_wire(settlement.observed_state),
            as_at: api::time::moment(&path("as_at"), settlement.as_at.as_ref())?,
        });
    }
    Ok(read)
}

pub(crate) async fn release(
    handlers: &Handlers,
    asked: Asked<wire::ReleasePermitsRequest>,
) -> Result<wire::ReleasePermitsResponse, Error> {
    let request = &asked.request;
    let voided = |key| Settlement { key, outcome: access::Outcome::Voided, observed: None, as_at: None };
    let settlements: Vec<Settlement> = keys_from_wire(&request.keys)?.into_iter().map(voided).collect();
    let command = Command::SettlePermits(settlements.clone());
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let (results, affected_count) = settled_to_wire(outcome, &settlements);
            wire::ReleasePermitsResponse { results, position: outcome.position, affected_count }
        })
        .await
}

/// The result of each settlement, and how many were settled now.
fn settled_to_wire(outcome: &Outcome<'_, Registry>, settlements: &[Settlement]) -> (Vec<wire::SettlementResult>, u32) {
    let settled = outcome.events.iter().flat_map(settled_in);
    let news: BTreeMap<&CommandKey, &Consequences> =
        settled.map(|settled| (&settled.key, &settled.consequences)).collect();
    let result =
        |settlement: &Settlement| settlement_to_wire(outcome.after, settlement, news.get(&settlement.key).copied());
    (settlements.iter().map(result).collect(), count(news.len()))
}

fn settled_in(event: &Event) -> &[PermitSettled] {
    match event {
        Event::PermitsSettled { settlements } => settlements,
        _ => &[],
    }
}

fn settlement_to_wire(state: &State, settlement: &Settlement, news: Option<&Consequences>) -> wire::SettlementResult {
    let key = &settlement.key;
    let refusal = match settlement_refusal(state, key, settlement.outcome) {
        None => wire::SettlementRefusal::Unspecified,
        Some(SettlementRefusal::NoPermit) => wire::SettlementRefusal::NoPermit,
        Some(SettlementRefusal::OutcomeDiffers(_)) => wire::SettlementRefusal::OutcomeDiffers,
    };
    wire::SettlementResult {
        key: Some(permit::key_to_wire(key)),
        permit: permit_of(state, key).map(|held| permit::to_wire(key, held)),
        refusal: refusal.into(),
        receipts_final: news.map(|news| receipts_final(key.practice, news)).unwrap_or_default(),
    }
}

pub(crate) fn receipts_final(practice: ods::PracticeCode, consequences: &Consequences) -> Vec<String> {
    consequences.receipts.iter().map(|receipt| name::of_receipt(practice, receipt.pause)).collect()
}

/// Refuses a batch that names the same thing twice: the reply would not say which of the two it is about.
pub(crate) struct Once<T>(BTreeSet<T>);

impl<T: Ord + Clone> Once<T> {
    pub(crate) fn new() -> Self {
        Self(BTreeSet::new())
    }

    pub(crate) fn check(&mut self, path: &str, item: &T) -> Result<(), Error> {
        if self.0.insert(item.clone()) {
            return Ok(());
        }
        Err(Error::invalid(path, "NAMED_TWICE", "{field} names what an earlier item of the call names"))
    }
}

pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).expect("a call names at most a thousand things")
}
