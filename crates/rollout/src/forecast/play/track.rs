//! A wave on its way: where it is, and how many of its practices are where.

use super::queue::Queue;
use super::{has_tries_left, is_under_way};
use crate::forecast::compact::{Compact, Course, Micros, Seat};
use crate::spec::Mode;
use crate::state::{EnrolmentState, WaveStage};

/// Where a wave is in a run.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) stage: WaveStage,
    pub(super) changed_at: Micros,
    pub(super) last_action_at: Option<Micros>,
    pub(super) passed: bool,
    pub(super) fix_at: Option<Micros>,
    pub(super) lapses_at: Option<Micros>,
    pub(super) evaluate_at: Option<Micros>,
    pub(super) verdict_at: Option<Micros>,
    /// The first window that has not closed.
    pub(super) window: usize,
    /// Who waits for their turn.
    pub(super) queue: Queue,
    pub(super) order_next: u32,
    /// Not sealed yet, and not by booked dates.
    pub(super) waiting_free: u32,
    /// Not sealed yet, by list.
    pub(super) waiting_listed: Vec<u32>,
    pub(super) unsealed: u32,
    pub(super) unsettled: u32,
    pub(super) invited: u32,
    /// Under way with a try left.
    pub(super) returnable: u32,
    pub(super) commanded: u32,
    pub(super) live: u32,
}

impl Track {
    pub(super) fn of(course: &Course, compact: &Compact) -> Self {
        Self {
            stage: course.stage,
            changed_at: course.changed_at,
            last_action_at: course.last_action_at,
            passed: course.passed,
            fix_at: course.fix_at,
            lapses_at: course.lapses_at,
            evaluate_at: course.evaluate_at,
            verdict_at: course.verdict_at,
            window: 0,
            queue: Queue::of(course, compact),
            order_next: 0,
            waiting_free: 0,
            waiting_listed: vec![0; course.lists.len()],
            unsealed: 0,
            unsettled: 0,
            invited: 0,
            returnable: 0,
            commanded: 0,
            live: 0,
        }
    }

    /// Counts a seat in, or out, by its state.
    pub(super) fn count(&mut self, course: &Course, compact: &Compact, seat: &Seat, is_in: bool) {
        let add = |figure: &mut u32| if is_in { *figure += 1 } else { *figure -= 1 };
        if seat.state.is_unsealed() {
            add(&mut self.unsealed);
            match self.waiting_listed.get_mut(usize::from(seat.list)) {
                _ if seat.mode != Mode::BookedDates => add(&mut self.waiting_free),
                Some(waiting) => add(waiting),
                None => {}
            }
        }
        if seat.state == EnrolmentState::Invited {
            add(&mut self.invited);
        }
        if is_under_way(seat.state) {
            add(&mut self.unsettled);
            let desk = compact.practices[seat.practice as usize].desk;
            if has_tries_left(course, desk, seat) {
                add(&mut self.returnable);
            }
        }
        if seat.commanded {
            add(&mut self.commanded);
            if matches!(seat.state, EnrolmentState::Confirmed | EnrolmentState::Verified) {
                add(&mut self.live);
            }
        }
    }
}
