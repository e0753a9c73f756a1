//! Waves: reading and moving them, notices, verdicts on gates.

use std::collections::BTreeSet;

use api::{Error, Page, PageLimits};
use journal::Outcome;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::effects;
use rollout::state::{Programme, Wave};
use rollout::{Act, Command, Event as Happened, Fact, WaveId, WaveRef};

use super::convert::{count, enrolment, etag, gate, name, wave};
use super::programmes::as_known_at;
use super::submit::{Ask, Asked};
use super::{Handlers, programme_of, wave_of};
use crate::history;
use crate::machine::{Event, Expectation, SchedulerMachine, State};
use crate::selection;

/// How a notice went is a word, not a letter.
const CHANNEL_CHARS_MAX: usize = 40;

/// Most practices that one call names: a wave of more is named as a whole.
const PRACTICES_NAMED_MAX: usize = 10_000;

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListWavesRequest>,
) -> Result<wire::ListWavesResponse, Error> {
    let page: Page<WaveId> = api::page!(asked.request, PageLimits::STANDARD)?;
    let id = name::programme("parent", &asked.request.parent)?;
    let published = handlers.at(asked.request.min_position).await?;
    let programme = programme_of(&published.state.rollout, &id)?;
    let (listed, next) = listed(programme, &page, asked.request.show_superseded);
    let mut waves = Vec::new();
    for wave in listed {
        waves.push(handlers.describe(&published.state, wave).await?);
    }
    Ok(wire::ListWavesResponse { waves, next_page_token: next.unwrap_or_default() })
}

/// A page of a programme's waves, and the token of the next one. By number: the order of a plan may change between two pages,
/// numbers never do (rule 7).
fn listed<'a>(
    programme: &'a Programme,
    page: &Page<WaveId>,
    shows_superseded: bool,
) -> (Vec<&'a Wave>, Option<String>) {
    let is_listed = |wave: &&Wave| {
        // One that a later plan left out when it had opened soaks and comes to its gate all the same: somebody has to see it.
        shows_superseded || !wave.stage.has_ended() || programme.lists(wave.id.wave)
    };
    let mut listed: Vec<&Wave> = programme.waves.values().filter(is_listed).collect();
    listed.sort_by_key(|wave| wave.id.wave);
    listed.retain(|wave| page.after.is_none_or(|after| wave.id.wave > after));
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|last| page.next_page_token(&last.id.wave));
    (listed, next)
}

pub(super) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetWaveRequest>,
) -> Result<wire::GetWaveResponse, Error> {
    let id = name::wave("name", &asked.request.name)?;
    let known_at = api::time::moment("known_at", asked.request.known_at.as_ref())?;
    let published = handlers.at(asked.request.min_position).await?;
    let (wave, position) = match known_at {
        None => {
            (handlers.describe(&published.state, wave_of(&published.state.rollout, &id)?).await?, published.position)
        }
        Some(known_at) => {
            let (state, position) = as_known_at(handlers, &published, known_at).await?;
            let described = handlers.describe(&state, wave_of(&state.rollout, &id)?).await?;
            // What stands in the way, and what a gate would say, is known of the present alone.
            (wire::Wave { stuck_reasons: Vec::new(), waiting_gate: None, ..described }, position)
        }
    };
    Ok(wire::GetWaveResponse { wave: Some(wave), position })
}

pub(super) async fn reschedule(
    handlers: &Handlers,
    asked: Asked<wire::RescheduleWaveRequest>,
) -> Result<wire::RescheduleWaveResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::wave("name", &asked.request.name)?;
    let from = api::time::required_date("opens_on", &asked.request.opens_on)?;
    let expects = expectation(&id, &asked.request.etag)?;
    let ask = Ask::act(&asked, &mutation, Act::RescheduleWave { wave: id.clone(), from }).expecting(expects).urgent();
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::RescheduleWaveResponse {
        wave: outcome_wave(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(ask, word).await
}

pub(super) async fn cancel(
    handlers: &Handlers,
    asked: Asked<wire::CancelWaveRequest>,
) -> Result<wire::CancelWaveResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::wave("name", &asked.request.name)?;
    let expects = expectation(&id, &asked.request.etag)?;
    let ask = Ask::act(&asked, &mutation, Act::CancelWave { wave: id.clone() }).expecting(expects).urgent();
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::CancelWaveResponse {
        wave: outcome_wave(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(ask, word).await
}

pub(super) async fn decide_gate(
    handlers: &Handlers,
    asked: Asked<wire::DecideGateRequest>,
) -> Result<wire::DecideGateResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let id = name::wave("wave", &asked.request.wave)?;
    let verdict = gate::verdict_from_wire(asked.request.verdict())?;
    let expects = expectation(&id, &asked.request.etag)?;
    let ask = Ask::act(&asked, &mutation, Act::DecideGate { wave: id.clone(), verdict }).expecting(expects);
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::DecideGateResponse {
        wave: outcome_wave(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(ask, word).await
}

pub(super) async fn record_notice(
    handlers: &Handlers,
    asked: Asked<wire::RecordNoticeDeliveryRequest>,
) -> Result<wire::RecordNoticeDeliveryResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::wave("wave", &asked.request.wave)?;
    let practices = practices_named(&asked.request.practices)?;
    let delivered_at = api::time::moment("delivered_at", asked.request.delivered_at.as_ref())?;
    let delivered_at = delivered_at.unwrap_or_else(|| handlers.clock.now());
    api::validate::required("channel", &asked.request.channel)?;
    api::validate::free_text("channel", &asked.request.channel, CHANNEL_CHARS_MAX)?;
    let channel = asked.request.channel.clone();
    let fact = Fact::NoticeDelivered { wave: id.clone(), practices, delivered_at, channel };
    let ask = Ask::new(&asked, &mutation, Command::Learn(fact)).because_of(&id);
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let told = told(outcome);
        wire::RecordNoticeDeliveryResponse {
            wave: outcome_wave(outcome, &id),
            position: outcome.position,
            affected_count: count(told.len() as u64),
            affected_hash: selection::hash(&told),
        }
    };
    handlers.submit(ask, word).await
}

pub(super) async fn retry(
    handlers: &Handlers,
    asked: Asked<wire::RetryActivationRequest>,
) -> Result<wire::RetryActivationResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let (id, practice) = name::enrolment("enrolment", &asked.request.enrolment)?;
    let ask = Ask::act(&asked, &mutation, Act::RetryActivation { wave: id.clone(), practice });
    let view = handlers.followed.view();
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let seen = enrolment::Seen { state: &outcome.after.rollout, view: &view };
        wire::RetryActivationResponse {
            enrolment: enrolment::find_to_wire(seen, &id, practice),
            position: outcome.position,
        }
    };
    handlers.submit(ask, word).await
}

impl Handlers {
    /// A wave with what is known beside its state: why nothing moves in it, and which trace its work is in.
    async fn describe(&self, state: &State, wave: &Wave) -> Result<wire::Wave, Error> {
        let stuck = self.standing.stuck(wave);
        // Reading the record awaits the store: virtual time stands still meanwhile.
        let _activity = self.clock.activity();
        let traceparent = history::traceparent_of(&self.engine, state, &wave.id).await;
        let traceparent = traceparent.map_err(|error| super::refusal::of_journal(&error))?;
        let now = self.clock.now();
        let waiting = effects::waiting_gate(&state.rollout, &self.followed.view(), &wave.id, now);
        let waiting_gate = waiting.as_ref().map(gate::waiting_to_wire);
        let described = wave::wave_to_wire(wave, &state.rollout.calendar, now);
        Ok(wire::Wave { stuck_reasons: stuck, traceparent, waiting_gate, ..described })
    }
}

/// Who was told, by what was recorded.
fn told(outcome: &Outcome<'_, SchedulerMachine>) -> BTreeSet<PracticeCode> {
    let recorded = outcome.events.iter().filter_map(|event| match event {
        Event::Rollout(Happened::NoticeDelivered { practices, .. }) => Some(practices),
        _ => None,
    });
    recorded.flatten().copied().collect()
}

pub(super) fn practices_named(names: &[String]) -> Result<Vec<PracticeCode>, Error> {
    if names.len() > PRACTICES_NAMED_MAX {
        api::validate::count("practices", names.len(), PRACTICES_NAMED_MAX)?;
    }
    let numbered = names.iter().enumerate();
    numbered.map(|(number, practice)| name::practice(&format!("practices[{number}]"), practice)).collect()
}

fn expectation(wave: &WaveRef, given: &str) -> Result<Option<Expectation>, Error> {
    Ok(etag::read("etag", given)?.map(|position| Expectation::Wave(wave.clone(), position)))
}

pub(super) fn outcome_wave(outcome: &Outcome<'_, SchedulerMachine>, id: &WaveRef) -> Option<wire::Wave> {
    let state = &outcome.after.rollout;
    Some(wave::wave_to_wire(state.wave(id)?, &state.calendar, outcome.now))
}
