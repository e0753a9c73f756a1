//! What suppliers make of what was sealed: when it is done, when that is known, where the practice is then.

use std::cmp::Reverse;

use super::{Happening, Play, has_tries_left, is_under_way, moment, scopes_of};
use crate::forecast::compact::{Micros, NEVER, NOWHERE, micros};
use crate::forecast::scenario::{Fate, FateAnswer};
use crate::pace::{ask_again, refusal_again};
use crate::spec::Mode;
use crate::state::{EnrolmentState, WaveStage};

impl Play<'_> {
    /// What was under way before the forecast goes on: asked about as it was going to be.
    pub(super) fn go_on(&mut self, place: u32) {
        let seat = &self.seats[place as usize];
        let fate = self.fate(place);
        let Some(begun) = seat.begun else {
            let seat = &mut self.seats[place as usize];
            (seat.settles_at, seat.answer) = (self.now, fate.answer);
            self.agenda.push(Reverse((self.now, Happening::Answer(place))));
            return;
        };
        let (done_at, settles_at) = if seat.mode == Mode::BookedDates {
            let starts = self.list(seat).map_or(begun.due_at, |list| list.starts).max(begun.sealed_at);
            (starts, starts.max(self.now))
        } else {
            let done_at = begun.sealed_at.saturating_add(micros(fate.after));
            (done_at, known_at(done_at, begun.due_at.max(self.now), begun.attempts))
        };
        let seat = &mut self.seats[place as usize];
        (seat.done_at, seat.settles_at, seat.answer) = (done_at, settles_at, fate.answer);
        self.agenda.push(Reverse((settles_at, Happening::Answer(place))));
    }

    /// How the try that a seat is at ends.
    fn fate(&self, place: u32) -> Fate {
        let seat = &self.seats[place as usize];
        let member = self.member(seat.practice);
        let wave = self.course(usize::from(seat.course)).id;
        if member.desk == NOWHERE {
            return Fate { after: jiff::SignedDuration::ZERO, answer: FateAnswer::Applied };
        }
        self.scenario.fate_at(usize::from(member.desk), member.code, wave, seat.refusals)
    }

    /// Suppliers are asked for what was sealed, in the order of the practices, and answer what they have done.
    pub(super) fn ask_suppliers(&mut self) -> bool {
        let mut sealed = std::mem::take(&mut self.sealed);
        sealed.sort_by_key(|place| self.seats[*place as usize].practice);
        let moved = !sealed.is_empty() || !self.answered.is_empty();
        for place in sealed {
            self.ask(place);
        }
        let mut answered = std::mem::take(&mut self.answered);
        answered.sort_by_key(|place| self.seats[*place as usize].practice);
        for place in answered {
            let seat = &self.seats[place as usize];
            // What was closed meanwhile was answered then.
            if is_under_way(seat.state) && seat.settles_at <= self.now {
                self.settle(place);
            }
        }
        moved
    }

    fn ask(&mut self, place: u32) {
        let fate = self.fate(place);
        let (done_at, settles_at) = if self.seats[place as usize].mode == Mode::BookedDates {
            let starts = self.list(&self.seats[place as usize]).map_or(self.now, |list| list.starts);
            (starts.max(self.now), starts.max(self.now))
        } else {
            let begins = self.supplier_begins(place);
            let done_at = begins.saturating_add(micros(fate.after));
            (done_at, known_at(done_at, self.now, 0))
        };
        let seat = &mut self.seats[place as usize];
        (seat.done_at, seat.settles_at, seat.answer) = (done_at, settles_at, fate.answer);
        if settles_at <= self.now {
            self.answered.push(place);
        } else {
            self.agenda.push(Reverse((settles_at, Happening::Answer(place))));
        }
    }

    /// When the supplier comes to it: at once, or after what it was asked before.
    fn supplier_begins(&mut self, place: u32) -> Micros {
        let desk = usize::from(self.member(self.seats[place as usize].practice).desk);
        let Some(free_at) = self.free_at.get_mut(desk) else { return self.now };
        let begins = (*free_at).max(self.now);
        if let Some(pause) = self.scenario.between_at(desk) {
            *free_at = begins.saturating_add(micros(pause));
        }
        begins
    }

    fn settle(&mut self, place: u32) {
        let seat = self.seats[place as usize].clone();
        let course = usize::from(seat.course);
        let practice = seat.practice as usize;
        let member = self.member(seat.practice);
        for scope in scopes_of(member) {
            self.in_flight[scope] -= member.load;
        }
        // Else nobody was refused who could have this one's slot.
        self.look |= self.slot_is_awaited;
        let closed = seat.done_at == NEVER;
        let state = match seat.answer {
            _ if closed => EnrolmentState::NotApplied,
            FateAnswer::Applied if seat.is_reversed => EnrolmentState::Reverted,
            FateAnswer::Applied => EnrolmentState::Confirmed,
            FateAnswer::RefusedForGood => EnrolmentState::Refused,
            FateAnswer::RefusedForNow if self.comes_back(place) => EnrolmentState::Enrolled,
            FateAnswer::RefusedForNow => EnrolmentState::Failed,
        };
        self.move_to(place, state);
        self.courses[course].last_action_at = Some(self.now);
        let seat = &mut self.seats[place as usize];
        seat.is_reversed = false;
        if state == EnrolmentState::Confirmed {
            self.on[practice] = true;
            self.live_at[practice] = seat.done_at;
        } else if state != EnrolmentState::Reverted {
            let again = refusal_again(moment(self.now), seat.refusals).as_microsecond();
            seat.refusals = seat.refusals.saturating_add(1);
            if state == EnrolmentState::Enrolled {
                seat.not_before = again;
                self.look = true;
                self.doubtful.push(seat.practice);
                self.queue_up(place);
            }
        }
    }

    fn comes_back(&self, place: u32) -> bool {
        let seat = &self.seats[place as usize];
        let course = self.course(usize::from(seat.course));
        let is_open = self.courses[usize::from(seat.course)].stage == WaveStage::Open;
        is_open && course.is_listed && has_tries_left(course, self.member(seat.practice).desk, seat)
    }
}

/// When it is known that something is done: the first time at or after it at which it is asked about.
fn known_at(done_at: Micros, asked_at: Micros, attempts: u32) -> Micros {
    let (mut at, mut attempts) = (asked_at, attempts);
    while at < done_at {
        at = ask_again(moment(at), attempts).as_microsecond();
        attempts += 1;
    }
    at
}
