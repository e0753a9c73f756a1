//! Decisions: a command judged on the state of the moment. Pure; `now` is the moment of the decision.

mod advice;
mod contact;
mod observed;
mod trial;

use jiff::Timestamp;
use ods::civil::civil_date;
use ods::{Capability, PracticeCode};

use crate::access::{ObservedState, Outcome, Permit};
use crate::apply::{apply, conclude_at, grant_at, settle_at};
use crate::command::{
    Command, PausePractice, ResumePractice, SetOrganisationLifetime, SetPauseOutcome, Settlement, UpdateReadiness,
};
use crate::directory::{self, CHUNK_PRACTICES_MAX, Chunk, Verdict};
use crate::event::{Consequences, Event, PermitSettled, PracticePaused, ReceiptFinal, SettlementObserved};
use crate::inheritance::effect;
use crate::key::{Action, CommandKey};
use crate::lapse::{LAPSES_MAX, Lapse, LapseOf};
use crate::organisation::OrganisationLifetime;
use crate::pause::{Inherited, Judgement, PauseEnd, ReceiptPart};
use crate::permits::{permit_at, refusal_at};
use crate::practice::Practice;
use crate::readiness::{DeclaredItem, catalogue_item};
use crate::rejection::Rejection;
use crate::source::SourceRead;
use crate::state::State;
use crate::succession;
use crate::switch_off::switch_off;
use crate::sync;

pub use observed::OBSERVER_AHEAD_MAX;
use trial::Trial;

/// Positions in a scratch state, which no one else sees.
pub(crate) const SCRATCH_POSITION: u64 = u64::MAX;

/// Judges `command`. No events: it was right and there is nothing to change.
pub fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::ImportDirectory(chunk) => import(state, chunk, now),
        Command::PausePractice(pause) => paused_here_and_on(state, pause, now),
        Command::ResumePractice(resume) => resumed(state, resume),
        Command::SetPauseOutcome(outcome) => judged(state, outcome),
        Command::SetOrganisationLifetime(set) => lived(state, set),
        Command::RequestSwitchOff(request) => switch_off(state, request, now),
        Command::UpdateReadiness(update) => readiness(state, update),
        Command::DeclareReadinessItems(items) => declared(state, items),
        Command::RecordAdvice(advice) => advice::recorded(known(state, advice.practice)?, advice, now),
        Command::EndAdvice(end) => advice::ended(known(state, end.practice)?, end, now),
        Command::SetContact(set) => contact::set(known(state, set.practice)?, set, now),
        Command::EraseContact(erase) => contact::erased(known(state, erase.practice)?, erase),
        Command::RecordObservations(observations) => observed::observed(state, observations, now),
        Command::RecordSignals(signals) => observed::signalled(state, signals, now),
        Command::AcquirePermits(keys) => Ok(granted(state, keys, now)),
        Command::SettlePermits(settlements) => Ok(settled(state, settlements, now)),
        Command::RecordSuccession(asked) => succession::recorded(state, asked, now),
        Command::Lapse => Ok(lapsed(state, now)),
        Command::StartSync(start) => Ok(sync::started(state, *start, now)),
        Command::AdvanceSync(advance) => sync::advanced(state, advance, now),
        Command::FailSync(fail) => sync::failed(state, fail),
    }
}

pub(crate) fn known(state: &State, practice: PracticeCode) -> Result<&Practice, Rejection> {
    state.practice(practice).map(AsRef::as_ref).ok_or(Rejection::PracticeUnknown { practice })
}

fn unchanged_since(practice: &Practice, if_position: Option<u64>) -> Result<(), Rejection> {
    match if_position {
        Some(seen) if seen != practice.position() => {
            Err(Rejection::PracticeChanged { practice: practice.code, position: practice.position(), seen })
        }
        _ => Ok(()),
    }
}

fn import(state: &State, chunk: &Chunk, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let today = civil_date(now);
    if chunk.effective_from > today {
        return Err(Rejection::EffectiveInFuture { effective_from: chunk.effective_from, today });
    }
    if chunk.practices.len() > CHUNK_PRACTICES_MAX {
        let practices_count = chunk.practices.len();
        return Err(Rejection::ChunkTooLong { practices_count, practices_count_max: CHUNK_PRACTICES_MAX });
    }
    let mut practices = Vec::new();
    for entry in &chunk.practices {
        if let Verdict::Changes(change) = directory::compare(state, entry, chunk.effective_from, now) {
            practices.push(*change);
        }
    }
    let news = |entry| directory::organisation_news(state, entry, chunk.effective_from, now);
    let organisations: Vec<_> = chunk.organisations.iter().filter_map(news).collect();
    let mut events = Vec::new();
    // Before what it changes, so that whoever reads an import's records knows at each whose they are.
    if let Some(read) = &chunk.read {
        let statements = state.sources().news(read);
        if !(statements.is_empty() && practices.is_empty()) {
            events.push(Event::SourceRead(SourceRead { statements, ..read.clone() }));
        }
    }
    if !(practices.is_empty() && organisations.is_empty()) {
        let (source, effective_from) = (chunk.source.clone(), chunk.effective_from);
        events.push(Event::DirectoryImported { source, effective_from, practices, organisations });
    }
    Ok(events)
}

/// Nobody but a person, or a source that says so, closes an organisation.
fn lived(state: &State, set: &SetOrganisationLifetime) -> Result<Vec<Event>, Rejection> {
    let organisation = state
        .organisation(&set.organisation)
        .ok_or_else(|| Rejection::OrganisationUnknown { organisation: set.organisation.clone() })?;
    if let Some(seen) = set.if_position.filter(|seen| *seen != organisation.position) {
        let (organisation, position) = (set.organisation.clone(), organisation.position);
        return Err(Rejection::OrganisationChanged { organisation, position, seen });
    }
    let OrganisationLifetime { open, close } = set.lifetime;
    if let (Some(open), Some(close)) = (open, close)
        && close <= open
    {
        return Err(Rejection::ClosedBeforeOpened { open, close });
    }
    if organisation.lifetime(Timestamp::MAX) == set.lifetime {
        return Ok(Vec::new());
    }
    let organisation = set.organisation.clone();
    Ok(vec![Event::OrganisationLifetimeSet { organisation, lifetime: set.lifetime }])
}

/// What is said under a closed code is meant for whoever goes on: the pause holds at its heirs, too (rule 9).
fn paused_here_and_on(state: &State, pause: &PausePractice, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let here = paused(known(state, pause.practice)?, pause, None, now)?;
    let inherited = Inherited { practice: here.practice, pause: here.pause, effective_at: now };
    let mut events = vec![Event::PracticePaused(here)];
    for heir in succession::heirs(state, pause.practice) {
        events.push(Event::PracticePaused(paused(known(state, heir)?, pause, Some(inherited), now)?));
    }
    Ok(events)
}

/// A pause is never refused for what the practice's state is: it is the safe direction. The programme's default is of the
/// practice that was asked; an heir's pause holds until it is lifted.
pub(crate) fn paused(
    practice: &Practice,
    pause: &PausePractice,
    inherited: Option<Inherited>,
    now: Timestamp,
) -> Result<PracticePaused, Rejection> {
    if let PauseEnd::Until(until) = pause.end
        && until <= now
    {
        return Err(Rejection::PauseEndsInPast { until, now });
    }
    Ok(PracticePaused {
        practice: practice.code,
        pause: next_number(&practice.pauses),
        capability: pause.capability.clone(),
        end: match pause.end {
            PauseEnd::ProgrammeDefault if inherited.is_some() => PauseEnd::FurtherNotice,
            end => end,
        },
        placed_by: pause.placed.by.clone(),
        on_behalf_of: pause.placed.on_behalf_of.clone(),
        evidence: pause.placed.evidence.clone(),
        reason_code: pause.placed.reason_code.clone(),
        receipt: receipt(practice, pause.capability.as_ref(), now),
        inherited,
    })
}

pub(crate) fn next_pause(practice: &Practice) -> u32 {
    u32::try_from(practice.pauses.len() + 1).expect("a practice has fewer than four thousand million pauses")
}

/// The number after those of a list that counts from 1.
fn next_number<T>(list: &[T]) -> u32 {
    u32::try_from(list.len() + 1).expect("a practice has fewer than four thousand million of anything")
}

/// One part for the capability paused, or for the default one and each of which anything is known here.
pub(crate) fn receipt(practice: &Practice, capability: Option<&Capability>, now: Timestamp) -> Vec<ReceiptPart> {
    let mut covered: Vec<Capability> = match capability {
        Some(capability) => vec![capability.clone()],
        None => practice.access.keys().cloned().chain([Capability::default()]).collect(),
    };
    covered.sort();
    covered.dedup();
    let part = |capability| {
        let access = practice.access(&capability);
        ReceiptPart::at_pause(capability, access, now)
    };
    covered.into_iter().map(part).collect()
}

fn resumed(state: &State, resume: &ResumePractice) -> Result<Vec<Event>, Rejection> {
    let practice = known(state, resume.practice)?;
    unchanged_since(practice, resume.if_position)?;
    let pauses: Vec<u32> = match resume.pause {
        None => practice.pauses_in_force().map(|pause| pause.number).collect(),
        Some(number) => {
            let pause = practice.pause(number);
            let pause = pause.ok_or(Rejection::PauseUnknown { practice: practice.code, pause: number })?;
            if !pause.is_in_force() {
                return Err(Rejection::PauseEnded { practice: practice.code, pause: number });
            }
            vec![number]
        }
    };
    if pauses.is_empty() {
        return Err(Rejection::NotPaused { practice: practice.code });
    }
    Ok(vec![Event::PausesLifted { practice: practice.code, pauses }])
}

fn judged(state: &State, outcome: &SetPauseOutcome) -> Result<Vec<Event>, Rejection> {
    let practice = known(state, outcome.practice)?;
    unchanged_since(practice, outcome.if_position)?;
    let (practice_code, number) = (practice.code, outcome.pause);
    let pause = practice.pause(number).ok_or(Rejection::PauseUnknown { practice: practice_code, pause: number })?;
    if pause.end != PauseEnd::ProgrammeDefault {
        return Err(Rejection::PauseNotJudged { practice: practice_code, pause: number });
    }
    if pause.judgement.as_ref() == Some(&outcome.judgement) {
        return Ok(Vec::new());
    }
    // The practice was told that only it ends this pause; nothing of ours takes that back (rule 8).
    if pause.judgement == Some(Judgement::Late) {
        return Err(Rejection::PauseJudgedLate { practice: practice_code, pause: number });
    }
    if !pause.is_in_force() {
        return Err(Rejection::PauseEnded { practice: practice_code, pause: number });
    }
    let judgement = outcome.judgement.clone();
    Ok(vec![Event::PauseJudged { practice: practice_code, pause: number, judgement }])
}

fn readiness(state: &State, update: &UpdateReadiness) -> Result<Vec<Event>, Rejection> {
    let practice = known(state, update.practice)?;
    unchanged_since(practice, update.if_position)?;
    let mut items = Vec::new();
    for item in &update.items {
        if !state.knows_item(&item.item) {
            return Err(Rejection::ReadinessItemUnknown { item: item.item.clone() });
        }
        let current = practice.readiness.get(&item.item).and_then(|facts| facts.last());
        if current.is_none_or(|fact| fact.said != *item) {
            items.push(item.clone());
        }
    }
    if items.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ReadinessUpdated { practice: practice.code, items }])
}

fn declared(state: &State, items: &[DeclaredItem]) -> Result<Vec<Event>, Rejection> {
    let mut new = Vec::new();
    for item in items {
        if catalogue_item(&item.item).is_some() {
            return Err(Rejection::ReadinessItemOfCatalogue { item: item.item.clone() });
        }
        if state.declared_item(&item.item) != Some(item) {
            new.push(item.clone());
        }
    }
    Ok(if new.is_empty() { Vec::new() } else { vec![Event::ReadinessItemsDeclared { items: new }] })
}

fn granted(state: &State, keys: &[CommandKey], now: Timestamp) -> Vec<Event> {
    let mut trial = Trial::new(state);
    let mut new = Vec::new();
    for key in keys {
        let Some(practice) = trial.practice(key.practice) else { continue };
        if refusal_at(practice, key, now).is_none() && permit_at(practice, key).is_none() {
            trial.change(key.practice, |practice| grant_at(practice, key, now));
            new.push(key.clone());
        }
    }
    if new.is_empty() { Vec::new() } else { vec![Event::PermitsGranted { keys: new }] }
}

fn settled(state: &State, settlements: &[Settlement], now: Timestamp) -> Vec<Event> {
    let mut trial = Trial::new(state);
    let mut closed_unasked = Vec::new();
    let mut new = Vec::new();
    for settlement in settlements {
        let key = &settlement.key;
        let Some(practice) = trial.practice(key.practice) else { continue };
        if is_given_back_unasked(practice, settlement) {
            trial.change(key.practice, |practice| grant_at(practice, key, now));
            closed_unasked.push(key.clone());
        } else if !permit_at(practice, key).is_some_and(Permit::is_open) {
            continue;
        }
        trial.change(key.practice, |practice| {
            let mut event = PermitSettled {
                key: key.clone(),
                outcome: settlement.outcome,
                observed: settlement_observed(practice, settlement, now),
                consequences: Consequences::default(),
            };
            settle_at(practice, &event, now);
            event.consequences = consequences(practice, &key.capability);
            conclude_at(practice, &key.capability, &event.consequences, now);
            new.push(event);
        });
    }
    let mut events = Vec::new();
    if !closed_unasked.is_empty() {
        events.push(Event::PermitsGranted { keys: closed_unasked });
    }
    if !new.is_empty() {
        events.push(Event::PermitsSettled { settlements: new });
    }
    events
}

/// Whoever gives a key up may have asked for its permit by a call that is yet to arrive. It must find the key closed: a permit
/// that nobody knows of would stay open for ever. So giving back what was never granted closes the key all the same, as a
/// supplier closes one that it never saw.
fn is_given_back_unasked(practice: &Practice, settlement: &Settlement) -> bool {
    settlement.outcome == Outcome::Voided && permit_at(practice, &settlement.key).is_none()
}

/// What a settlement says of the practice. A supplier whose clock runs ahead settles all the same: its answer is of now.
fn settlement_observed(practice: &Practice, settlement: &Settlement, now: Timestamp) -> Option<SettlementObserved> {
    let as_at = settlement.as_at.unwrap_or(now).min(now);
    if let Some(state) = settlement.observed {
        return Some(SettlementObserved { state, as_at });
    }
    let follows = match (settlement.outcome, settlement.key.action) {
        (Outcome::Applied, Action::Enable) => ObservedState::On,
        (Outcome::Applied, Action::Disable) => ObservedState::Off,
        (Outcome::NotApplied | Outcome::Refused | Outcome::Voided, _) => return None,
    };
    let key = &settlement.key;
    let access = practice.access(&key.capability)?;
    // A late answer without a moment must not hide that a later command has switched the practice off since.
    if settlement.as_at.is_none() && key.action == Action::Enable && access.was_disabled_after(key.generation) {
        return None;
    }
    Some(SettlementObserved { state: follows, as_at })
}

/// What follows at the practice from what is now known there of the capability.
fn consequences(practice: &Practice, capability: &Capability) -> Consequences {
    let Some(access) = practice.access(capability) else { return Consequences::default() };
    let mut receipts = Vec::new();
    for pause in &practice.pauses {
        if let Some(state) = pause.receipt_part(capability).and_then(|part| part.becomes(access)) {
            receipts.push(ReceiptFinal { pause: pause.number, state });
        }
    }
    Consequences { receipts, switch_off_done: access.switch_off_is_done() }
}

/// In the order of the due moments, so that what ended before a succession is not inherited. A succession is an event of
/// its own, and whatever lapsed before it another.
fn lapsed(state: &State, now: Timestamp) -> Vec<Event> {
    let mut scratch = state.clone();
    let mut events = Vec::new();
    let mut lapses = Vec::new();
    for due in state.due(now).take(LAPSES_MAX) {
        let closing = scratch.practice(due.practice).and_then(|practice| practice.closing());
        match (&due.what, closing.map(|closing| closing.terms.clone())) {
            (LapseOf::Succession, Some(terms)) => {
                if !lapses.is_empty() {
                    let before = Event::Lapsed { lapses: std::mem::take(&mut lapses) };
                    try_out(&mut scratch, &before, now);
                    events.push(before);
                }
                let effected = Event::SuccessionEffected(effect(&scratch, &terms, now));
                try_out(&mut scratch, &effected, now);
                events.push(effected);
            }
            (what, _) => {
                lapses.push(Lapse { practice: due.practice, what: what.clone(), effective_at: due.moment });
            }
        }
    }
    if !lapses.is_empty() {
        events.push(Event::Lapsed { lapses });
    }
    events
}

/// Folds into the scratch state.
fn try_out(scratch: &mut State, event: &Event, now: Timestamp) {
    apply(scratch, event, SCRATCH_POSITION, now);
}
