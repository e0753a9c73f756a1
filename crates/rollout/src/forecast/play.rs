//! Plays one future on a compact programme, by the rules of [`step`](crate::step()) and [`decide`](crate::decide()).
//!
//! Time goes from one moment to the next at which anything can happen. At each, what the world does happens first; then
//! rounds of looking and doing follow until nothing moves, as the scheduler's loop has them: waves move on, practices are
//! set aside or get their slot, suppliers are asked and answer. `tests/core/forecasts.rs` plays the same futures with
//! the real step and finds the same practices live at the same moments.
//!
//! What it leaves out, because a forecast does not foresee it: lost replies, holds yet to be placed, re-plans, advice,
//! changes of supplier, expiring readiness (taken to be renewed in time).

mod queue;
mod rounds;
mod settling;
mod track;
mod waves;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use self::track::Track;
use super::compact::{Compact, Course, End, List, Member, Micros, NEVER, NO_DAY, NOWHERE, Pause, Seat};
use super::scenario::Scenario;
use crate::spec::Mode;
use crate::state::{EnrolmentState, Load, WaveStage};
use crate::view::PauseEnd;

/// One future on its way.
pub(super) struct Play<'a> {
    compact: &'a Compact,
    scenario: &'a Scenario,
    now: Micros,
    agenda: BinaryHeap<Reverse<(Micros, Happening)>>,
    looks_done: usize,
    seats: Vec<Seat>,
    courses: Vec<Track>,
    /// By practice.
    on: Vec<bool>,
    ready: Vec<bool>,
    pauses: Vec<Vec<Pause>>,
    /// Those with a pause: looked at before their turn comes.
    wary: Vec<u32>,
    /// Those of them who may have to be set aside since they were last looked at, or all.
    doubtful: Vec<u32>,
    all_doubtful: bool,
    /// By practice: the seat of its latest wave.
    current: Vec<u32>,
    /// By practice: since when it is live by this programme.
    live_at: Vec<Micros>,
    daily: Vec<Load>,
    in_flight: Vec<Load>,
    kept: Vec<bool>,
    /// By supplier: when it can come to another request.
    free_at: Vec<Micros>,
    /// Waves in which a gate did not pass and people have not decided.
    halts_count: u32,
    /// Something changed that may let a practice move.
    look: bool,
    /// Somebody found no slot left under a cap on what is under way.
    slot_is_awaited: bool,
    sealed: Vec<u32>,
    answered: Vec<u32>,
    enabled: Vec<u32>,
}

/// What happens at a moment, apart from the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Pause(u32),
    PauseEnds(u32),
    Ready(u32),
    SelfEnabled(u32),
    Verdict(u16),
    /// A seat may be waited with that was held, or had to wait before it is tried again.
    Comes(u32),
    Answer(u32),
}

/// How a run came out.
pub(super) struct Played {
    /// By practice: since when it is live by this programme; [`NEVER`] where it is not.
    pub(super) live_at: Vec<Micros>,
    /// By wave: where it ended, and since when.
    pub(super) stages: Vec<(WaveStage, Micros)>,
}

impl<'a> Play<'a> {
    pub(super) fn new(compact: &'a Compact, scenario: &'a Scenario) -> Self {
        let practices_count = compact.practices.len();
        let mut play = Self {
            compact,
            scenario,
            now: compact.now,
            agenda: BinaryHeap::new(),
            looks_done: 0,
            seats: compact.seats.clone(),
            courses: compact.courses.iter().map(|course| Track::of(course, compact)).collect(),
            on: compact.practices.iter().map(|member| member.is_on).collect(),
            ready: compact.practices.iter().map(|member| member.is_ready).collect(),
            pauses: compact.practices.iter().map(|member| member.pauses.clone()).collect(),
            wary: Vec::new(),
            doubtful: Vec::new(),
            all_doubtful: true,
            current: vec![u32::MAX; practices_count],
            live_at: vec![NEVER; practices_count],
            daily: compact.daily.clone(),
            in_flight: compact.in_flight.clone(),
            kept: vec![false; compact.scopes.len()],
            free_at: vec![compact.now; compact.desks_count],
            halts_count: 0,
            look: false,
            slot_is_awaited: false,
            sealed: Vec::new(),
            answered: Vec::new(),
            enabled: Vec::new(),
        };
        play.begin();
        play
    }

    /// Plays to the end.
    pub(super) fn played(mut self) -> Played {
        let end = self.compact.day_starts.last().copied().unwrap_or(NEVER);
        while let Some(at) = self.next_moment().filter(|at| *at < end) {
            self.now = at;
            self.happen();
            self.come_to_rest();
        }
        for (live_at, on) in self.live_at.iter_mut().zip(&self.compact.practices) {
            if on.is_on {
                *live_at = self.compact.now;
            }
        }
        let stages = self.courses.iter().map(|track| (track.stage, track.changed_at)).collect();
        Played { live_at: self.live_at, stages }
    }

    fn begin(&mut self) {
        for number in 0..self.seats.len() {
            self.begin_seat(number);
        }
        for (number, track) in self.courses.iter().enumerate() {
            if let (Some(at), Ok(number)) = (track.verdict_at, u16::try_from(number)) {
                self.halts_count += 1;
                self.agenda.push(Reverse((at, Happening::Verdict(number))));
            }
        }
        for number in 0..self.compact.practices.len() {
            self.begin_practice(number);
        }
    }

    fn begin_seat(&mut self, number: usize) {
        let place = u32::try_from(number).unwrap_or(u32::MAX);
        let seat = self.seats[number].clone();
        let track = &mut self.courses[usize::from(seat.course)];
        track.count(&self.compact.courses[usize::from(seat.course)], self.compact, &seat, true);
        track.order_next = track.order_next.max(seat.order + 1);
        if seat.state == EnrolmentState::Enrolled {
            self.queue_up(place);
        }
        if is_open(seat.state) {
            self.current[seat.practice as usize] = place;
        }
        if is_under_way(seat.state) {
            self.go_on(place);
        }
        if seat.state == EnrolmentState::Invited {
            self.invite(place);
        }
    }

    fn begin_practice(&mut self, number: usize) {
        let member = &self.compact.practices[number];
        let place = u32::try_from(number).unwrap_or(u32::MAX);
        for pause in &member.pauses {
            if let End::Until { at, .. } = pause.end {
                self.agenda.push(Reverse((at.max(self.now), Happening::PauseEnds(place))));
            }
        }
        if !member.pauses.is_empty() {
            self.wary.push(place);
        }
        if member.is_on || self.current[number] == u32::MAX {
            return;
        }
        if member.pauses.is_empty()
            && let Some((at, _)) = self.scenario.pause(member.code)
        {
            self.agenda.push(Reverse((at.as_microsecond(), Happening::Pause(place))));
        }
        if !member.is_ready
            && let Some(at) = self.scenario.ready_at(member.code)
        {
            self.agenda.push(Reverse((at.as_microsecond(), Happening::Ready(place))));
        }
    }

    /// When anything can happen next.
    fn next_moment(&mut self) -> Option<Micros> {
        let look = self.compact.looks.get(self.looks_done).copied();
        let agenda = self.agenda.peek().map(|Reverse((at, _))| *at);
        let waves = (0..self.courses.len()).filter_map(|course| self.wakes_at(course)).min();
        [look, agenda, waves].into_iter().flatten().min()
    }

    fn happen(&mut self) {
        while self.compact.looks.get(self.looks_done).is_some_and(|at| *at <= self.now) {
            self.looks_done += 1;
            self.look = true;
        }
        while let Some(Reverse((at, happening))) = self.agenda.peek().copied() {
            if self.now < at {
                break;
            }
            self.agenda.pop();
            self.take_place(happening);
        }
    }

    fn take_place(&mut self, happening: Happening) {
        if let Happening::Answer(seat) = happening {
            self.answered.push(seat);
            return;
        }
        self.look = true;
        match happening {
            Happening::Pause(practice) => self.pause(practice),
            Happening::PauseEnds(practice) => {
                let now = self.now;
                let over = |end: End| matches!(end, End::Until { at, .. } if at <= now);
                for pause in &mut self.pauses[practice as usize] {
                    pause.in_force &= !over(pause.end);
                }
            }
            Happening::Ready(practice) => {
                self.ready[practice as usize] = true;
                self.queue_up_practice(practice);
            }
            Happening::Comes(place) => {
                if self.seats[place as usize].state == EnrolmentState::Enrolled {
                    self.queue_up(place);
                }
            }
            Happening::SelfEnabled(seat) => {
                if self.seats[seat as usize].state == EnrolmentState::Invited {
                    self.on[self.seats[seat as usize].practice as usize] = true;
                    self.enabled.push(seat);
                }
            }
            Happening::Verdict(course) => {
                let track = &mut self.courses[usize::from(course)];
                if track.stage == WaveStage::Gate && track.verdict_at.take().is_some() {
                    (track.stage, track.changed_at, track.passed) = (WaveStage::Closed, self.now, true);
                    self.halts_count -= 1;
                }
            }
            Happening::Answer(_) => {}
        }
    }

    fn pause(&mut self, practice: u32) {
        let code = self.member(practice).code;
        let end = match self.scenario.pause(code) {
            Some((_, PauseEnd::ProgrammeDefault)) => End::ProgrammeDefault,
            _ => End::FurtherNotice,
        };
        let pause = Pause { recorded_at: self.now, end, in_force: true, judged: None };
        self.pauses[practice as usize].push(pause);
        self.wary.push(practice);
        self.doubtful.push(practice);
        let current = self.current[practice as usize];
        let Some(seat) = self.seats.get_mut(current as usize) else { return };
        if !is_under_way(seat.state) {
            return;
        }
        if seat.mode == Mode::BookedDates && self.now < seat.done_at {
            // The supplier takes it off its list: the key is closed.
            (seat.done_at, seat.settles_at) = (NEVER, self.now);
            self.answered.push(current);
        } else {
            seat.is_reversed = true;
        }
    }

    fn comes_at(&mut self, place: u32, at: Micros) {
        self.agenda.push(Reverse((at, Happening::Comes(place))));
    }

    fn member(&self, practice: u32) -> &'a Member {
        &self.compact.practices[practice as usize]
    }

    fn course(&self, course: usize) -> &'a Course {
        &self.compact.courses[course]
    }

    fn list(&self, seat: &Seat) -> Option<&'a List> {
        self.compact.courses[usize::from(seat.course)].lists.get(usize::from(seat.list))
    }

    /// Moves a seat to another state, and counts it there.
    fn move_to(&mut self, seat: u32, state: EnrolmentState) {
        let compact = self.compact;
        let moved = &mut self.seats[seat as usize];
        let track = &mut self.courses[usize::from(moved.course)];
        let course = &compact.courses[usize::from(moved.course)];
        track.count(course, compact, moved, false);
        moved.state = state;
        moved.commanded |= matches!(state, EnrolmentState::Commanded | EnrolmentState::Invited);
        track.count(course, compact, moved, true);
    }
}

/// As [`crate::eligibility::has_tries_left`].
fn has_tries_left(course: &Course, desk: u16, seat: &Seat) -> bool {
    let attempts = course.attempts.get(usize::from(desk)).copied().unwrap_or(crate::spec::ATTEMPTS_DEFAULT);
    seat.mode == Mode::Push && seat.refusals + 1 < attempts
}

fn is_open(state: EnrolmentState) -> bool {
    state.is_open()
}

fn is_under_way(state: EnrolmentState) -> bool {
    state.is_unsettled()
}

fn moment(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX)
}

/// Whether a first day has come.
fn has_come(first: i32, day: i32) -> bool {
    first != NO_DAY && first <= day
}

fn scopes_of(member: &Member) -> impl Iterator<Item = usize> + use<> {
    member.scopes.into_iter().filter(|scope| *scope != NOWHERE).map(usize::from)
}
