//! Judges a command on the state of the moment.
//!
//! What a person asks for is done or refused with a reason. What a step proposes, or the world reports, is judged
//! practice by practice: what no longer applies is left out, and where nothing is left there are no events: the
//! proposal was overtaken, which is no error. Nothing here looks at the registry: what it says comes with the command.

mod activation;
mod admission;
mod concern;
mod dispatch;
mod gate;
mod hold;
mod plan;
mod programme;
mod unwind;
mod wave;

pub(crate) use activation::may_disable;
pub(crate) use gate::{drained_at, unwinding_awaited};
pub(crate) use hold::impossible_plan;
pub(crate) use programme::is_complete as programme_is_complete;
pub(crate) use unwind::is_unwound;
pub use unwind::switched_on_by;

use jiff::Timestamp;

use crate::apply::apply;
use crate::calendar::{Occurrence, SkipReason, civil_date, day_bounds};
use crate::command::{Act, Command, Fact, Proposal};
use crate::eligibility::{first_slot, lists};
use crate::event::{Event, Voided};
use crate::id::{Account, ActivationKey, Direction, ProgrammeId, WaveRef};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::spec::Mode;
use crate::state::{
    Activation, ActivationState, Due, DueKind, DueOutcome, HookAnswer, LATE_AFTER, Programme, Signature, State,
    Voiding, Wave,
};

/// Keys in a record of what a person decided about many at once: the journal takes records of three megabytes, and a
/// brake must never be too large for it.
const KEYS_MAX: usize = 1_000;

/// What comes of a command.
///
/// An empty list means that nothing is left to do: a proposal that was overtaken, a report of what was known already.
///
/// # Errors
/// Why a person's command is refused.
pub fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    Ok(decide_and_fold(state, command, now, state.position)?.0)
}

/// As [`decide`], with the state that the events leave, the first of which is recorded at the position after
/// `last_position`: deciding finds it out anyway, and it is what [`apply`](crate::apply) makes of them.
///
/// # Errors
/// As [`decide`].
pub fn decide_and_fold(
    state: &State,
    command: &Command,
    now: Timestamp,
    last_position: u64,
) -> Result<(Vec<Event>, State), Rejection> {
    let mut docket = Docket::new(state, now, last_position);
    match command {
        Command::Person { by, reason_code, act } => {
            let person = Person { by, reason_code };
            person_decides(&mut docket, person, act)?;
        }
        Command::Learn(fact) => learn(&mut docket, fact)?,
        Command::Propose(proposal) => consider(&mut docket, proposal),
    }
    Ok((docket.events, docket.state))
}

/// What follows from a plan that people have approved, whether or not it still fits the moment: for replays, whose moment is
/// not the one at which they did.
pub(crate) fn bring_into_force(state: &State, plan: &Plan, now: Timestamp) -> Vec<Event> {
    let mut docket = Docket::new(state, now, state.position);
    plan::come_into_force(&mut docket, plan);
    docket.events
}

/// Who decides, and why.
#[derive(Clone, Copy)]
struct Person<'a> {
    by: &'a Account,
    reason_code: &'a str,
}

impl Person<'_> {
    /// Rules 6 to 8: where a named person must decide, the scheduler itself cannot.
    fn named(self) -> Result<Self, Rejection> {
        if *self.by == Account::scheduler() { Err(Rejection::NotAPerson) } else { Ok(self) }
    }

    fn with_reason(self) -> Result<Self, Rejection> {
        if self.reason_code.trim().is_empty() { Err(Rejection::ReasonRequired) } else { Ok(self) }
    }

    fn signature(self, at: Timestamp) -> Signature {
        Signature { by: self.by.clone(), at, reason_code: self.reason_code.to_owned() }
    }
}

fn person_decides(docket: &mut Docket, person: Person<'_>, act: &Act) -> Result<(), Rejection> {
    match act {
        Act::CreateProgramme { document } => programme::create(docket, person, document),
        Act::UpdateProgramme { programme, document } => programme::update(docket, person, programme, document),
        Act::CancelProgramme { programme } => programme::cancel(docket, person, programme),
        Act::SubmitPlan { plan } => plan::submit(docket, person, plan),
        Act::ApprovePlan { programme, version, hash } => plan::approve(docket, person, programme, *version, *hash),
        Act::RejectPlan { programme, version } => plan::reject(docket, person, programme, *version),
        Act::RescheduleWave { wave, from } => wave::reschedule(docket, person, wave, *from),
        Act::CancelWave { wave } => wave::cancel(docket, person, wave),
        Act::DecideGate { wave, verdict } => gate::decide(docket, person, wave, *verdict),
        Act::UnwindWave { wave, reason, etag } => unwind::unwind(docket, person, wave, *reason, *etag),
        Act::RevertPractice { wave, practice } => unwind::revert(docket, person, wave, *practice),
        Act::PlaceHold { brake, scope, class, owner, review_on } => {
            let wanted = hold::Wanted { brake: *brake, scope, class: *class, owner, review_on: *review_on };
            hold::place(docket, person, wanted)
        }
        Act::LiftHold { hold, etag } => hold::lift(docket, person, *hold, *etag),
        Act::AcknowledgeHalt { hold } => hold::acknowledge(docket, person, *hold),
        Act::ReportConcern { severity, about } => concern::report(docket, person, *severity, about),
        Act::UpdateCalendar { calendar } => {
            docket.record(Event::CalendarUpdated { calendar: calendar.clone(), by: person.by.clone() });
            Ok(())
        }
        Act::RetryActivation { wave, practice } => wave::retry(docket, wave, *practice),
        Act::RetryNotices { wave, practices } => dispatch::retry(docket, person, wave, practices),
    }
}

fn learn(docket: &mut Docket, fact: &Fact) -> Result<(), Rejection> {
    match fact {
        Fact::NoticeDelivered { wave, practices, delivered_at, channel } => {
            wave::notice_delivered(docket, wave, practices, *delivered_at, channel)?;
        }
        Fact::DispatchOutcomes { outcomes } => dispatch::outcomes(docket, outcomes),
        Fact::NoticesUnaddressed { wave, practices } => dispatch::unaddressed(docket, wave, practices),
        Fact::NoticesReturned { wave, practices } => dispatch::returned(docket, wave, practices)?,
        Fact::Permits { answers, registry_position } => admission::permits(docket, answers, *registry_position),
        Fact::PermitsReleased { keys } => activation::permits_released(docket, keys),
        Fact::Sent { keys } => activation::sent(docket, keys),
        Fact::Answers { answers } => activation::answers(docket, answers),
        Fact::PermitsSettled { keys, registry_position } => {
            activation::permits_settled(docket, keys, *registry_position);
        }
        Fact::PauseOutcomesTold { pauses } => wave::pause_outcomes_told(docket, pauses),
        Fact::ReadinessTold { programme, version } => programme::readiness_told(docket, programme, *version),
        Fact::GateFigures { wave, practices, as_at, positions } => {
            gate::figures_read(docket, wave, practices, *as_at, *positions);
        }
        Fact::GateHookAnswered { wave, hook, last_action_at, verdict, reason_code } => {
            let answer = HookAnswer {
                hook: hook.clone(),
                verdict: *verdict,
                reason_code: reason_code.clone(),
                answered_at: docket.now,
                last_action_at: *last_action_at,
            };
            gate::hook_answered(docket, wave, answer);
        }
        Fact::ClaimBegun { supplier, practices, registry_position } => {
            admission::claim(docket, supplier, practices, *registry_position);
        }
    }
    Ok(())
}

fn consider(docket: &mut Docket, proposal: &Proposal) {
    match proposal {
        Proposal::BeginNotice { wave } => wave::begin_notice(docket, wave),
        Proposal::SealDispatches { wave, chosen } => dispatch::seal(docket, wave, chosen),
        Proposal::FixWave { wave, unfit, registry_position } => wave::fix(docket, wave, unfit, *registry_position),
        Proposal::OpenWave { wave } => wave::open(docket, wave),
        Proposal::SetAside { wave, unfit, registry_position } => {
            wave::set_aside(docket, wave, unfit, *registry_position);
        }
        Proposal::Admit { wave, practices, registry_position } => {
            admission::admit(docket, wave, practices, *registry_position);
        }
        Proposal::Invite { wave, practices, registry_position } => {
            admission::invite(docket, wave, practices, *registry_position);
        }
        Proposal::Verify { wave, practices, registry_position } => {
            wave::verify(docket, wave, practices, *registry_position);
        }
        Proposal::Disable { practices, registry_position } => {
            activation::disable(docket, practices, *registry_position);
        }
        Proposal::SettleDue { due, outcome } => wave::settle_due(docket, due, outcome),
        Proposal::DrainWave { wave } => wave::drain(docket, wave),
        Proposal::EndUnopened { wave, outcome } => wave::end_unopened(docket, wave, outcome),
        Proposal::EndUnwinding { wave } => unwind::end(docket, wave),
        Proposal::SoakWave { wave } => gate::soak(docket, wave),
        Proposal::EvaluateGate { wave, not_live, registry_position } => {
            gate::evaluate(docket, wave, not_live, *registry_position);
        }
        Proposal::HaltProgramme { programme } => hold::halt_plan(docket, programme),
        Proposal::CompleteProgramme { programme } => programme::complete(docket, programme),
    }
}

/// A decision in the making: each event is applied as it is recorded, so that the next judgement sees it.
struct Docket {
    state: State,
    now: Timestamp,
    /// The journal's; the state's own is that of its last event, and not all that a journal records is one.
    last_position: u64,
    events: Vec<Event>,
}

impl Docket {
    fn new(state: &State, now: Timestamp, last_position: u64) -> Self {
        Self { state: state.clone(), now, last_position, events: Vec::new() }
    }

    fn record(&mut self, event: Event) {
        self.last_position += 1;
        apply(&mut self.state, &event, self.last_position, self.now);
        self.events.push(event);
    }

    fn programme(&self, id: &ProgrammeId) -> Result<&Programme, Rejection> {
        self.state.programme(id).ok_or_else(|| Rejection::UnknownProgramme(id.clone()))
    }

    fn wave(&self, id: &WaveRef) -> Result<&Wave, Rejection> {
        self.state.wave(id).ok_or_else(|| Rejection::UnknownWave(id.clone()))
    }

    /// Gives up activations that were not sealed yet.
    fn void(&mut self, keys: &[ActivationKey], reason: &Voiding) {
        let voided = |key: &ActivationKey| Voided { key: key.clone(), reason: reason.clone(), not_before: None };
        for some in keys.chunks(KEYS_MAX) {
            self.record(Event::Voided { keys: some.iter().map(voided).collect() });
        }
    }

    /// Has suppliers asked to cancel these.
    fn cancel(&mut self, keys: &[ActivationKey]) {
        for some in keys.chunks(KEYS_MAX) {
            self.record(Event::CancelAsked { keys: some.to_vec() });
        }
    }

    /// ENABLE activations that were not sealed yet, of those that `chosen` says.
    fn intended(&self, chosen: impl Fn(&Activation) -> bool) -> Vec<ActivationKey> {
        let intended = self.state.activations_in(ActivationState::Intended);
        let enables = intended.filter(|one| one.key.direction == Direction::Enable && chosen(one));
        enables.map(|one| one.key.clone()).collect()
    }

    /// Records what became of a due moment, if that is not known already (I12).
    fn settle(&mut self, due: Due, outcome: DueOutcome) {
        let pending = self.state.programme(&due.wave.programme).is_some_and(|one| one.due_pending.contains(&due));
        if pending {
            self.record(Event::DueSettled { due, outcome });
        }
    }

    /// Something due is acted on now.
    fn start(&mut self, due: Due) {
        let late = due.at.duration_until(self.now) > LATE_AFTER;
        let outcome = if late { DueOutcome::LateStarted } else { DueOutcome::Started };
        self.settle(due, outcome);
    }

    /// What is yet to fall due of a wave, or has and is not settled, of those that `chosen` says.
    fn pending(&self, wave: &WaveRef, chosen: impl Fn(&Due) -> bool) -> Vec<Due> {
        let Some(programme) = self.state.programme(&wave.programme) else { return Vec::new() };
        programme.pending_of(wave.wave).filter(|due| chosen(due)).cloned().collect()
    }

    /// Everything due of a wave ends with the same outcome.
    fn settle_all(&mut self, wave: &WaveRef, outcome: &DueOutcome) {
        for due in self.pending(wave, |_| true) {
            self.settle(due, outcome.clone());
        }
    }

    /// Records when a wave that was planned or moved falls due.
    fn schedule(&mut self, id: &WaveRef) {
        let Some(wave) = self.state.wave(id) else { return };
        let mut due = Vec::new();
        let named = |at, kind| Due { at, wave: id.clone(), kind, round: wave.round };
        let first = first_slot(&self.state, wave, self.now);
        // The first moment after the last one of the objections.
        let objections = wave.rules.objections_end.map(after);
        // Without any time left the wave is settled now, and then ends.
        due.push(named(objections.or(first).unwrap_or(self.now), DueKind::MembersFixed));
        if wave.enrolments().any(|one| one.mode != Mode::BookedDates) || wave.rules.booked.is_empty() {
            due.extend(self.window_after(wave, self.now));
        }
        for list in lists(wave).filter(|list| self.now < list.closes) {
            let kind = DueKind::ListOpens { supplier: list.supplier, date: list.date, closes: list.closes };
            due.push(named(list.opens, kind));
        }
        if wave.enrolments().any(|one| one.mode == Mode::SelfService) {
            due.push(named(day_bounds(wave.until).1, DueKind::InvitationsLapse));
        }
        self.record(Event::DueScheduled { due });
    }

    /// The wave's first window that closes after a moment, skipped ones included: each gets its outcome.
    fn window_after(&self, wave: &Wave, moment: Timestamp) -> Option<Due> {
        let from = wave.from.max(civil_date(moment));
        let mut windows = wave.rules.windows_between(&self.state.calendar, from, wave.until);
        let skipped_ahead = |window: &Occurrence| match window.skipped {
            Some(SkipReason::Empty) => moment <= window.opens,
            _ => moment < window.closes,
        };
        let window = windows.find(skipped_ahead)?;
        let kind = DueKind::WindowOpens { closes: window.closes };
        Some(Due { at: window.opens, wave: wave.id.clone(), kind, round: wave.round })
    }
}

/// The first moment after one, in the unit that the journal keeps.
fn after(moment: Timestamp) -> Timestamp {
    moment.saturating_add(jiff::SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX)
}
