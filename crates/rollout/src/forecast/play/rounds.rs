//! Rounds within a moment: who is set aside, who gets a slot, what suppliers take.

use std::cmp::Reverse;

use super::queue::{Kind, Turns};
use super::{Happening, Play, has_come, moment, scopes_of};
use crate::forecast::compact::{Micros, NO_DAY};
use crate::spec::{Cap, Mode};
use crate::state::{EnrolmentState, Load, WaveStage};

/// Whether a practice got a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Given,
    Full,
}

impl Play<'_> {
    /// Looks and acts until nothing moves.
    pub(super) fn come_to_rest(&mut self) {
        loop {
            let look = std::mem::take(&mut self.look);
            if look {
                self.slot_is_awaited = false;
            }
            let mut moved = self.step(look);
            moved |= look && self.claim();
            moved |= self.ask_suppliers();
            if !moved && !self.look {
                return;
            }
        }
    }

    fn step(&mut self, look: bool) -> bool {
        let mut moved = false;
        if look {
            moved |= self.set_aside_wary();
        }
        moved |= self.verify();
        self.kept.fill(false);
        for course in 0..self.courses.len() {
            moved |= self.wave(course, look);
        }
        moved
    }

    /// Practices with a pause, in a wave whose members are settled: before their turn comes.
    fn set_aside_wary(&mut self) -> bool {
        let mut aside = Vec::new();
        let all = std::mem::take(&mut self.all_doubtful);
        let doubtful = std::mem::take(&mut self.doubtful);
        for practice in if all { &self.wary } else { &doubtful } {
            let place = self.current[*practice as usize];
            let Some(seat) = self.seats.get(place as usize) else { continue };
            let stage = self.courses[usize::from(seat.course)].stage;
            if matches!(stage, WaveStage::Fixed | WaveStage::Open) && seat.state.is_unsealed() && self.is_unfit(place) {
                aside.push(place);
            }
        }
        self.put_aside(&aside)
    }

    /// Who was asked to has switched itself on.
    fn verify(&mut self) -> bool {
        let enabled = std::mem::take(&mut self.enabled);
        let mut moved = false;
        for place in enabled {
            let seat = &self.seats[place as usize];
            if seat.state != EnrolmentState::Invited {
                continue;
            }
            let (practice, course) = (seat.practice as usize, usize::from(seat.course));
            self.move_to(place, EnrolmentState::Confirmed);
            self.live_at[practice] = self.now;
            self.courses[course].last_action_at = Some(self.now);
            moved = true;
        }
        moved
    }

    /// Whose turn it is, in the wave's order.
    pub(super) fn admissions(&mut self, course: usize) -> bool {
        let mut queue = std::mem::take(&mut self.courses[course].queue);
        let mut turns = Turns::default();
        let window = self.open_window(course);
        // Whether those are looked at depends on who before them finds the nation's caps used up: then all are asked.
        let all = !queue.is_empty(queue.unfit_lane());
        turns.begin(&queue, &self.seats, queue.unfit_lane());
        if let Some(day) = window {
            for lane in queue.lanes_of(Kind::SelfService) {
                turns.begin(&queue, &self.seats, lane);
            }
            for lane in queue.lanes_of(Kind::Push).filter(|lane| !queue.is_empty(*lane)) {
                if all || !self.is_closed(course, queue.party_in(lane), day) {
                    turns.begin(&queue, &self.seats, lane);
                }
            }
        }
        let (mut aside, mut used_up, mut moved) = (Vec::new(), false, false);
        while let Some(turn) = turns.next() {
            let place = queue.place(turn);
            let mode = self.seats[place as usize].mode;
            let is_passed_over = used_up && mode == Mode::Push;
            if turn.lane() == queue.unfit_lane() {
                if !is_passed_over {
                    aside.push(place);
                }
                turns.stays(&queue, &self.seats, turn);
                continue;
            }
            debug_assert!(!self.is_unfit(place), "who has a pause is set aside before");
            let Some(day) = window.filter(|_| !is_passed_over) else { continue };
            if !self.may_go(place, day) {
                turns.stays(&queue, &self.seats, turn);
            } else if mode == Mode::SelfService {
                self.ask_practice(place);
                moved = true;
                turns.goes(&mut queue, &self.seats, turn);
            } else if self.take_slot(place, day) == Slot::Full {
                used_up = self.is_used_up(day);
                if !used_up && (all || !self.is_closed(course, queue.party_in(turn.lane()), day)) {
                    turns.stays(&queue, &self.seats, turn);
                }
            } else {
                self.seal(place);
                moved = true;
                turns.goes(&mut queue, &self.seats, turn);
            }
        }
        self.courses[course].queue = queue;
        moved | self.put_aside(&aside)
    }

    fn ask_practice(&mut self, place: u32) {
        let course = usize::from(self.seats[place as usize].course);
        self.move_to(place, EnrolmentState::Invited);
        self.courses[course].last_action_at = Some(self.now);
        self.invite(place);
    }

    fn seal(&mut self, place: u32) {
        let course = usize::from(self.seats[place as usize].course);
        self.move_to(place, EnrolmentState::Commanded);
        self.courses[course].last_action_at = Some(self.now);
        self.sealed.push(place);
    }

    /// Suppliers with booked dates take their lists.
    fn claim(&mut self) -> bool {
        let mut moved = false;
        for desk in 0..self.compact.desks_count {
            self.kept.fill(false);
            for course in 0..self.courses.len() {
                let lists = &self.course(course).lists;
                let open =
                    lists.iter().any(|list| usize::from(list.desk) == desk && self.is_within(list.opens, list.closes));
                if open && self.courses[course].stage == WaveStage::Open && !self.is_held(course) {
                    moved |= self.claim_from(course, desk);
                }
            }
        }
        moved
    }

    fn is_within(&self, opens: Micros, closes: Micros) -> bool {
        opens <= self.now && self.now < closes
    }

    fn claim_from(&mut self, course: usize, desk: usize) -> bool {
        let mut queue = std::mem::take(&mut self.courses[course].queue);
        let mut turns = Turns::default();
        for (number, list) in (0..).zip(&self.course(course).lists) {
            if usize::from(list.desk) != desk || !self.is_within(list.opens, list.closes) {
                continue;
            }
            for lane in queue.lanes_of(Kind::Listed(number)).filter(|lane| !queue.is_empty(*lane)) {
                if !self.is_closed(course, queue.party_in(lane), list.day) {
                    turns.begin(&queue, &self.seats, lane);
                }
            }
        }
        let mut moved = false;
        while let Some(turn) = turns.next() {
            let place = queue.place(turn);
            let day = self.list(&self.seats[place as usize]).map_or(NO_DAY, |list| list.day);
            if !self.may_go(place, day) || self.take_slot(place, day) == Slot::Full {
                if !self.is_closed(course, queue.party_in(turn.lane()), day) {
                    turns.stays(&queue, &self.seats, turn);
                }
                continue;
            }
            self.seal(place);
            moved = true;
            turns.goes(&mut queue, &self.seats, turn);
        }
        self.courses[course].queue = queue;
        moved
    }

    /// Whether nothing but caps is in the way of somebody who stands in a lane.
    fn may_go(&self, place: u32, day: i32) -> bool {
        let seat = &self.seats[place as usize];
        let course = self.course(usize::from(seat.course));
        let is_frozen = course.frozen.binary_search(&(self.member(seat.practice).desk, day)).is_ok();
        !is_frozen
            && has_come(seat.noticed_from, day.max(course.from_day))
            && !self.pauses[seat.practice as usize].iter().any(|pause| pause.in_force)
    }

    /// As [`crate::room::Room::take`]: daily caps first, then what is under way, keeping room for whoever stands first.
    fn take_slot(&mut self, place: u32, day: i32) -> Slot {
        let member = self.member(self.seats[place as usize].practice);
        let Some(today) = self.day_place(day) else { return Slot::Full };
        for scope in scopes_of(member) {
            let cap = self.compact.scopes[scope].daily;
            if !self.daily[today + scope].plus(member.load).within(cap) {
                return Slot::Full;
            }
        }
        for scope in scopes_of(member) {
            let cap = self.compact.scopes[scope].in_flight;
            if self.kept[scope] || !self.in_flight[scope].plus(member.load).within(cap) {
                self.kept[scope] = true;
                self.slot_is_awaited = true;
                return Slot::Full;
            }
        }
        for scope in scopes_of(member) {
            self.daily[today + scope] += member.load;
            self.in_flight[scope] += member.load;
        }
        Slot::Given
    }

    /// As [`crate::room::Room::is_used_up`].
    fn is_used_up(&mut self, day: i32) -> bool {
        let Some(today) = self.day_place(day) else { return true };
        let one = Load { practices: 1, patients: 0 };
        let is_full = |load: Load, cap: Cap| !load.plus(one).within(cap);
        let nation = &self.compact.scopes[0];
        let no_slot = self.kept[0] || is_full(self.in_flight[0], nation.in_flight);
        self.slot_is_awaited |= no_slot;
        no_slot || is_full(self.daily[today], nation.daily)
    }

    pub(super) fn day_place(&self, day: i32) -> Option<usize> {
        let day = usize::try_from(day).ok().filter(|day| *day < self.compact.days_count())?;
        Some(day * self.compact.scopes.len())
    }

    /// The day of the window that is open for a wave.
    pub(super) fn open_window(&self, course: usize) -> Option<i32> {
        let window = self.course(course).windows.get(self.courses[course].window)?;
        self.is_within(window.opens, window.closes).then_some(window.day)
    }

    /// A practice that was asked switches itself on in its time, or never. One that was asked before the forecast and has
    /// not is as likely to as one that is asked now.
    pub(super) fn invite(&mut self, place: u32) {
        let code = self.member(self.seats[place as usize].practice).code;
        if let Some(at) = self.scenario.self_enabled_at(code, moment(self.now)) {
            self.agenda.push(Reverse((at.as_microsecond(), Happening::SelfEnabled(place))));
        }
    }
}
