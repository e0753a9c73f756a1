//! Taking access away again by people's decision: a wave, or one practice.

use std::collections::BTreeSet;

use api::Error;
use journal::Outcome;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::state::Load;
use rollout::{Act, State, WaveRef, effects};

use super::Handlers;
use super::convert::{count, enrolment, etag, name, unwinding};
use super::submit::{Ask, Asked};
use super::waves::outcome_wave;
use crate::machine::SchedulerMachine;
use crate::selection;

pub(super) async fn unwind(
    handlers: &Handlers,
    asked: Asked<wire::UnwindWaveRequest>,
) -> Result<wire::UnwindWaveResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let id = name::wave("wave", &asked.request.wave)?;
    let reason = unwinding::reason_from_wire(asked.request.clinical_reason())?;
    api::validate::required("note", &asked.request.note)?;
    let act = Act::UnwindWave { wave: id.clone(), reason, etag: etag::read("etag", &asked.request.etag)? };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let concerned = concerned(&outcome.before.rollout, &id);
        wire::UnwindWaveResponse {
            wave: outcome_wave(outcome, &id),
            patients_count: count(concerned.load.patients),
            under_way_count: count(concerned.under_way_count),
            position: outcome.position,
            affected_count: count(concerned.practices.len() as u64),
            affected_hash: selection::hash(&concerned.practices),
        }
    };
    // It brakes, so it goes before everything that does not.
    handlers.submit(Ask::act(&asked, &mutation, act).urgent(), word).await
}

/// Whom an unwinding concerns.
struct Concerned {
    practices: BTreeSet<PracticeCode>,
    load: Load,
    under_way_count: u64,
}

fn concerned(state: &State, id: &WaveRef) -> Concerned {
    let Some(wave) = state.wave(id) else {
        return Concerned { practices: BTreeSet::new(), load: Load::default(), under_way_count: 0 };
    };
    let practices: BTreeSet<PracticeCode> = effects::switched_on_by(state, wave).into_iter().collect();
    let mut load = Load::default();
    for enrolment in practices.iter().filter_map(|practice| wave.enrolment(*practice)) {
        load += enrolment.load();
    }
    let under_way_count = wave.load_in_any(rollout::state::EnrolmentState::is_unsettled).practices.into();
    Concerned { practices, load, under_way_count }
}

pub(super) async fn revert(
    handlers: &Handlers,
    asked: Asked<wire::RevertPracticeRequest>,
) -> Result<wire::RevertPracticeResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let (id, practice) = name::enrolment("enrolment", &asked.request.enrolment)?;
    let ask = Ask::act(&asked, &mutation, Act::RevertPractice { wave: id.clone(), practice }).urgent();
    let view = handlers.followed.view();
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let seen = enrolment::Seen { state: &outcome.after.rollout, view: &view };
        wire::RevertPracticeResponse {
            enrolment: enrolment::find_to_wire(seen, &id, practice),
            position: outcome.position,
        }
    };
    handlers.submit(ask, word).await
}
