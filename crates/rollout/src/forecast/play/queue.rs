//! Who waits in a wave for their turn: in lanes, so that whoever cannot go now is passed over together.
//!
//! A wave has a turn for each practice, in the wave's order, and looks at all of them again whenever anything changed. On a
//! nation's ordinary day the caps are used up by eight in the morning, and thousands wait for whom nothing can change
//! before tomorrow. Practices of one supplier and one ICB share every cap: they stand in a lane of their own, and a lane
//! whose caps have no room for the smallest of them is passed over whole. Who is not ready, held or told to come
//! back later stands in no lane until then.
//!
//! The order is the wave's all the same: turns are taken of the lanes' first ones, whoever of them stands first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::Play;
use crate::forecast::compact::{Compact, Course, NEVER, NOWHERE, Seat};
use crate::spec::Mode;
use crate::state::{EnrolmentState, Load};

/// The lanes of a wave.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    /// By kind, then by party; last those of whom the registry says that they cannot stay.
    lanes: Vec<Vec<u32>>,
    parties_count: usize,
}

/// How a wave's practices are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Push,
    SelfService,
    /// By the list of that number.
    Listed(u16),
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    order: u32,
    lane: u32,
    at: u32,
}

/// The turns of one pass, the wave's first ones first.
#[derive(Debug, Default)]
pub(super) struct Turns(BinaryHeap<Reverse<Turn>>);

impl Kind {
    /// None by booked dates without a list: their turn never comes.
    fn of(seat: &Seat) -> Option<Self> {
        match seat.mode {
            Mode::Push => Some(Self::Push),
            Mode::SelfService => Some(Self::SelfService),
            Mode::BookedDates => (seat.list != NOWHERE).then_some(Self::Listed(seat.list)),
        }
    }

    fn number(self) -> usize {
        match self {
            Self::Push => 0,
            Self::SelfService => 1,
            Self::Listed(list) => 2 + usize::from(list),
        }
    }
}

impl Queue {
    pub(super) fn of(course: &Course, compact: &Compact) -> Self {
        let parties_count = compact.parties.len();
        let kinds_count = Kind::Listed(0).number() + course.lists.len();
        Self { lanes: vec![Vec::new(); kinds_count * parties_count + 1], parties_count }
    }

    pub(super) fn lanes_of(&self, kind: Kind) -> Range<usize> {
        let first = kind.number() * self.parties_count;
        first..first + self.parties_count
    }

    /// The lane of those who cannot stay.
    pub(super) fn unfit_lane(&self) -> usize {
        self.lanes.len() - 1
    }

    /// The party that stands in a lane of practices.
    pub(super) fn party_in(&self, lane: usize) -> usize {
        lane % self.parties_count
    }

    pub(super) fn place(&self, turn: Turn) -> u32 {
        self.lanes[turn.lane as usize][turn.at as usize]
    }

    pub(super) fn is_empty(&self, lane: usize) -> bool {
        self.lanes[lane].is_empty()
    }

    fn insert(&mut self, lane: usize, place: u32, seats: &[Seat]) {
        if let Err(at) = self.find(lane, place, seats) {
            self.lanes[lane].insert(at, place);
        }
    }

    fn remove(&mut self, lane: usize, place: u32, seats: &[Seat]) {
        if let Ok(at) = self.find(lane, place, seats) {
            self.lanes[lane].remove(at);
        }
    }

    /// Where it stands, or would. Two seats of a wave never have the same order.
    fn find(&self, lane: usize, place: u32, seats: &[Seat]) -> Result<usize, usize> {
        let order = seats[place as usize].order;
        self.lanes[lane].binary_search_by_key(&order, |other| seats[*other as usize].order)
    }
}

impl Turn {
    /// The lane in which it is.
    pub(super) fn lane(self) -> usize {
        self.lane as usize
    }
}

impl Turns {
    pub(super) fn begin(&mut self, queue: &Queue, seats: &[Seat], lane: usize) {
        self.push(queue, seats, u32::try_from(lane).unwrap_or(u32::MAX), 0);
    }

    pub(super) fn next(&mut self) -> Option<Turn> {
        self.0.pop().map(|Reverse(turn)| turn)
    }

    /// Goes on in the lane behind one that stays.
    pub(super) fn stays(&mut self, queue: &Queue, seats: &[Seat], turn: Turn) {
        self.push(queue, seats, turn.lane, turn.at + 1);
    }

    /// Takes one out whose turn it was, and goes on in the lane.
    pub(super) fn goes(&mut self, queue: &mut Queue, seats: &[Seat], turn: Turn) {
        queue.lanes[turn.lane()].remove(turn.at as usize);
        self.push(queue, seats, turn.lane, turn.at);
    }

    fn push(&mut self, queue: &Queue, seats: &[Seat], lane: u32, at: u32) {
        if let Some(place) = queue.lanes[lane as usize].get(at as usize) {
            self.0.push(Reverse(Turn { order: seats[*place as usize].order, lane, at }));
        }
    }
}

impl Play<'_> {
    /// Puts a seat into its wave's queue, or has it come once it may.
    pub(super) fn queue_up(&mut self, place: u32) {
        let seat = &self.seats[place as usize];
        let from = seat.held_until.max(seat.not_before);
        let (course, practice) = (usize::from(seat.course), seat.practice as usize);
        let Some(lane) = self.lane_of(place) else { return };
        let queue = &mut self.courses[course].queue;
        if lane == queue.unfit_lane() || (from <= self.now && self.ready[practice] && !seat.is_stuck) {
            queue.insert(lane, place, &self.seats);
        } else if self.now < from && from < NEVER {
            self.comes_at(place, from);
        }
    }

    /// Drops whoever left a queue by another way.
    pub(super) fn leave_queue(&mut self, place: u32) {
        if let Some(lane) = self.lane_of(place) {
            let course = usize::from(self.seats[place as usize].course);
            self.courses[course].queue.remove(lane, place, &self.seats);
        }
    }

    /// Puts a practice into the queue of the wave that it waits in, if it does.
    pub(super) fn queue_up_practice(&mut self, practice: u32) {
        let place = self.current[practice as usize];
        if self.seats.get(place as usize).is_some_and(|seat| seat.state == EnrolmentState::Enrolled) {
            self.queue_up(place);
        }
    }

    fn lane_of(&self, place: u32) -> Option<usize> {
        let seat = &self.seats[place as usize];
        let queue = &self.courses[usize::from(seat.course)].queue;
        if self.cannot_stay(seat) {
            return Some(queue.unfit_lane());
        }
        let party = usize::from(self.member(seat.practice).party);
        Kind::of(seat).map(|kind| queue.lanes_of(kind).start + party)
    }

    /// Whether nobody in a lane can have a slot on a day, however small: then whoever stands in it would find its caps full,
    /// and keep no room that is not kept already.
    pub(super) fn is_closed(&self, course: usize, party: usize, day: i32) -> bool {
        let party = &self.compact.parties[party];
        if self.course(course).frozen.binary_search(&(party.desk, day)).is_ok() {
            return true;
        }
        let Some(today) = self.day_place(day) else { return true };
        let scopes = || party.scopes.into_iter().filter(|scope| *scope != NOWHERE).map(usize::from);
        let fits = |load: Load, more, cap| load.plus(more).within(cap);
        if scopes().any(|scope| !fits(self.daily[today + scope], party.least, self.compact.scopes[scope].daily)) {
            return true;
        }
        for scope in scopes() {
            if self.kept[scope] {
                return true;
            }
            // Somebody may not fit here, and have room kept that is not yet.
            if !fits(self.in_flight[scope], party.most, self.compact.scopes[scope].in_flight) {
                return false;
            }
        }
        false
    }
}
