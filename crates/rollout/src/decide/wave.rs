//! Decisions about waves: notice, settling the members, opening, draining, and what became of what was due.

use std::collections::BTreeMap;

use imbl::OrdSet;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use ods::PracticeCode;

use super::{Docket, Person, after};
use crate::command::Unfit;
use crate::eligibility::{admissions_are_over, earlier_in_the_way, first_slot, has_time_left};
use crate::event::{Event, Joining, gather};
use crate::id::{Account, ActivationKey, WaveId, WaveRef};
use crate::rejection::Rejection;
use crate::spec::Mode;
use crate::state::{
    Activation, Deferral, DispatchStage, Due, DueKind, DueOutcome, EnrolmentStage, EnrolmentState, PauseRef, Programme,
    ProgrammeStage, Ruling, SkipPolicy, Voiding, Wave, WaveStage, Withdrawal,
};

pub(super) type Moves = BTreeMap<PracticeCode, EnrolmentStage>;

impl Docket {
    pub(super) fn move_enrolments(&mut self, wave: &WaveRef, moves: Moves, registry_position: Option<u64>) {
        if !moves.is_empty() {
            self.record(Event::EnrolmentsMoved { wave: wave.clone(), moves: gather(moves), registry_position });
        }
    }
}

pub(super) fn begin_notice(docket: &mut Docket, id: &WaveRef) {
    let Some((programme, wave)) = in_stage(docket, id, WaveStage::Planned) else { return };
    // Who was told before of a date not later than this needs no other notice (rule 11).
    let noticed = |practice| {
        let working_days = wave.rules.notice_working_days;
        programme.is_noticed(&docket.state.calendar, practice, wave.from, working_days)
    };
    let candidates = wave.in_state(EnrolmentState::Candidate).map(|one| one.practice);
    let moves = candidates.filter(|one| noticed(*one)).map(|one| (one, EnrolmentStage::Notified)).collect();
    docket.record(Event::NoticeBegun { wave: id.clone() });
    docket.move_enrolments(id, moves, None);
}

/// The programme and the wave, if the programme acts and the wave is in that stage.
fn in_stage<'a>(docket: &'a Docket, id: &WaveRef, stage: WaveStage) -> Option<(&'a Programme, &'a Wave)> {
    let programme = docket.state.programme(&id.programme)?;
    let wave = programme.waves.get(&id.wave)?;
    (programme.stage == ProgrammeStage::Active && wave.stage == stage).then_some((programme, wave))
}

pub(super) fn notice_delivered(
    docket: &mut Docket,
    id: &WaveRef,
    practices: &[PracticeCode],
    delivered_at: Timestamp,
    channel: &str,
) -> Result<(), Rejection> {
    let wave = docket.wave(id)?;
    if wave.stage.has_ended() {
        return Err(Rejection::WaveInStage { wave: id.clone(), stage: wave.stage });
    }
    if delivered_at > docket.now {
        return Err(Rejection::NoticeInFuture { delivered_at });
    }
    if let Some(stranger) = practices.iter().find(|one| wave.enrolment(**one).is_none()) {
        return Err(Rejection::NotAMember { wave: id.clone(), practice: *stranger });
    }
    let practices: Vec<PracticeCode> = if practices.is_empty() {
        wave.enrolments().filter(|one| one.stage.state().is_open()).map(|one| one.practice).collect()
    } else {
        practices.to_vec()
    };
    let candidate = |one: &PracticeCode| wave.enrolment(*one).is_some_and(|one| one.stage == EnrolmentStage::Candidate);
    let notified: Vec<PracticeCode> = practices.iter().copied().filter(candidate).collect();
    let not_before = wave.from;
    if !practices.is_empty() {
        let dispatches = handed_over(docket.programme(&id.programme)?, id.wave, &practices);
        let (wave, channel) = (id.clone(), channel.to_owned());
        docket.record(Event::NoticeDelivered {
            wave,
            practices,
            delivered_at,
            not_before,
            channel,
            notified,
            dispatches,
        });
    }
    Ok(())
}

/// What was handed over to somebody who says nothing back: its delivery is what a person records.
fn handed_over(programme: &Programme, wave: WaveId, practices: &[PracticeCode]) -> Vec<(PracticeCode, u32)> {
    let mut handed_over = Vec::new();
    for practice in practices {
        let sent = programme.correspondence(*practice).and_then(|known| known.dispatches.last());
        let sent = sent.filter(|last| last.wave == wave && last.stage == DispatchStage::HandedOver);
        handed_over.extend(sent.map(|last| (*practice, last.number)));
    }
    handed_over
}

/// Objections have ended: members and denominators are settled (I7).
pub(super) fn fix(docket: &mut Docket, id: &WaveRef, unfit: &BTreeMap<PracticeCode, Unfit>, registry_position: u64) {
    let due = docket.pending(id, |due| due.kind == DueKind::MembersFixed && due.at <= docket.now);
    let Some(due) = due.into_iter().next() else { return };
    let Some((programme, wave)) = in_stage(docket, id, WaveStage::Notice) else { return };
    let mut moves = Moves::new();
    let mut stays = Moves::new();
    for state in [EnrolmentState::Candidate, EnrolmentState::Notified] {
        for enrolment in wave.in_state(state) {
            let practice = enrolment.practice;
            let earliest = programme.noticed_from(&docket.state.calendar, practice, wave.rules.notice_working_days);
            let told = wave.rules.notice_working_days == 0 || earliest.is_some_and(|earliest| earliest <= wave.until);
            if unfit.contains_key(&practice) {
                continue;
            }
            let stage =
                if told { EnrolmentStage::Enrolled } else { EnrolmentStage::Deferred { reason: Deferral::NoNotice } };
            if told {
                stays.insert(practice, stage)
            } else {
                moves.insert(practice, stage)
            };
        }
    }
    docket.start(due);
    put_aside(docket, id, unfit, registry_position);
    docket.move_enrolments(id, moves, Some(registry_position));
    docket.move_enrolments(id, stays, Some(registry_position));
    let load = docket.state.wave(id).map(|wave| wave.load_in(EnrolmentState::Enrolled)).unwrap_or_default();
    docket.record(Event::WaveFixed {
        wave: id.clone(),
        practices_count: load.practices,
        patients_count: load.patients,
        registry_position,
    });
}

pub(super) fn set_aside(
    docket: &mut Docket,
    id: &WaveRef,
    unfit: &BTreeMap<PracticeCode, Unfit>,
    registry_position: u64,
) {
    let Some(stage) = docket.state.wave(id).map(|wave| wave.stage) else { return };
    match stage {
        WaveStage::Fixed | WaveStage::Open => put_aside(docket, id, unfit, registry_position),
        // Whoever objects may take it back until the members are settled; a code that is closed stays closed.
        WaveStage::Planned | WaveStage::Notice => {
            let gone = unfit.iter().filter(|(_, reason)| matches!(reason, Unfit::Gone(_)));
            let gone: BTreeMap<_, _> = gone.map(|(practice, reason)| (*practice, reason.clone())).collect();
            if !gone.is_empty() {
                put_aside(docket, id, &gone, registry_position);
            }
        }
        _ => {}
    }
}

/// Takes practices out, as long as nothing was sealed for them, and judges each of their pauses that was placed as the
/// programme's default: who objected in time, and has no other pause, goes to the later wave.
fn put_aside(docket: &mut Docket, id: &WaveRef, unfit: &BTreeMap<PracticeCode, Unfit>, registry_position: u64) {
    let Some(wave) = docket.state.wave(id) else { return };
    let unsealed =
        |practice: &PracticeCode| wave.enrolment(*practice).is_some_and(|one| one.stage.state().is_unsealed());
    let objections = wave.rules.objections_end.zip(wave.rules.deferred_to).map(|(end, to)| Objections { end, to });
    let mut moves = Moves::new();
    let mut rulings = Vec::new();
    let mut deferred = Vec::new();
    for (practice, reason) in unfit.iter().filter(|(practice, _)| unsealed(practice)) {
        let stage = match reason {
            Unfit::Paused(pauses) => {
                let mut withdrawn = None;
                for counted in pauses {
                    let pause = PauseRef { practice: *practice, number: counted.number };
                    let standing = docket.state.judgements.get(&pause).map(|judgement| &judgement.ruling);
                    let judged = counted.default_recorded_at.zip(objections);
                    let ruling = judged.map(|(recorded_at, objections)| objections.judge(recorded_at, standing));
                    if !matches!(ruling, Some(Ruling::InTime { .. })) {
                        let late = ruling.is_some();
                        withdrawn.get_or_insert(Withdrawal::Paused { number: counted.number, late });
                    }
                    rulings.extend(ruling.filter(|ruling| is_news(ruling, standing)).map(|ruling| (pause, ruling)));
                }
                match (withdrawn, objections) {
                    (None, Some(Objections { to, .. })) => {
                        deferred.push(*practice);
                        EnrolmentStage::Deferred { reason: Deferral::Objected { to } }
                    }
                    (Some(reason), _) => EnrolmentStage::Withdrawn { reason },
                    // None counts after all.
                    (None, None) => continue,
                }
            }
            Unfit::SwitchOffRequested => EnrolmentStage::Withdrawn { reason: Withdrawal::SwitchOffRequested },
            Unfit::AlreadyOn => EnrolmentStage::Withdrawn { reason: Withdrawal::AlreadyOn },
            Unfit::SupplierChanged => EnrolmentStage::Deferred { reason: Deferral::SupplierChanged },
            Unfit::Gone(reason) => EnrolmentStage::Superseded { reason: reason.clone() },
        };
        moves.insert(*practice, stage);
    }
    let to = objections.map(|objections| objections.to);
    let aside = |one: &Activation| one.wave() == Some(id) && moves.contains_key(&one.key.practice);
    let admitted: Vec<ActivationKey> = docket.intended(aside);
    docket.void(&admitted, &Voiding::SetAside);
    docket.move_enrolments(id, moves, Some(registry_position));
    if !rulings.is_empty() {
        docket.record(Event::PausesJudged { wave: id.clone(), rulings });
    }
    if let Some(to) = to {
        join(docket, id, to, &deferred);
    }
}

/// Until when a wave takes objections, and where it defers those who object in time.
#[derive(Clone, Copy)]
struct Objections {
    end: Timestamp,
    to: WaveId,
}

impl Objections {
    /// Judges a programme-default pause by the moment it was recorded at: in time up to and including the end of the
    /// objections, else late. Late is final, whichever programme's wave said so: only the practice ends such a pause, no
    /// other programme's default (rule 8).
    fn judge(self, recorded_at: Timestamp, standing: Option<&Ruling>) -> Ruling {
        if self.end < recorded_at || matches!(standing, Some(Ruling::Late)) {
            return Ruling::Late;
        }
        Ruling::InTime { deferred_to: self.to, until: None }
    }
}

/// Whether a ruling changes what stands. A pause ends with the first wave that it was found to defer to; what comes
/// later can only make it late.
fn is_news(ruling: &Ruling, standing: Option<&Ruling>) -> bool {
    match standing {
        None => true,
        Some(standing) => *ruling == Ruling::Late && *standing != Ruling::Late,
    }
}

/// Those who objected in time join the later wave, unless its members are settled already: then they wait for the next
/// version of the plan.
fn join(docket: &mut Docket, from: &WaveRef, to: WaveId, practices: &[PracticeCode]) {
    let later = WaveRef { programme: from.programme.clone(), wave: to };
    let Some(programme) = docket.state.programme(&from.programme) else { return };
    let Some(wave) = programme.waves.get(&to) else { return };
    if practices.is_empty() || !matches!(wave.stage, WaveStage::Planned | WaveStage::Notice) {
        return;
    }
    let Some(plan) = programme.plan() else { return };
    let mut joining = Vec::new();
    for practice in practices {
        let supplier = docket.state.wave(from).and_then(|wave| wave.enrolment(*practice)).map(|one| &one.supplier);
        let Some((spec, supplier)) = plan.spec.wave(to).zip(supplier) else { continue };
        let mode = plan.spec.mode_of(spec, supplier).unwrap_or(Mode::Push);
        // The last of the supplier's dates, so that nobody who objected goes before those who did not.
        let booked = wave.rules.booked.get(supplier).and_then(|booking| booking.dates.last().copied());
        let planned_on = booked.filter(|_| mode == Mode::BookedDates);
        joining.push(Joining { practice: *practice, mode, planned_on });
    }
    let already_told = wave.stage == WaveStage::Notice;
    docket.record(Event::DeferralsJoined { wave: later.clone(), from: from.wave, practices: joining });
    if already_told {
        let Some((programme, wave)) = in_stage(docket, &later, WaveStage::Notice) else { return };
        let working_days = wave.rules.notice_working_days;
        let noticed = |practice: &&PracticeCode| {
            programme.is_noticed(&docket.state.calendar, **practice, wave.from, working_days)
        };
        let moves = practices.iter().filter(noticed).map(|one| (*one, EnrolmentStage::Notified)).collect();
        docket.move_enrolments(&later, moves, None);
    }
}

pub(super) fn pause_outcomes_told(docket: &mut Docket, pauses: &[PauseRef]) {
    let untold = |pause: &&PauseRef| docket.state.judgements.get(*pause).is_some_and(|judgement| !judgement.told);
    let pauses: Vec<PauseRef> = pauses.iter().filter(untold).copied().collect();
    if !pauses.is_empty() {
        docket.record(Event::PauseOutcomesTold { pauses });
    }
}

pub(super) fn open(docket: &mut Docket, id: &WaveRef) {
    let Some((programme, wave)) = in_stage(docket, id, WaveStage::Fixed) else { return };
    let blocked = docket.state.hold_on_wave(id).is_some() || earlier_in_the_way(programme, wave).is_some();
    if blocked || first_slot(&docket.state, wave, docket.now) != Some(docket.now) {
        return;
    }
    let ending: Vec<(PauseRef, Ruling)> = docket
        .state
        .judgements
        .iter()
        .filter(|(_, judgement)| judgement.defers_to(id))
        .filter_map(|(pause, judgement)| match judgement.ruling {
            Ruling::InTime { deferred_to, until: None } => {
                Some((*pause, Ruling::InTime { deferred_to, until: Some(docket.now) }))
            }
            _ => None,
        })
        .collect();
    docket.record(Event::WaveOpened { wave: id.clone() });
    if !ending.is_empty() {
        docket.record(Event::PausesJudged { wave: id.clone(), rulings: ending });
    }
}

/// The registry says that these are on: what was invited is confirmed, what was confirmed is verified.
pub(super) fn verify(docket: &mut Docket, id: &WaveRef, practices: &OrdSet<PracticeCode>, registry_position: u64) {
    let Some(wave) = docket.state.wave(id) else { return };
    let mut moves = Moves::new();
    for practice in practices {
        let stage = wave.enrolment(*practice).map(|enrolment| enrolment.stage.state());
        match stage {
            Some(EnrolmentState::Invited) => moves.insert(*practice, EnrolmentStage::Confirmed),
            Some(EnrolmentState::Confirmed) => moves.insert(*practice, EnrolmentStage::Verified),
            _ => None,
        };
    }
    docket.move_enrolments(id, moves, Some(registry_position));
}

/// Records what became of something due that nothing was done about, and what falls due next.
pub(super) fn settle_due(docket: &mut Docket, due: &Due, outcome: &DueOutcome) {
    let over = due.kind.closes().is_none_or(|closes| closes <= docket.now);
    let skipped = matches!(outcome, DueOutcome::Skipped { reason: SkipPolicy::Closed { .. } });
    if docket.now < due.at || (!over && !skipped) {
        return;
    }
    let pending = docket.state.programme(&due.wave.programme).is_some_and(|one| one.due_pending.contains(due));
    if !pending {
        return;
    }
    if due.kind == DueKind::InvitationsLapse {
        lapse(docket, due);
        return;
    }
    docket.settle(due.clone(), outcome.clone());
    docket.next_window(due);
}

impl Docket {
    /// Records when the wave's next window falls due, after one that was settled.
    pub(super) fn next_window(&mut self, settled: &Due) {
        let DueKind::WindowOpens { closes } = settled.kind else { return };
        let Some(wave) = self.state.wave(&settled.wave).filter(|wave| !wave.stage.has_ended()) else { return };
        // An empty window closes as it opens: looked for from its close, it would be found again.
        let from = closes.max(after(settled.at));
        if let Some(next) = self.window_after(wave, from) {
            self.record(Event::DueScheduled { due: vec![next] });
        }
    }
}

fn lapse(docket: &mut Docket, due: &Due) {
    let Some(wave) = docket.state.wave(&due.wave) else { return };
    let invited = wave.in_state(EnrolmentState::Invited).map(|one| (one.practice, EnrolmentStage::Lapsed));
    let moves: Moves = invited.collect();
    docket.start(due.clone());
    docket.move_enrolments(&due.wave, moves, None);
}

/// Ends admissions once they are over.
pub(super) fn drain(docket: &mut Docket, id: &WaveRef) {
    let Some(wave) = docket.state.wave(id).filter(|wave| wave.stage == WaveStage::Open) else { return };
    if !admissions_are_over(&docket.state, wave, docket.now) {
        return;
    }
    leave_over(docket, id);
    docket.settle_all(id, &DueOutcome::Skipped { reason: SkipPolicy::NobodyWaiting });
    docket.record(Event::WaveDraining { wave: id.clone() });
}

/// Ends a wave that cannot open any more: nothing is caught up (rule 3).
pub(super) fn end_unopened(docket: &mut Docket, id: &WaveRef, outcome: &DueOutcome) {
    let Some((_, wave)) = in_stage(docket, id, WaveStage::Fixed) else { return };
    if has_time_left(&docket.state, wave, docket.now) {
        return;
    }
    leave_over(docket, id);
    docket.settle_all(id, outcome);
    docket.record(Event::WaveCancelled { wave: id.clone(), by: Account::scheduler() });
}

/// Those whose turn never came wait for the next version of the plan.
fn leave_over(docket: &mut Docket, id: &WaveRef) {
    let admitted = docket.intended(|one| one.wave() == Some(id));
    docket.void(&admitted, &Voiding::OutOfTime);
    let Some(wave) = docket.state.wave(id) else { return };
    let mut moves = Moves::new();
    for enrolment in wave.in_state(EnrolmentState::Enrolled) {
        let booked = enrolment.mode == Mode::BookedDates;
        let reason = if booked { Deferral::CutOffMissed } else { Deferral::WaveEnded };
        moves.insert(enrolment.practice, EnrolmentStage::Deferred { reason });
    }
    docket.move_enrolments(id, moves, None);
}

/// Moves a wave that has not opened to a later date, with its length; it returns to PLANNED.
pub(super) fn reschedule(docket: &mut Docket, person: Person<'_>, id: &WaveRef, from: Date) -> Result<(), Rejection> {
    let wave = before_open(docket, id)?;
    if from <= wave.from {
        return Err(Rejection::NotLater { wave: id.clone(), from: wave.from, given: from });
    }
    if !wave.rules.booked.is_empty() {
        return Err(Rejection::DatesAreBooked(id.clone()));
    }
    let length = wave.from.until(wave.until).map_or(0, |span| span.get_days());
    let until = from.checked_add(Span::new().days(length)).unwrap_or(from);
    let mut moved = wave.clone();
    (moved.from, moved.until) = (from, until);
    if first_slot(&docket.state, &moved, docket.now).is_none() {
        return Err(Rejection::NeverOpens { wave: id.clone(), from, until });
    }
    docket.settle_all(id, &DueOutcome::Superseded);
    docket.record(Event::WaveRescheduled { wave: id.clone(), from, until, by: person.by.clone() });
    docket.schedule(id);
    Ok(())
}

fn before_open<'a>(docket: &'a Docket, id: &WaveRef) -> Result<&'a Wave, Rejection> {
    let wave = docket.wave(id)?;
    if wave.stage.is_before_open() {
        return Ok(wave);
    }
    Err(Rejection::WaveInStage { wave: id.clone(), stage: wave.stage })
}

pub(super) fn cancel(docket: &mut Docket, person: Person<'_>, id: &WaveRef) -> Result<(), Rejection> {
    before_open(docket, id)?;
    docket.settle_all(id, &DueOutcome::Superseded);
    docket.record(Event::WaveCancelled { wave: id.clone(), by: person.by.clone() });
    Ok(())
}

/// A person has a practice tried again: the one way back from REFUSED, FAILED and NOT_APPLIED (rule 8).
pub(super) fn retry(docket: &mut Docket, id: &WaveRef, practice: PracticeCode) -> Result<(), Rejection> {
    let wave = docket.wave(id)?;
    if wave.stage != WaveStage::Open {
        return Err(Rejection::WaveInStage { wave: id.clone(), stage: wave.stage });
    }
    let Some(enrolment) = wave.enrolment(practice) else {
        return Err(Rejection::NotAMember { wave: id.clone(), practice });
    };
    let state = enrolment.stage.state();
    if !matches!(state, EnrolmentState::Refused | EnrolmentState::Failed | EnrolmentState::NotApplied) {
        return Err(Rejection::EnrolmentInState { wave: id.clone(), practice, state });
    }
    docket.move_enrolments(id, Moves::from([(practice, EnrolmentStage::Enrolled)]), None);
    Ok(())
}
