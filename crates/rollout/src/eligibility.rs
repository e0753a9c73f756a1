//! Whether a practice may be admitted now: the one place that says so, for the step that proposes, the decision that
//! disposes and the explanation that people read (I25).
//!
//! Three layers, each all that can be known from its sources: the wave as a whole, the enrolment by the scheduler's own
//! state, the practice by the registry's facts. Caps are no part of it: they depend on who stands before ([`crate::room`]).

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use crate::blocker::Blocker;
use crate::calendar::{ClosedReason, Occurrence, Shut, civil_date};
use crate::command::{CountedPause, Unfit};
use crate::id::{Target, WaveId};
use crate::pace::CLAIM_TIME;
use crate::plan::PlacedBy;
use crate::readiness::unready;
use crate::spec::Mode;
use crate::state::{
    DueKind, Enrolment, EnrolmentState, PauseRef, Programme, ProgrammeStage, Reverted, Ruling, State, Subject,
    Supersession, Verdict, Wave, WaveStage,
};
use crate::undelivered::Undelivered;
use crate::view::{Observed, PauseEnd, PauseFacts, PracticeFacts};

/// What is in the way of a wave as a whole, and so of all its practices.
pub(crate) fn wave_blockers(state: &State, programme: &Programme, wave: &Wave, now: Timestamp) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if programme.stage != ProgrammeStage::Active {
        blockers.push(Blocker::ProgrammeNotActive { programme: programme.id.clone(), stage: programme.stage });
    }
    blockers.extend(impossible(programme, wave));
    let covering = state.active_holds().filter(|hold| hold.scope.covers_wave(&wave.id));
    blockers.extend(covering.map(Blocker::from));
    if wave.stage != WaveStage::Open {
        let earlier = earlier_in_the_way(programme, wave).and_then(|earlier| programme.waves.get(&earlier));
        blockers.extend(earlier.map(|earlier| Blocker::EarlierWave {
            wave: earlier.id.clone(),
            stage: earlier.stage,
            passes_at: passes_at(state, programme, earlier, now),
        }));
        let opens_at = wave.stage.is_before_open().then(|| first_slot(state, wave, now)).flatten();
        blockers.push(Blocker::WaveNotOpen { wave: wave.id.clone(), stage: wave.stage, opens_at });
    }
    blockers
}

/// What this build finds impossible about a wave of the plan in force (I8).
pub(crate) fn impossible(programme: &Programme, wave: &Wave) -> Option<Blocker> {
    let plan = programme.plan()?;
    let violations = plan.violations_of(wave.id.wave);
    let (programme, version) = (&programme.id, plan.version);
    (!violations.is_empty()).then(|| Blocker::PlanImpossible { programme: programme.clone(), version, violations })
}

/// Whether two people had it unwound.
pub(crate) fn is_taken_back(wave: &Wave) -> bool {
    matches!(wave.stage, WaveStage::Unwinding | WaveStage::Unwound)
}

/// The wave before this one that keeps it shut: one that it must come after and that has not passed, or any earlier one
/// of the same plan that failed by a person's verdict or was unwound.
pub(crate) fn earlier_in_the_way(programme: &Programme, wave: &Wave) -> Option<WaveId> {
    for earlier in programme.waves_in_order().take_while(|earlier| earlier.id != wave.id) {
        let verdict = earlier.gate.as_ref().map(|gate| gate.decision.as_ref().map_or(gate.verdict, |one| one.verdict));
        let passed = earlier.has_passed();
        let failed = (earlier.stage == WaveStage::Closed && verdict == Some(Verdict::Fail)) || is_taken_back(earlier);
        if failed || (wave.rules.after.contains(&earlier.id.wave) && !passed) {
            return Some(earlier.id.wave);
        }
    }
    None
}

/// The first moment at which a wave's gate can have passed by itself: no sooner than its evidence has ripened, however little
/// is left to happen in it. None where it never will by itself.
fn passes_at(state: &State, programme: &Programme, wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    let ripe = |last: Timestamp| last.saturating_add(wave.rules.gate.soak).ok().map(|at| at.max(now));
    match wave.stage {
        WaveStage::Planned | WaveStage::Notice | WaveStage::Fixed => ripe(first_slot(state, wave, now)?),
        WaveStage::Open | WaveStage::Draining => ripe(wave.last_action_at.unwrap_or(wave.changed_at)),
        WaveStage::Soaking => {
            let due = programme.pending_of(wave.id.wave).find(|due| due.kind == DueKind::GateEvaluated)?;
            Some(due.at.max(now))
        }
        WaveStage::Gate
        | WaveStage::Closed
        | WaveStage::Cancelled
        | WaveStage::Superseded
        | WaveStage::Unwinding
        | WaveStage::Unwound => None,
    }
}

/// What is in the way of an enrolment by the scheduler's own state. `subject` is the practice as the registry has it now.
pub(crate) fn enrolment_blockers(
    state: &State,
    programme: &Programme,
    wave: &Wave,
    enrolment: &Enrolment,
    subject: Subject<'_>,
    now: Timestamp,
) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    let stage = enrolment.stage.state();
    // Holds on the whole wave are said of the wave, as long as the practice waits in it.
    let own = state.holds_on(subject).filter(|hold| stage.is_set_aside() || !hold.scope.covers_wave(&wave.id));
    blockers.extend(own.map(Blocker::from));
    if stage.is_set_aside() {
        let target = Target { practice: enrolment.practice, capability: programme.capability.clone() };
        let reverted = state.access(&target).and_then(|access| access.reverted.as_ref());
        let by_people = reverted.filter(|reverted| stage == EnrolmentState::Reverted && reverted.wave == wave.id);
        let (wave, stage, since) = (wave.id.clone(), enrolment.stage.clone(), enrolment.changed_at);
        blockers.push(match by_people {
            Some(reverted) => Blocker::reverted(enrolment.practice, reverted),
            None => Blocker::SetAside { wave, stage, since },
        });
        return blockers;
    }
    if enrolment.mode == Mode::SelfService {
        if stage == EnrolmentState::Invited {
            blockers.push(Blocker::Invited { practice: enrolment.practice });
        }
    } else if stage.is_unsealed() {
        blockers.extend(time_blocker(state, wave, enrolment, now));
    }
    if stage.is_unsealed() && stage != EnrolmentState::Invited {
        let day = enrolment.planned_on.filter(|_| enrolment.mode == Mode::BookedDates).unwrap_or(civil_date(now));
        let day = day.max(wave.from);
        let working_days = wave.rules.notice_working_days;
        if !programme.is_noticed(&state.calendar, enrolment.practice, day, working_days) {
            let earliest = programme.noticed_from(&state.calendar, enrolment.practice, working_days);
            let practice = enrolment.practice;
            let undelivered = programme.correspondence(practice).and_then(Undelivered::of);
            let if_told_today = state.calendar.working_days_after(civil_date(now), working_days).ok();
            blockers.push(match undelivered.filter(|_| earliest.is_none()) {
                Some(why) => Blocker::NoticeUndelivered { practice, why, if_told_today },
                None => Blocker::NoNotice { working_days, earliest, if_told_today },
            });
        }
        if let Some(at) = enrolment.not_before.filter(|at| now < *at) {
            blockers.push(Blocker::TriedAgain { at });
        }
        if stage != EnrolmentState::Admitted {
            blockers.extend(earlier_decision(state, programme, enrolment));
        }
    }
    blockers
}

/// What an earlier decision about the practice leaves in the way.
fn earlier_decision(state: &State, programme: &Programme, enrolment: &Enrolment) -> Option<Blocker> {
    let target = Target { practice: enrolment.practice, capability: programme.capability.clone() };
    if let Some(open) = state.open_activation(&target) {
        return Some(Blocker::UnderWay { key: open.key.clone() });
    }
    let access = state.access(&target)?;
    if access.applied.is_some() {
        return Some(Blocker::Drifted { practice: enrolment.practice });
    }
    let reverted = access.reverted.as_ref()?;
    (!is_named_since(programme, enrolment.practice, reverted)).then(|| Blocker::reverted(enrolment.practice, reverted))
}

/// Whether the plan in force names the practice in a wave's list, and was made since people had it switched off: so that
/// another person approved just that (rule 8, I22).
pub(crate) fn is_named_since(programme: &Programme, practice: PracticeCode, reverted: &Reverted) -> bool {
    let record = programme.in_force.and_then(|version| programme.plans.get(&version));
    record.filter(|record| reverted.at_position < record.submitted_at_position).is_some_and(|record| {
        let mut members = record.plan.waves.iter().flat_map(|wave| &wave.members);
        members.any(|member| member.practice == practice && member.by == PlacedBy::List)
    })
}

/// Rules 2 and 3: the window that must be open to push, the list that must be open to claim.
fn time_blocker(state: &State, wave: &Wave, enrolment: &Enrolment, now: Timestamp) -> Option<Blocker> {
    if enrolment.mode == Mode::BookedDates {
        let booked = claim_times(wave, enrolment);
        if booked.is_some_and(|(opens, closes, _)| opens <= now && now < closes) {
            return None;
        }
        let ahead = booked.filter(|(opens, _, _)| now < *opens);
        return Some(Blocker::Booked {
            supplier: enrolment.supplier.clone(),
            date: ahead.map(|(_, _, date)| date),
            list_opens_at: ahead.map(|(opens, _, _)| opens),
        });
    }
    shut(state, wave, &enrolment.supplier, now)
}

/// The window that a practice of this supplier waits for; none where it is open to it (rule 2).
pub(crate) fn shut(state: &State, wave: &Wave, supplier: &Supplier, now: Timestamp) -> Option<Blocker> {
    let frozen = || wave.rules.frozen(supplier, civil_date(now));
    let reason = match open_now(state, wave, now) {
        Err(reason) => reason,
        Ok(_) => Shut::Closed(ClosedReason::FreezeDay { why: frozen()?.to_owned() }),
    };
    Some(Blocker::Shut { reason, opens_at: next_window_for(state, wave, supplier, now) })
}

/// The close of the window that is open for the wave's practices at this moment.
pub(crate) fn open_now(state: &State, wave: &Wave, now: Timestamp) -> Result<Timestamp, Shut> {
    let today = civil_date(now);
    if today < wave.from || wave.until < today {
        return Err(Shut::OutsideWindows);
    }
    Ok(wave.rules.timetable(&state.calendar).open_window(now)?.closes)
}

/// When the wave's next window opens, or now if one is open.
pub(crate) fn next_window(state: &State, wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    windows_left(state, wave, now).next().map(|window| window.opens.max(now))
}

/// As [`next_window`], for the practices of one supplier.
pub(crate) fn next_window_for(state: &State, wave: &Wave, supplier: &Supplier, now: Timestamp) -> Option<Timestamp> {
    let mut windows = windows_left(state, wave, now);
    let next = windows.find(|window| wave.rules.frozen(supplier, window.date).is_none())?;
    Some(next.opens.max(now))
}

fn windows_left<'a>(state: &'a State, wave: &'a Wave, now: Timestamp) -> impl Iterator<Item = Occurrence> + use<'a> {
    let windows = wave.rules.windows_between(&state.calendar, wave.from.max(civil_date(now)), wave.until);
    windows.filter(move |window| window.skipped.is_none() && now < window.closes)
}

/// When the wave's first practice may go live, or its first list may be taken, at `now` or later.
pub(crate) fn first_slot(state: &State, wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    let pushed = wave.enrolments().any(|one| one.mode != Mode::BookedDates && one.stage.state().is_open());
    let window = if pushed || wave.rules.booked.is_empty() { next_window(state, wave, now) } else { None };
    let list = lists(wave).filter(|list| now < list.closes).map(|list| list.opens.max(now)).min();
    [window, list].into_iter().flatten().min()
}

/// A supplier's list for a booked date.
pub(crate) struct ListTimes {
    pub(crate) supplier: Supplier,
    pub(crate) date: Date,
    /// From when it may be taken.
    pub(crate) opens: Timestamp,
    /// The cut-off.
    pub(crate) closes: Timestamp,
}

/// The lists of a wave.
pub(crate) fn lists(wave: &Wave) -> impl Iterator<Item = ListTimes> {
    wave.rules.booked.iter().flat_map(|(supplier, booking)| {
        booking.dates.iter().map(|date| {
            let closes = booking.cut_off.for_date(*date);
            let opens = closes.saturating_sub(CLAIM_TIME).unwrap_or(closes);
            ListTimes { supplier: supplier.clone(), date: *date, opens, closes }
        })
    })
}

/// From when to when a practice may be claimed, and for which date; none where its supplier has no dates in the wave.
pub(crate) fn claim_times(wave: &Wave, enrolment: &Enrolment) -> Option<(Timestamp, Timestamp, Date)> {
    let booking = wave.rules.booked.get(&enrolment.supplier)?;
    let date = enrolment.planned_on?;
    let closes = booking.cut_off.for_date(date);
    Some((closes.saturating_sub(CLAIM_TIME).unwrap_or(closes), closes, date))
}

/// Whether any time is left in which one of those who wait could still be admitted.
pub(crate) fn has_time_left(state: &State, wave: &Wave, now: Timestamp) -> bool {
    let window = next_window(state, wave, now).is_some();
    let waiting = wave.enrolments().filter(|one| one.stage.state().is_unsealed());
    waiting.into_iter().any(|one| match one.mode {
        Mode::BookedDates => claim_times(wave, one).is_some_and(|(_, closes, _)| now < closes),
        Mode::Push | Mode::SelfService => window,
    })
}

/// Whether a wave's admissions are over: nobody waits who still has time, nobody invited may still act, and nothing that is
/// under way could come back refused with a try and a window left for it (I21).
pub(crate) fn admissions_are_over(state: &State, wave: &Wave, now: Timestamp) -> bool {
    if !wave.load_in(EnrolmentState::Invited).is_zero() {
        return false;
    }
    let waits = !wave.load_in_any(EnrolmentState::is_unsealed).is_zero();
    if waits && has_time_left(state, wave, now) {
        return false;
    }
    let under_way = [EnrolmentState::Commanded, EnrolmentState::Unknown];
    let mut under_way = under_way.into_iter().flat_map(|one| wave.in_state(one));
    let may_come_back = under_way.any(|one| has_tries_left(wave, one.mode, &one.supplier, one.refusals));
    !(may_come_back && now < stragglers_until(wave) && next_window(state, wave, now).is_some())
}

/// Until when the wave waits for answers about what it sent last: one that never comes must not keep it open, or its gate
/// unjudged, for the rest of its time (I18).
pub(crate) fn stragglers_until(wave: &Wave) -> Timestamp {
    let sent = wave.last_action_at.unwrap_or(wave.changed_at);
    sent.saturating_add(wave.rules.gate.timeout).unwrap_or(Timestamp::MAX)
}

/// Whether a practice that the supplier refuses now, and has refused so often before, may be tried again in this wave as
/// long as it is open. A booked date is gone once its list was taken.
pub(crate) fn has_tries_left(wave: &Wave, mode: Mode, supplier: &Supplier, refusals: u8) -> bool {
    mode == Mode::Push && refusals + 1 < wave.rules.attempts_of(supplier)
}

/// What the registry's facts put in the way.
pub(crate) fn practice_blockers(
    state: &State,
    programme: &Programme,
    wave: &Wave,
    planned: &Enrolment,
    facts: &PracticeFacts,
    now: Timestamp,
) -> Vec<Blocker> {
    let capability = &programme.capability;
    let practice = facts.code;
    let mut blockers = Vec::new();
    for pause in facts.pauses.iter().filter(|pause| pause.in_force && pause.covers(capability)) {
        if !ends_in_time(state, wave, facts, pause) {
            blockers.push(Blocker::paused(practice, pause, planned.stage.state().is_unsealed()));
        }
    }
    if facts.access(capability).is_some_and(|access| access.switch_off_requested) {
        blockers.push(Blocker::SwitchOffRequested { practice });
    }
    blockers.extend(Blocker::not_open(facts));
    blockers.extend(unready(Some(programme), facts, now));
    if facts.observed(capability) == Observed::Partial {
        blockers.push(Blocker::PartlyOn { practice });
    }
    if facts.is_disputed(capability) {
        blockers.push(Blocker::Disputed { practice });
    }
    if facts.supplier.as_ref() != Some(&planned.supplier) {
        let (planned, now) = (planned.supplier.clone(), facts.supplier.clone());
        blockers.push(Blocker::SupplierChanged { planned, now });
    }
    blockers
}

/// Whether a pause need not be counted against a wave that is yet to open: it ends before, or by the wave's opening.
/// Once the wave is open every pause in force counts (rule 15).
fn ends_in_time(state: &State, wave: &Wave, facts: &PracticeFacts, pause: &PauseFacts) -> bool {
    if !wave.stage.is_before_open() {
        return false;
    }
    let judged = state.judgements.get(&PauseRef { practice: facts.code, number: pause.number });
    match pause.end {
        PauseEnd::Until(end) => civil_date(end) <= wave.from,
        PauseEnd::ProgrammeDefault => judged.is_some_and(|judgement| judgement.defers_to(&wave.id)),
        PauseEnd::FurtherNotice => false,
    }
}

/// Whether the practice is on as far as the registry has observed.
pub(crate) fn is_on(programme: &Programme, facts: &PracticeFacts) -> bool {
    facts.observed(&programme.capability).is_on()
}

/// What the registry says that takes a practice out of a wave for good; none where it may stay and wait.
pub(crate) fn unfit(
    state: &State,
    programme: &Programme,
    wave: &Wave,
    enrolment: &Enrolment,
    facts: Option<&PracticeFacts>,
) -> Option<Unfit> {
    let capability = &programme.capability;
    let Some(facts) = facts else { return Some(Unfit::Gone(Supersession::PracticeClosed)) };
    if let Some(reason) = gone(facts) {
        return Some(Unfit::Gone(reason));
    }
    if facts.access(capability).is_some_and(|access| access.switch_off_requested) {
        return Some(Unfit::SwitchOffRequested);
    }
    if is_on(programme, facts) && enrolment.stage.state() != EnrolmentState::Invited {
        return Some(Unfit::AlreadyOn);
    }
    let counts = |pause: &&PauseFacts| {
        let ending = ending_here(state, wave, facts, pause);
        pause.in_force && pause.covers(capability) && !ending && !ends_in_time(state, wave, facts, pause)
    };
    let counted = facts.pauses.iter().filter(counts).map(|pause| CountedPause {
        number: pause.number,
        default_recorded_at: (pause.end == PauseEnd::ProgrammeDefault).then_some(pause.recorded_at),
    });
    let counted: Vec<CountedPause> = counted.collect();
    if !counted.is_empty() {
        return Some(Unfit::Paused(counted));
    }
    (facts.supplier.as_ref() != Some(&enrolment.supplier)).then_some(Unfit::SupplierChanged)
}

/// Whether the practice's code is closed, and who goes on: nothing is triggered under it any more (rule 9).
pub(crate) fn gone(facts: &PracticeFacts) -> Option<Supersession> {
    if !facts.successors.is_empty() {
        return Some(Supersession::Succeeded { by: facts.successors.clone() });
    }
    (!facts.open).then_some(Supersession::PracticeClosed)
}

/// Whether a pause ends by the opening of this wave, of which the registry has been or is being told.
fn ending_here(state: &State, wave: &Wave, facts: &PracticeFacts, pause: &PauseFacts) -> bool {
    let judged = state.judgements.get(&PauseRef { practice: facts.code, number: pause.number });
    judged.is_some_and(|judgement| {
        judgement.defers_to(&wave.id) && matches!(judgement.ruling, Ruling::InTime { until: Some(_), .. })
    })
}
