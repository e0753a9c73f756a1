//! Suppliers with booked dates: reading their list, claiming it, reporting results.

use std::collections::{BTreeMap, BTreeSet};

use api::Error;
use journal::Outcome;
use ods::Supplier;
use proto::scheduler::v1 as wire;
use rollout::list::{ListEntry, Standing, SupplierList, supplier_list};
use rollout::state::{ActivationState, Outcome as Ended};
use rollout::{ActivationKey, CLAIM_TIME, Command, Fact, RegistryView, State, SupplierAnswer};

use super::convert::activation::{answer_from_wire, key_from_wire, key_to_wire, keys_from_wire};
use super::convert::{count, moment, name};
use super::submit::{Ask, Asked};
use super::{Handlers, refusal};
use crate::lists;
use crate::machine::{Rejection, SchedulerMachine};
use crate::permits::PermitsError;
use crate::selection;

/// Results in one report.
const RESULTS_MAX: usize = 1_000;

pub(super) async fn list_due(
    handlers: &Handlers,
    asked: Asked<wire::ListDueActivationsRequest>,
) -> Result<wire::ListDueActivationsResponse, Error> {
    let supplier = name::supplier("supplier", &asked.request.supplier)?;
    Handlers::authorise_supplier(&asked, &supplier)?;
    let published = handlers.at(asked.request.min_position).await?;
    let now = handlers.clock.now();
    let list = supplier_list(&published.state.rollout, &handlers.followed.view(), &supplier, now);
    let version = lists::version(&list);
    let valid_until = list.claim_before.unwrap_or(now.saturating_add(CLAIM_TIME).unwrap_or(now));
    let signature = handlers.signer.sign(&supplier, &version, valid_until, published.position);
    Ok(wire::ListDueActivationsResponse {
        activations: list.entries.iter().map(entry_to_wire).collect(),
        withdrawn: list.withdrawn.iter().map(key_to_wire).collect(),
        list_version: version,
        valid_until: Some(moment(valid_until)),
        signature: signature.bytes.into(),
        signing_key: signature.public_key,
        position: published.position,
    })
}

fn entry_to_wire(entry: &ListEntry) -> wire::DueActivation {
    wire::DueActivation {
        key: Some(key_to_wire(&entry.key)),
        date: entry.date.to_string(),
        cut_off_at: entry.cut_off_at.map(moment),
        wave: entry.wave.as_ref().map(ToString::to_string).unwrap_or_default(),
        claimed: entry.standing == Standing::Claimed,
    }
}

/// Claims in three steps, each of which may be repeated after a crash: slots and keys, then the permits with the seals,
/// then the answer from what came of it. The first is recorded under the request's id, with what was claimed.
pub(super) async fn claim(
    handlers: &Handlers,
    asked: Asked<wire::ClaimActivationsRequest>,
) -> Result<wire::ClaimActivationsResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let supplier = name::supplier("supplier", &asked.request.supplier)?;
    Handlers::authorise_supplier(&asked, &supplier)?;
    let wanted = keys_from_wire("keys", &asked.request.keys)?;
    // All of it at one moment of the domain's.
    let _activity = handlers.clock.activity();
    let begun = begin_claim(handlers, &asked, &mutation, &supplier, wanted).await?;
    let keys = keys_from_wire("claimed", &begun.claimed)?;
    if mutation.dry_run {
        return Ok(begun);
    }
    handlers.seal_claimed(&supplier, &keys).await?;
    let published = handlers.engine.published();
    Ok(claimed(&published.state.rollout, &supplier, keys, published.position))
}

/// The first step: what is asked for gets its slots. Its reply names all that was asked for, granted or not.
async fn begin_claim(
    handlers: &Handlers,
    asked: &Asked<wire::ClaimActivationsRequest>,
    mutation: &api::Mutation,
    supplier: &Supplier,
    wanted: Vec<ActivationKey>,
) -> Result<wire::ClaimActivationsResponse, Error> {
    let (published, view) = (handlers.engine.published(), handlers.followed.view());
    let list = supplier_list(&published.state.rollout, &view, supplier, handlers.clock.now());
    let version = lists::version(&list);
    let keys = if wanted.is_empty() { list.entries.iter().map(|entry| entry.key.clone()).collect() } else { wanted };
    let ask = if version == asked.request.list_version {
        Ask::new(asked, mutation, Command::Learn(claim_begun(supplier, &list, &keys, &view)))
    } else {
        // A repeated request meets the list that its first run has left.
        let (given, actual) = (asked.request.list_version.clone(), version);
        Ask::replay_only(asked, mutation, Rejection::ListOutdated { given, actual })
    };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::ClaimActivationsResponse {
        claimed: keys.iter().map(key_to_wire).collect(),
        position: outcome.position,
        affected_count: count(keys.len() as u64),
        affected_hash: selection::hash_of_lines(keys.iter().map(ToString::to_string)),
        ..wire::ClaimActivationsResponse::default()
    };
    handlers.submit(ask.because_of(&format!("suppliers/{supplier}")), word).await
}

fn claim_begun(supplier: &Supplier, list: &SupplierList, keys: &[ActivationKey], view: &RegistryView) -> Fact {
    let keys: BTreeSet<&ActivationKey> = keys.iter().collect();
    let wanted = list.entries.iter().filter(|entry| keys.contains(&entry.key));
    let practices = wanted.filter_map(|entry| match (&entry.standing, &entry.wave) {
        (Standing::Waiting(candidate), Some(wave)) => Some((wave.clone(), candidate.clone())),
        _ => None,
    });
    Fact::ClaimBegun { supplier: supplier.clone(), practices: practices.collect(), registry_position: view.position }
}

impl Handlers {
    /// The second step: permits for the claimed keys that have their slot, and switch-offs handed over.
    async fn seal_claimed(&self, supplier: &Supplier, keys: &[ActivationKey]) -> Result<(), Error> {
        let published = self.engine.published();
        let state = &published.state.rollout;
        let in_state = |wanted: ActivationState| {
            let is = move |key: &&ActivationKey| {
                state.activation(key).is_some_and(|one| one.stage.state() == wanted && one.supplier == *supplier)
            };
            keys.iter().filter(is).cloned().collect::<Vec<_>>()
        };
        let cause = format!("suppliers/{supplier}");
        let (intended, sealed) = (in_state(ActivationState::Intended), in_state(ActivationState::Sealed));
        self.permits.acquire(&intended, &cause, None).await.map_err(of_permits)?;
        if !sealed.is_empty() {
            self.permits.learn(&cause, Fact::Sent { keys: sealed }).await.map_err(of_permits)?;
        }
        Ok(())
    }
}

/// The third step: which of the keys are the supplier's now, and why the others are not.
fn claimed(
    state: &State,
    supplier: &Supplier,
    keys: Vec<ActivationKey>,
    position: u64,
) -> wire::ClaimActivationsResponse {
    let (claimed, denied): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| is_claimed(state, supplier, key));
    let denial =
        |key: &ActivationKey| wire::DeniedActivation { key: Some(key_to_wire(key)), reason: denial_reason(state, key) };
    wire::ClaimActivationsResponse {
        claimed: claimed.iter().map(key_to_wire).collect(),
        denied: denied.iter().map(denial).collect(),
        position,
        affected_count: count(claimed.len() as u64),
        affected_hash: selection::hash_of_lines(claimed.iter().map(ToString::to_string)),
    }
}

/// Under way at this supplier, or ended since.
fn is_claimed(state: &State, supplier: &Supplier, key: &ActivationKey) -> bool {
    let open = state.activation(key).filter(|one| one.supplier == *supplier);
    let under_way = open.is_some_and(|one| one.stage.state() != ActivationState::Intended);
    under_way || ended(state, key).is_some()
}

fn ended<'a>(state: &'a State, key: &ActivationKey) -> Option<&'a Ended> {
    let (last, outcome) = state.access(&key.target())?.last.as_ref()?;
    (last == key).then_some(outcome)
}

/// Why a key was not claimed: what became of its practice's enrolment, in a word.
fn denial_reason(state: &State, key: &ActivationKey) -> String {
    let programmes = state.programmes.values().filter(|programme| programme.capability == key.capability);
    let enrolment = programmes.filter_map(|programme| {
        programme.waves.get(programme.current_wave.get(&key.practice)?)?.enrolment(key.practice)
    });
    let reason = enrolment.filter_map(|enrolment| enrolment.stage.reason().map(ToOwned::to_owned)).next();
    reason.unwrap_or_else(|| "NOT_ADMITTED".to_owned())
}

pub(super) async fn report(
    handlers: &Handlers,
    asked: Asked<wire::ReportActivationResultsRequest>,
) -> Result<wire::ReportActivationResultsResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let supplier = name::supplier("supplier", &asked.request.supplier)?;
    Handlers::authorise_supplier(&asked, &supplier)?;
    api::validate::count("results", asked.request.results.len(), RESULTS_MAX)?;
    let answers = answers_from_wire(handlers, &asked.request.results)?;
    let results = answers.clone();
    let fact = Fact::Answers { answers: of_supplier(&handlers.engine.published().state.rollout, &supplier, answers) };
    let ask = Ask::new(&asked, &mutation, Command::Learn(fact)).because_of(&format!("suppliers/{supplier}"));
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| taken(outcome, &supplier, &results);
    handlers.submit(ask, word).await
}

fn answers_from_wire(
    handlers: &Handlers,
    results: &[proto::supplier::v1::Activation],
) -> Result<BTreeMap<ActivationKey, SupplierAnswer>, Error> {
    let mut answers = BTreeMap::new();
    for (number, result) in results.iter().enumerate() {
        let path = format!("results[{number}].key");
        let key = key_from_wire(&path, &result.key.clone().unwrap_or_default())?;
        let answer = answer_from_wire(result, handlers.clock.now())?;
        if answers.insert(key, answer).is_some() {
            return Err(Error::invalid(path, "KEY_NAMED_TWICE", "{field} is named twice in one report"));
        }
    }
    Ok(answers)
}

/// Only about keys that this supplier carries out: nobody answers for another.
fn of_supplier(
    state: &State,
    supplier: &Supplier,
    answers: BTreeMap<ActivationKey, SupplierAnswer>,
) -> BTreeMap<ActivationKey, SupplierAnswer> {
    let own = |key: &ActivationKey| state.activation(key).is_some_and(|one| one.supplier == *supplier);
    answers.into_iter().filter(|(key, _)| own(key)).collect()
}

fn taken(
    outcome: &Outcome<'_, SchedulerMachine>,
    supplier: &Supplier,
    results: &BTreeMap<ActivationKey, SupplierAnswer>,
) -> wire::ReportActivationResultsResponse {
    let (before, after) = (&outcome.before.rollout, &outcome.after.rollout);
    let mut taken = Vec::new();
    let mut rejected = Vec::new();
    for (key, answer) in results {
        let was_open =
            before.activation(key).is_some_and(|one| one.supplier == *supplier && one.stage.state().is_under_way());
        let reason = match ended(after, key) {
            _ if was_open => None,
            Some(known) if agrees(known, answer) => None,
            Some(_) => Some("SETTLED_OTHERWISE"),
            None => Some("NOT_CLAIMED"),
        };
        match reason {
            None => taken.push(key.to_string()),
            Some(reason) => {
                rejected.push(wire::DeniedActivation { key: Some(key_to_wire(key)), reason: reason.to_owned() });
            }
        }
    }
    wire::ReportActivationResultsResponse {
        rejected,
        position: outcome.position,
        affected_count: count(taken.len() as u64),
        affected_hash: selection::hash_of_lines(taken),
    }
}

/// Whether a repeated report says what was settled before.
fn agrees(known: &Ended, answer: &SupplierAnswer) -> bool {
    matches!(
        (known, answer),
        (Ended::Applied { .. }, SupplierAnswer::Applied { .. })
            | (Ended::NotApplied, SupplierAnswer::Closed)
            | (Ended::Refused { .. }, SupplierAnswer::Refused { .. })
    )
}

fn of_permits(error: PermitsError) -> Error {
    match error {
        PermitsError::Registry(error) => refusal::of_peer(&error),
        PermitsError::Journal(error) => journal::grpc::refusal(error, |rejection| refusal::of_rejection(&rejection)),
    }
}
