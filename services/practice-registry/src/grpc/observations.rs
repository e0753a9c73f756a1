//! RecordObservation and RecordSignals: what those who look say, to commands, and a reply for each.

use api::Error;
use identity::{Caller, Role, Roles};
use practice::access::{ObservationSource, ObservedState};
use practice::command::{Observation, Signal};
use practice::event::AccessObserved;
use practice::setting::{WRONG_SETTINGS_MAX, WrongSetting};
use practice::signal::SignalKind;
use practice::{Command, Event, State};
use proto::registry::v1 as wire;

use crate::grpc::permits::{BATCH_MAX, Once, count, receipts_final};
use crate::grpc::resource::{source_from_wire, state_from_wire};
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, permit, refusal};

/// Longest reference to evidence, or value of a setting: a line, not a letter.
const LINE_CHARS_MAX: usize = 200;

pub(crate) async fn observe(
    handlers: &Handlers,
    asked: Asked<wire::RecordObservationRequest>,
) -> Result<wire::RecordObservationResponse, Error> {
    let request = &asked.request;
    let observations = observations_from_wire(&request.observations, &asked.caller)?;
    handlers.authorise(&asked, observations.iter().map(|observation| observation.practice))?;
    let command = Command::RecordObservations(observations.clone());
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let news: Vec<&AccessObserved> = outcome.events.iter().flat_map(observed_in).collect();
            let result = |observation: &Observation| observation_to_wire(outcome.after, observation, &news);
            wire::RecordObservationResponse {
                results: observations.iter().map(result).collect(),
                position: outcome.position,
                affected_count: count(news.len()),
            }
        })
        .await
}

fn observed_in(event: &Event) -> &[AccessObserved] {
    match event {
        Event::AccessObserved { observations } => observations,
        _ => &[],
    }
}

fn observations_from_wire(observations: &[wire::Observation], caller: &Caller) -> Result<Vec<Observation>, Error> {
    api::validate::count("observations", observations.len(), BATCH_MAX)?;
    let mut seen = Once::new();
    let mut read = Vec::with_capacity(observations.len());
    for (index, observation) in observations.iter().enumerate() {
        let path = |field: &str| format!("observations[{index}].{field}");
        let practice = name::practice(&path("practice"), &observation.practice)?;
        let capability = name::capability(&path("capability"), &observation.capability)?;
        seen.check(&path("practice"), &(practice, capability.clone()))?;
        let command = observation.command_key.as_ref().map(|key| permit::key_from_wire(&path("command_key"), key));
        let required = |field: &str| Error::invalid(path(field), "FIELD_REQUIRED", "{field} must be given");
        let state = state_from_wire(observation.state).ok_or_else(|| required("state"))?;
        let source = source_from_wire(observation.source).ok_or_else(|| required("source"))?;
        may_speak_as(caller, source)?;
        api::validate::free_text(&path("evidence"), &observation.evidence, LINE_CHARS_MAX)?;
        read.push(Observation {
            practice,
            capability,
            state,
            source,
            as_at: api::time::moment(&path("as_at"), observation.as_at.as_ref())?,
            command: command.transpose()?,
            evidence: observation.evidence.clone(),
            wrong_settings: settings_from_wire(&path("wrong_settings"), &observation.wrong_settings, state)?,
        });
    }
    Ok(read)
}

fn observation_to_wire(state: &State, observation: &Observation, news: &[&AccessObserved]) -> wire::ObservationResult {
    let same = |observed: &&&AccessObserved| {
        observed.practice == observation.practice && observed.capability == observation.capability
    };
    let recorded = news.iter().find(same);
    let verdict = match (recorded, state.practice(observation.practice)) {
        (Some(_), _) => wire::ObservationVerdict::Recorded,
        (None, Some(_)) => wire::ObservationVerdict::Known,
        (None, None) => wire::ObservationVerdict::PracticeUnknown,
    };
    let receipts = recorded.map(|observed| receipts_final(observation.practice, &observed.consequences));
    wire::ObservationResult {
        practice: name::of_practice(observation.practice),
        capability: observation.capability.to_string(),
        verdict: verdict.into(),
        receipts_final: receipts.unwrap_or_default(),
    }
}

/// Nobody speaks for another, but for a service that passes on what it was told.
fn may_speak_as(caller: &Caller, source: ObservationSource) -> Result<(), Error> {
    let speaks = match source {
        ObservationSource::SupplierConfirmation | ObservationSource::SupplierList => Roles::NONE.with(Role::Supplier),
        ObservationSource::Practice => Roles::NONE.with(Role::Practice),
        ObservationSource::Inspection => Roles::NONE.with(Role::Icb).with(Role::Region).with(Role::ProgrammeLead),
        ObservationSource::Directory | ObservationSource::Succession => Roles::NONE,
    };
    if caller.roles.meets(speaks.with(Role::Service)) {
        return Ok(());
    }
    Err(refusal::source_of_others(caller, source, speaks))
}

fn settings_from_wire(
    path: &str,
    settings: &[wire::WrongSetting],
    state: ObservedState,
) -> Result<Vec<WrongSetting>, Error> {
    if settings.is_empty() {
        return Ok(Vec::new());
    }
    if state != ObservedState::Partial {
        return Err(Error::invalid(path, "FIELD_NOT_APPLICABLE", "{field} go with the state PARTIAL only"));
    }
    api::validate::count(path, settings.len(), WRONG_SETTINGS_MAX)?;
    let mut seen = Once::new();
    let mut read = Vec::with_capacity(settings.len());
    for (index, given) in settings.iter().enumerate() {
        let path = |field: &str| format!("{path}[{index}].{field}");
        name::hyphenated_words(&path("setting"), &given.setting)?;
        seen.check(&path("setting"), &given.setting)?;
        api::validate::required(&path("expected"), &given.expected)?;
        api::validate::free_text(&path("expected"), &given.expected, LINE_CHARS_MAX)?;
        api::validate::free_text(&path("actual"), &given.actual, LINE_CHARS_MAX)?;
        if given.expected == given.actual {
            return Err(Error::invalid(
                path("actual"),
                "SETTING_NOT_WRONG",
                "{field} is as expected; name only settings that are wrong",
            ));
        }
        read.push(WrongSetting {
            setting: given.setting.clone(),
            expected: given.expected.clone(),
            actual: given.actual.clone(),
        });
    }
    Ok(read)
}

pub(crate) async fn signal(
    handlers: &Handlers,
    asked: Asked<wire::RecordSignalsRequest>,
) -> Result<wire::RecordSignalsResponse, Error> {
    let request = &asked.request;
    let signals = signals_from_wire(&request.signals)?;
    let command = Command::RecordSignals(signals.clone());
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let state = outcome.after;
            let unknown = signals.iter().filter(|signal| state.practice(signal.practice).is_none());
            let recorded = outcome.events.iter().map(|event| match event {
                Event::SignalsRecorded { signals } => signals.len(),
                _ => 0,
            });
            wire::RecordSignalsResponse {
                unknown_practices: unknown.map(|signal| name::of_practice(signal.practice)).collect(),
                position: outcome.position,
                affected_count: count(recorded.sum()),
            }
        })
        .await
}

fn signals_from_wire(signals: &[wire::SignalReport]) -> Result<Vec<Signal>, Error> {
    api::validate::count("signals", signals.len(), BATCH_MAX)?;
    let mut seen = Once::new();
    let mut read = Vec::with_capacity(signals.len());
    for (index, signal) in signals.iter().enumerate() {
        let path = |field: &str| format!("signals[{index}].{field}");
        let practice = name::practice(&path("practice"), &signal.practice)?;
        let capability = name::capability(&path("capability"), &signal.capability)?;
        let kind = match wire::SignalKind::try_from(signal.kind) {
            Ok(wire::SignalKind::NoViewers) => SignalKind::NoViewers,
            Ok(wire::SignalKind::Unspecified) | Err(_) => {
                return Err(Error::invalid(path("kind"), "FIELD_REQUIRED", "{field} must be NO_VIEWERS"));
            }
        };
        seen.check(&path("practice"), &(practice, capability.clone(), kind))?;
        api::validate::free_text(&path("evidence"), &signal.evidence, LINE_CHARS_MAX)?;
        read.push(Signal {
            practice,
            capability,
            kind,
            is_raised: !signal.cleared,
            as_at: api::time::moment(&path("as_at"), signal.as_at.as_ref())?,
            evidence: signal.evidence.clone(),
        });
    }
    Ok(read)
}
