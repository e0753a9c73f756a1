//! Decisions about notices that the scheduler sends: sealing them, what their carriers say, and what people report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use super::wave::Moves;
use super::{Docket, Person};
use crate::dispatch::{Chosen, DispatchOutcome, given_at, owed};
use crate::event::{DispatchMove, Event, SealedDispatch};
use crate::id::{ProgrammeId, WaveId, WaveRef};
use crate::rejection::Rejection;
use crate::state::{
    Correspondence, Dispatch, DispatchRef, DispatchStage, EnrolmentStage, EnrolmentState, Trouble, WaveStage,
};

/// Notices that are owed, and whose contact is not spent, count as sent from now on.
pub(super) fn seal(docket: &mut Docket, id: &WaveRef, chosen: &BTreeMap<PracticeCode, Chosen>) {
    let Some(programme) = docket.state.programme(&id.programme) else { return };
    let Some(wave) = programme.waves.get(&id.wave) else { return };
    let mut dispatches = Vec::new();
    for (practice, Chosen { contact, means, carrier }) in chosen {
        let enrolment = wave.enrolment(*practice);
        let Some(due) = enrolment.and_then(|one| owed(&docket.state, programme, wave, one, docket.now)) else {
            continue;
        };
        let known = programme.correspondence(*practice);
        let rests = known.and_then(Correspondence::tried_again_at).is_some_and(|at| docket.now < at);
        if rests || known.is_some_and(|known| known.is_spent(*contact)) {
            continue;
        }
        dispatches.push(SealedDispatch {
            practice: *practice,
            number: known.map_or(1, Correspondence::next_number),
            not_before: due.not_before,
            template: due.template,
            contact: *contact,
            means: *means,
            carrier: *carrier,
        });
    }
    if !dispatches.is_empty() {
        docket.record(Event::DispatchesSealed { wave: id.clone(), dispatches });
    }
}

/// Notices that were given: of which wave and date, since when, how.
type Given = (WaveRef, Date, Timestamp, &'static str);

/// What carriers say of dispatches that are open; of others nothing is heard any more.
pub(super) fn outcomes(docket: &mut Docket, outcomes: &BTreeMap<DispatchRef, DispatchOutcome>) {
    let mut given: BTreeMap<Given, Vec<(PracticeCode, u32)>> = BTreeMap::new();
    let mut moved: BTreeMap<ProgrammeId, Vec<DispatchMove>> = BTreeMap::new();
    for (name, outcome) in outcomes {
        let Some(dispatch) = open(docket, name) else { continue };
        let member = (name.practice, name.number);
        if let Some(at) = given_at(&docket.state.calendar, dispatch, outcome, docket.now) {
            let wave = WaveRef { programme: name.programme.clone(), wave: dispatch.wave };
            given.entry((wave, dispatch.not_before, at, dispatch.means.channel())).or_default().push(member);
        } else if let Some(to) = stage_after(dispatch, outcome) {
            let moves = moved.entry(name.programme.clone()).or_default();
            match moves.iter_mut().find(|one| one.to == to) {
                Some(same) => same.dispatches.push(member),
                None => moves.push(DispatchMove { to, dispatches: vec![member] }),
            }
        }
    }
    for (programme, moves) in moved {
        docket.record(Event::DispatchesMoved { programme, moves });
    }
    for ((wave, not_before, delivered_at, channel), dispatches) in given {
        give(docket, wave, not_before, delivered_at, channel, dispatches);
    }
}

fn open<'a>(docket: &'a Docket, name: &DispatchRef) -> Option<&'a Dispatch> {
    let correspondence = docket.state.programme(&name.programme)?.correspondence(name.practice)?;
    correspondence.get(name.number).filter(|dispatch| dispatch.is_open())
}

/// Where a dispatch is after what its carrier says, which is no evidence that it was given; none where that is no news.
fn stage_after(dispatch: &Dispatch, outcome: &DispatchOutcome) -> Option<DispatchStage> {
    let is_sealed = dispatch.stage == DispatchStage::Sealed;
    match outcome {
        DispatchOutcome::Taken { id } => is_sealed.then(|| DispatchStage::Taken { id: id.clone() }),
        DispatchOutcome::NeverSeen => is_sealed.then_some(DispatchStage::Sealed),
        DispatchOutcome::HandedOver { .. } => Some(DispatchStage::HandedOver),
        DispatchOutcome::Failed { trouble } => Some(DispatchStage::Failed { trouble: *trouble }),
        // The evidence waits until the holidays that it depends on are known.
        DispatchOutcome::Delivered { .. } | DispatchOutcome::Posted { .. } => None,
    }
}

fn give(
    docket: &mut Docket,
    wave: WaveRef,
    not_before: Date,
    delivered_at: Timestamp,
    channel: &str,
    dispatches: Vec<(PracticeCode, u32)>,
) {
    let practices: Vec<PracticeCode> = dispatches.iter().map(|(practice, _)| *practice).collect();
    let candidate = |practice: &PracticeCode| {
        let enrolment = docket.state.wave(&wave).and_then(|wave| wave.enrolment(*practice));
        enrolment.is_some_and(|one| one.stage == EnrolmentStage::Candidate)
    };
    let notified = practices.iter().copied().filter(candidate).collect();
    let told = practices.clone();
    let (programme, channel) = (wave.programme.clone(), channel.to_owned());
    docket.record(Event::NoticeDelivered { wave, practices, delivered_at, not_before, channel, notified, dispatches });
    told_of_another(docket, &programme, &told);
}

/// Who is in another wave by now has its notice all the same, where that wave is not earlier than it said.
fn told_of_another(docket: &mut Docket, id: &ProgrammeId, practices: &[PracticeCode]) {
    let Some(programme) = docket.state.programme(id) else { return };
    let mut noticed: BTreeMap<WaveId, Moves> = BTreeMap::new();
    for practice in practices {
        let Some(wave) = programme.current_wave.get(practice).and_then(|wave| programme.waves.get(wave)) else {
            continue;
        };
        let waits = wave.stage == WaveStage::Notice
            && wave.enrolment(*practice).is_some_and(|one| one.stage == EnrolmentStage::Candidate);
        let working_days = wave.rules.notice_working_days;
        if waits && programme.is_noticed(&docket.state.calendar, *practice, wave.from, working_days) {
            noticed.entry(wave.id.wave).or_default().insert(*practice, EnrolmentStage::Notified);
        }
    }
    for (wave, moves) in noticed {
        docket.move_enrolments(&WaveRef { programme: id.clone(), wave }, moves, None);
    }
}

/// Practices of a wave that have no contact left to send to: known from now on, once.
pub(super) fn unaddressed(docket: &mut Docket, id: &WaveRef, practices: &[PracticeCode]) {
    let Some(programme) = docket.state.programme(&id.programme) else { return };
    let Some(wave) = programme.waves.get(&id.wave) else { return };
    let is_news = |practice: &PracticeCode| {
        let enrolment = wave.enrolment(*practice);
        let owed = enrolment.is_some_and(|one| owed(&docket.state, programme, wave, one, docket.now).is_some());
        let known = programme.correspondence(*practice).is_some_and(|known| known.unaddressed_since.is_some());
        owed && !known
    };
    let practices: Vec<PracticeCode> = practices.iter().copied().filter(is_news).collect();
    if !practices.is_empty() {
        docket.record(Event::NoticesUnaddressed { wave: id.clone(), practices });
    }
}

/// Somebody reports that notices came back: they were never given, and who rested on them waits for another.
pub(super) fn returned(docket: &mut Docket, id: &WaveRef, practices: &[PracticeCode]) -> Result<(), Rejection> {
    docket.wave(id)?;
    let programme = docket.programme(&id.programme)?;
    let mut dispatches = Vec::new();
    for practice in practices.iter().collect::<BTreeSet<_>>() {
        let sent = programme.correspondence(*practice).and_then(|known| {
            let of_wave = known.dispatches.iter().rev().filter(|one| one.wave == id.wave);
            of_wave.into_iter().find(|one| !matches!(one.stage, DispatchStage::Sealed | DispatchStage::Failed { .. }))
        });
        let Some(sent) = sent else { return Err(Rejection::NothingSent { wave: id.clone(), practice: *practice }) };
        dispatches.push((*practice, sent.number));
    }
    if dispatches.is_empty() {
        return Ok(());
    }
    let practices: Vec<PracticeCode> = dispatches.iter().map(|(practice, _)| *practice).collect();
    let to = DispatchStage::Failed { trouble: Trouble::WrongAddress };
    let moves = vec![DispatchMove { to, dispatches }];
    docket.record(Event::DispatchesMoved { programme: id.programme.clone(), moves });
    untell(docket, &id.programme, &practices);
    Ok(())
}

/// Who is NOTIFIED and has no notice that suffices any more is a candidate again.
fn untell(docket: &mut Docket, id: &ProgrammeId, practices: &[PracticeCode]) {
    let Some(programme) = docket.state.programme(id) else { return };
    let mut back: BTreeMap<WaveId, Moves> = BTreeMap::new();
    for practice in practices {
        let Some(wave) = programme.current_wave.get(practice).and_then(|wave| programme.waves.get(wave)) else {
            continue;
        };
        let notified = wave.enrolment(*practice).is_some_and(|one| one.stage.state() == EnrolmentState::Notified);
        let from = programme.noticed_from(&docket.state.calendar, *practice, wave.rules.notice_working_days);
        if notified && from.is_none_or(|from| wave.until < from) {
            back.entry(wave.id.wave).or_default().insert(*practice, EnrolmentStage::Candidate);
        }
    }
    for (wave, moves) in back {
        docket.move_enrolments(&WaveRef { programme: id.clone(), wave }, moves, None);
    }
}

/// A person has notices tried again that were given up, or that had nobody to go to: all of the wave where none is named.
pub(super) fn retry(
    docket: &mut Docket,
    person: Person<'_>,
    id: &WaveRef,
    practices: &[PracticeCode],
) -> Result<(), Rejection> {
    let wave = docket.wave(id)?;
    let programme = docket.programme(&id.programme)?;
    if let Some(stranger) = practices.iter().find(|one| wave.enrolment(**one).is_none()) {
        return Err(Rejection::NotAMember { wave: id.clone(), practice: *stranger });
    }
    let stands_still = |practice: &PracticeCode| {
        let known = programme.correspondence(*practice);
        known.is_some_and(|known| known.failures().next().is_some() || known.unaddressed_since.is_some())
    };
    let named: BTreeSet<PracticeCode> = practices.iter().copied().collect();
    let members = wave.enrolments().map(|one| one.practice).filter(|one| named.is_empty() || named.contains(one));
    let practices: Vec<PracticeCode> = members.filter(stands_still).collect();
    if !practices.is_empty() {
        docket.record(Event::NoticesRetried { wave: id.clone(), practices, by: person.by.clone() });
    }
    Ok(())
}
