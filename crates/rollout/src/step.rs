//! Looks at the state and the registry and proposes what may move: level-triggered, pure, idempotent.
//!
//! It proposes from whatever is true now, however it came about: so it needs no memory, a restart loses nothing, and two
//! schedulers that look at the same state propose the same (I26). Each proposal is judged again by [`crate::decide()`],
//! on the state of that moment. One call need not propose all there is: the caller calls again after each change, until
//! nothing is proposed.
//!
//! What it does not do: it performs nothing ([`crate::effects`] lists what is to be called), and it never proposes what
//! a person must decide.

mod admission;
mod due;
mod set_aside;

pub(crate) use admission::{candidate, subject};

use std::collections::BTreeMap;

use imbl::OrdSet;
use jiff::Timestamp;
use ods::PracticeCode;

use crate::blocker::Blocker;
use crate::calendar::civil_date;
use crate::command::{Command, Proposal, Unfit};
use crate::decide::{drained_at, impossible_plan, is_unwound, unwinding_awaited};
use crate::eligibility::{
    admissions_are_over, earlier_in_the_way, first_slot, has_time_left, impossible, open_now, stragglers_until, unfit,
    wave_blockers,
};
use crate::gate;
use crate::report::{Gathering, Report};
use crate::room::Room;
use crate::state::{
    DueKind, DueOutcome, EnrolmentState, MissReason, Programme, ProgrammeStage, SkipPolicy, State, Wave, WaveStage,
};
use crate::view::{Observed, RegistryView};

/// Admissions, or switch-offs, in one proposal: few enough that a hold waits for no longer than a decision about so many,
/// many enough that a wave of thousands is some dozens of records.
const CHANGES_MAX: usize = 100;

/// What may move now, and why nothing else does.
#[must_use]
pub fn step(state: &State, view: &RegistryView, now: Timestamp) -> (Vec<Command>, Report) {
    let mut walk = Walk { state, view, now, proposals: Vec::new(), gathering: Gathering::default(), next_due: None };
    walk.switch_offs();
    walk.set_aside_wary();
    let mut room = Room::on(state, civil_date(now));
    for programme in state.programmes.values().filter(|programme| programme.stage != ProgrammeStage::Draft) {
        walk.programme(programme, &mut room);
    }
    if let Some(at) = state.next_activation_at() {
        walk.wake(at);
    }
    let commands = walk.proposals.into_iter().map(Command::Propose).collect();
    (commands, Report { stills: walk.gathering.into_stills(), next_due: walk.next_due })
}

/// When to look again, should nothing change before: later than `now`; none where only a change can move anything.
///
/// The same as the report of [`step()`] says, for whoever wants nothing else of it.
#[must_use]
pub fn next_due(state: &State, view: &RegistryView, now: Timestamp) -> Option<Timestamp> {
    step(state, view, now).1.next_due
}

/// One look at everything.
struct Walk<'a> {
    state: &'a State,
    view: &'a RegistryView,
    now: Timestamp,
    proposals: Vec<Proposal>,
    gathering: Gathering,
    next_due: Option<Timestamp>,
}

impl<'a> Walk<'a> {
    /// Asks to be woken at a moment. What is past was acted on, or waits for a change.
    fn wake(&mut self, at: Timestamp) {
        if self.now < at {
            self.next_due = Some(self.next_due.map_or(at, |next| next.min(at)));
        }
    }

    fn programme(&mut self, programme: &'a Programme, room: &mut Room<'a>) {
        room.turn_to(programme);
        if impossible_plan(self.state, programme).is_some() {
            self.proposals.push(Proposal::HaltProgramme { programme: programme.id.clone() });
        }
        let listed: Vec<&Wave> = programme.waves_in_order().collect();
        for wave in &listed {
            self.wave(programme, wave, room);
        }
        // Waves that the plan in force leaves out settle what they sealed.
        for wave in programme.waves.values().filter(|wave| listed.iter().all(|other| other.id != wave.id)) {
            self.wave(programme, wave, room);
        }
        if crate::decide::programme_is_complete(programme) {
            self.proposals.push(Proposal::CompleteProgramme { programme: programme.id.clone() });
        }
    }

    fn wave(&mut self, programme: &'a Programme, wave: &'a Wave, room: &mut Room<'_>) {
        self.verify(programme, wave);
        if wave.stage.has_ended() {
            return;
        }
        self.dues(programme, wave);
        let id = wave.id.clone();
        match wave.stage {
            WaveStage::Planned if programme.stage == ProgrammeStage::Active => {
                self.proposals.push(Proposal::BeginNotice { wave: id });
            }
            WaveStage::Notice => self.notice(programme, wave),
            WaveStage::Fixed => self.fixed(programme, wave),
            WaveStage::Open => self.open(programme, wave, room),
            WaveStage::Draining => {
                let drained_at = drained_at(wave);
                if drained_at <= self.now {
                    self.proposals.push(Proposal::SoakWave { wave: id });
                } else {
                    self.wake(drained_at);
                    self.stands(programme, wave);
                }
            }
            WaveStage::Soaking => self.soaking(programme, wave),
            WaveStage::Unwinding if is_unwound(self.state, wave) => {
                self.proposals.push(Proposal::EndUnwinding { wave: id });
            }
            _ => self.stands(programme, wave),
        }
    }

    /// Says what is in the way of a wave as a whole.
    fn stands(&mut self, programme: &Programme, wave: &Wave) {
        let waiting = wave.load_in_any(EnrolmentState::is_open);
        for blocker in wave_blockers(self.state, programme, wave, self.now) {
            // Where nobody waits, nothing but the wave's own stage is worth saying.
            if !waiting.is_zero() || matches!(blocker, Blocker::WaveNotOpen { .. }) {
                self.gathering.wave(&wave.id, waiting, blocker);
            }
        }
    }

    fn notice(&mut self, programme: &'a Programme, wave: &'a Wave) {
        let fix_due =
            programme.pending_of(wave.id.wave).any(|due| due.kind == DueKind::MembersFixed && due.at <= self.now);
        if !fix_due || programme.stage != ProgrammeStage::Active {
            self.stands(programme, wave);
            return;
        }
        let mut unfit = BTreeMap::new();
        for state in [EnrolmentState::Candidate, EnrolmentState::Notified] {
            unfit.extend(self.unfit_in(programme, wave, state));
        }
        let (wave, registry_position) = (wave.id.clone(), self.view.position);
        self.proposals.push(Proposal::FixWave { wave, unfit, registry_position });
    }

    fn unfit_in(&self, programme: &Programme, wave: &Wave, state: EnrolmentState) -> Vec<(PracticeCode, Unfit)> {
        let judged = wave.in_state(state).filter_map(|enrolment| {
            let facts = self.view.get(enrolment.practice);
            Some((enrolment.practice, unfit(self.state, programme, wave, enrolment, facts)?))
        });
        judged.collect()
    }

    fn fixed(&mut self, programme: &Programme, wave: &Wave) {
        let earlier = earlier_in_the_way(programme, wave);
        let held = self.state.hold_on_wave(&wave.id);
        if !has_time_left(self.state, wave, self.now) {
            let missed = |reason| DueOutcome::Missed { reason };
            let outcome = match (held, earlier) {
                _ if wave.load_in_any(EnrolmentState::is_unsealed).is_zero() => {
                    DueOutcome::Skipped { reason: SkipPolicy::NobodyWaiting }
                }
                (Some(hold), _) => missed(MissReason::Held { hold: hold.id }),
                (None, Some(earlier)) => missed(MissReason::EarlierWave { wave: earlier }),
                (None, None) => missed(MissReason::Outage),
            };
            self.proposals.push(Proposal::EndUnopened { wave: wave.id.clone(), outcome });
            return;
        }
        let slot = first_slot(self.state, wave, self.now);
        if held.is_none() && earlier.is_none() && slot == Some(self.now) {
            self.proposals.push(Proposal::OpenWave { wave: wave.id.clone() });
            return;
        }
        if let Some(slot) = slot {
            self.wake(slot);
        }
        self.stands(programme, wave);
    }

    fn open(&mut self, programme: &'a Programme, wave: &'a Wave, room: &mut Room<'_>) {
        if admissions_are_over(self.state, wave, self.now) {
            self.proposals.push(Proposal::DrainWave { wave: wave.id.clone() });
            return;
        }
        if let Ok(closes) = open_now(self.state, wave, self.now) {
            self.wake(closes);
        }
        self.wake(stragglers_until(wave));
        let blockers = wave_blockers(self.state, programme, wave, self.now);
        if blockers.is_empty() {
            self.admissions(programme, wave, room);
        } else {
            self.stands(programme, wave);
        }
    }

    fn soaking(&mut self, programme: &Programme, wave: &Wave) {
        if let Some(until) = unwinding_awaited(wave, self.now) {
            self.wake(until);
            self.stands(programme, wave);
            return;
        }
        if impossible(programme, wave).is_some() {
            self.stands(programme, wave);
            return;
        }
        if let Some(ripe_at) = gate::ripens_later(self.state, wave, self.now) {
            self.wake(ripe_at);
            self.stands(programme, wave);
            return;
        }
        let not_live = gate::not_live(self.view, programme, wave);
        let Some(look) = gate::look(self.state, wave, &not_live, self.view.position, self.now) else { return };
        if !look.is_ripe {
            if let Some(wake_at) = look.wake_at {
                self.wake(wake_at);
            }
            self.stands(programme, wave);
            return;
        }
        let (wave, registry_position) = (wave.id.clone(), self.view.position);
        self.proposals.push(Proposal::EvaluateGate { wave, not_live, registry_position });
    }

    /// Confirmed or invited practices of which the registry now says that they are on.
    fn verify(&mut self, programme: &Programme, wave: &Wave) {
        let mut practices = OrdSet::new();
        for state in [EnrolmentState::Confirmed, EnrolmentState::Invited] {
            for enrolment in wave.in_state(state) {
                let facts = self.view.get(enrolment.practice);
                if facts.is_some_and(|facts| facts.observed(&programme.capability) == Observed::On) {
                    practices.insert(enrolment.practice);
                }
            }
        }
        if !practices.is_empty() {
            let (wave, registry_position) = (wave.id.clone(), self.view.position);
            self.proposals.push(Proposal::Verify { wave, practices, registry_position });
        }
    }
}
