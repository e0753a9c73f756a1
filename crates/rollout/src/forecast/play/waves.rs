//! A wave moves on: members are settled, it opens, drains, soaks, is judged; and who leaves it by the way.

use std::cmp::Reverse;

use super::{Happening, Play, has_come, is_open};
use crate::forecast::compact::{End, Judged, Micros, NEVER, NO_DAY, NOWHERE, Pause, Seat, micros};
use crate::spec::Mode;
use crate::state::{EnrolmentState, Verdict, WaveStage};

impl Play<'_> {
    /// As the step does for one wave; says whether anything moved.
    pub(super) fn wave(&mut self, course: usize, look: bool) -> bool {
        if self.courses[course].stage.has_ended() {
            return false;
        }
        let lapsed = self.lapse(course);
        let moved = match self.courses[course].stage {
            WaveStage::Planned => self.enter(course, WaveStage::Notice),
            WaveStage::Notice => self.courses[course].fix_at.is_some_and(|at| at <= self.now) && self.fix(course),
            WaveStage::Fixed => self.fixed(course),
            WaveStage::Open => self.open(course, look),
            WaveStage::Draining => self.drained_at(course) <= self.now && self.soak(course),
            WaveStage::Soaking => self.evaluate(course),
            _ => false,
        };
        lapsed | moved
    }

    /// When a wave is to be looked at next, by what has no moment in the calendar.
    pub(super) fn wakes_at(&self, course: usize) -> Option<Micros> {
        let track = &self.courses[course];
        let at = match track.stage {
            WaveStage::Notice => track.fix_at,
            WaveStage::Open => Some(self.stragglers_until(course)),
            WaveStage::Draining => Some(self.drained_at(course)),
            WaveStage::Soaking => track.evaluate_at,
            _ => None,
        };
        let lapses_at = track.lapses_at.filter(|_| !track.stage.has_ended());
        [at, lapses_at].into_iter().flatten().filter(|at| self.now < *at).min()
    }

    fn enter(&mut self, course: usize, stage: WaveStage) -> bool {
        let track = &mut self.courses[course];
        (track.stage, track.changed_at) = (stage, self.now);
        self.look = true;
        self.all_doubtful = true;
        true
    }

    /// Those who were asked and did nothing by the last day.
    fn lapse(&mut self, course: usize) -> bool {
        if self.courses[course].lapses_at.is_none_or(|at| self.now < at) {
            return false;
        }
        self.courses[course].lapses_at = None;
        let invited = self.seats_in(course, EnrolmentState::Invited);
        for place in &invited {
            self.move_to(*place, EnrolmentState::Lapsed);
            self.courses[course].last_action_at = Some(self.now);
        }
        true
    }

    fn seats_in(&self, course: usize, state: EnrolmentState) -> Vec<u32> {
        let seats = (0..).zip(&self.seats);
        let here = seats.filter(|(_, seat)| usize::from(seat.course) == course && seat.state == state);
        here.map(|(place, _)| place).collect()
    }

    /// As `decide::wave::fix`: who cannot stay, or cannot have had notice by the last day, is set aside.
    fn fix(&mut self, course: usize) -> bool {
        self.courses[course].fix_at = None;
        let until_day = self.course(course).until_day;
        let mut aside = Vec::new();
        let mut queue = Vec::new();
        let mut candidates = self.seats_in(course, EnrolmentState::Candidate);
        candidates.extend(self.seats_in(course, EnrolmentState::Notified));
        for place in candidates {
            if self.is_unfit(place) {
                aside.push(place);
            } else if has_come(self.seats[place as usize].noticed_from, until_day) {
                self.move_to(place, EnrolmentState::Enrolled);
                queue.push(place);
            } else {
                self.move_to(place, EnrolmentState::Deferred);
            }
        }
        queue.sort_by_key(|place| self.seats[*place as usize].order);
        queue.into_iter().for_each(|place| self.queue_up(place));
        self.put_aside(&aside);
        // A practice that objected to another wave at this moment may have joined meanwhile.
        self.enter(course, WaveStage::Fixed)
    }

    fn fixed(&mut self, course: usize) -> bool {
        self.pass_windows(course);
        if !self.has_time_left(course) {
            self.leave_over(course);
            return self.enter(course, WaveStage::Cancelled);
        }
        let clear = !self.is_held(course) && !self.is_behind(course);
        if !clear || self.first_slot(course) != self.now {
            return false;
        }
        self.end_deferring_pauses(course);
        self.enter(course, WaveStage::Open)
    }

    fn open(&mut self, course: usize, look: bool) -> bool {
        self.pass_windows(course);
        if self.admissions_are_over(course) {
            self.leave_over(course);
            self.courses[course].lapses_at = None;
            return self.enter(course, WaveStage::Draining);
        }
        look && !self.is_held(course) && self.admissions(course)
    }

    fn soak(&mut self, course: usize) -> bool {
        let track = &self.courses[course];
        let last = track.last_action_at.unwrap_or(track.changed_at);
        let due = last.saturating_add(self.course(course).soak).max(self.now);
        self.courses[course].evaluate_at = Some(due);
        self.enter(course, WaveStage::Soaking)
    }

    /// As `decide::gate::evaluate`, on evidence that is always complete. What statistics and hooks will say is not foreseen: they
    /// are taken to answer at once, and well. What does not pass halts the programme until people have decided.
    fn evaluate(&mut self, course: usize) -> bool {
        if self.courses[course].evaluate_at.is_none_or(|at| self.now < at) {
            return false;
        }
        let rules = self.course(course);
        let track = &mut self.courses[course];
        track.evaluate_at = None;
        let verdict = rules.live_terms.verdict(track.live, track.commanded);
        let passed = verdict == Verdict::Pass && !rules.fails_by_concerns;
        if passed || rules.is_waived {
            track.passed = true;
            return self.enter(course, WaveStage::Closed);
        }
        let at = self.now.saturating_add(micros(self.scenario.halts_take()));
        track.verdict_at = Some(at);
        self.halts_count += 1;
        if let Ok(course) = u16::try_from(course) {
            self.agenda.push(Reverse((at, Happening::Verdict(course))));
        }
        self.enter(course, WaveStage::Gate)
    }

    pub(super) fn is_held(&self, course: usize) -> bool {
        self.halts_count > 0 || self.now < self.course(course).held_until
    }

    /// As [`crate::eligibility::earlier_in_the_way`].
    fn is_behind(&self, course: usize) -> bool {
        let after = &self.course(course).after;
        let listed = (0..course).filter(|earlier| self.course(*earlier).is_listed);
        let mut earlier = listed.map(|earlier| (u16::try_from(earlier).unwrap_or(NOWHERE), earlier));
        earlier.any(|(name, earlier)| {
            self.course(earlier).failed || (after.contains(&name) && !self.courses[earlier].passed)
        })
    }

    fn pass_windows(&mut self, course: usize) {
        let windows = &self.course(course).windows;
        let track = &mut self.courses[course];
        while windows.get(track.window).is_some_and(|window| window.closes <= self.now) {
            track.window += 1;
        }
    }

    /// When the next window opens, or now if one is open.
    fn next_window(&self, course: usize) -> Option<Micros> {
        let window = self.course(course).windows.get(self.courses[course].window)?;
        Some(window.opens.max(self.now))
    }

    fn first_slot(&self, course: usize) -> Micros {
        let rules = self.course(course);
        let track = &self.courses[course];
        let pushed = track.waiting_free > 0 || rules.booked_until.is_none();
        let window = self.next_window(course).filter(|_| pushed);
        let list = rules.lists.iter().filter(|list| self.now < list.closes).map(|list| list.opens.max(self.now)).min();
        [window, list].into_iter().flatten().min().unwrap_or(NEVER)
    }

    fn has_time_left(&self, course: usize) -> bool {
        let track = &self.courses[course];
        let mut lists = self.course(course).lists.iter().zip(&track.waiting_listed);
        (track.waiting_free > 0 && self.next_window(course).is_some())
            || lists.any(|(list, waiting)| *waiting > 0 && self.now < list.closes)
    }

    fn admissions_are_over(&self, course: usize) -> bool {
        let track = &self.courses[course];
        if track.invited > 0 || (track.unsealed > 0 && self.has_time_left(course)) {
            return false;
        }
        let waits = self.now < self.stragglers_until(course) && self.next_window(course).is_some();
        !(track.returnable > 0 && waits)
    }

    fn stragglers_until(&self, course: usize) -> Micros {
        let track = &self.courses[course];
        track.last_action_at.unwrap_or(track.changed_at).saturating_add(self.course(course).timeout)
    }

    fn drained_at(&self, course: usize) -> Micros {
        let (track, rules) = (&self.courses[course], self.course(course));
        if track.unsettled == 0 {
            return track.changed_at;
        }
        let booked = rules.booked_until.map_or(Micros::MIN, |until| until.saturating_add(rules.timeout));
        self.stragglers_until(course).max(booked).max(track.changed_at)
    }

    /// Those whose turn never came wait for the next version of the plan, which a forecast does not foresee.
    fn leave_over(&mut self, course: usize) {
        for place in self.seats_in(course, EnrolmentState::Enrolled) {
            self.leave_queue(place);
            self.move_to(place, EnrolmentState::Deferred);
        }
    }

    /// Pauses that were found in time and defer to this wave end as it opens.
    fn end_deferring_pauses(&mut self, course: usize) {
        for practice in &self.wary {
            for pause in &mut self.pauses[*practice as usize] {
                if let Some(Judged::InTime { to, is_over }) = &mut pause.judged
                    && usize::from(*to) == course
                    && !*is_over
                {
                    *is_over = true;
                    pause.in_force = false;
                }
            }
        }
    }

    /// As [`crate::eligibility::unfit`].
    pub(super) fn is_unfit(&self, place: u32) -> bool {
        let seat = &self.seats[place as usize];
        self.cannot_stay(seat) || self.pauses[seat.practice as usize].iter().any(|pause| self.counts(seat, pause))
    }

    /// Whether it is gone, or on already: that lies with no pause.
    pub(super) fn cannot_stay(&self, seat: &Seat) -> bool {
        seat.is_unfit || (self.on[seat.practice as usize] && seat.state != EnrolmentState::Invited)
    }

    /// Whether a pause counts against a wave: in force, and not over by the wave's opening.
    fn counts(&self, seat: &Seat, pause: &Pause) -> bool {
        let course = usize::from(seat.course);
        let is_before_open = self.courses[course].stage.is_before_open();
        let from_day = self.course(course).from_day;
        let (defers_here, is_over) = match pause.judged {
            Some(Judged::InTime { to, is_over }) => (to == seat.course, is_over),
            Some(Judged::Late) | None => (false, false),
        };
        let ends_in_time = is_before_open
            && match pause.end {
                End::Until { day, .. } => day != NO_DAY && day <= from_day,
                End::ProgrammeDefault => defers_here,
                End::FurtherNotice => false,
            };
        pause.in_force && !(defers_here && is_over) && !ends_in_time
    }

    /// As `decide::wave::put_aside`: who objected in time, and has no other pause, joins the later wave.
    pub(super) fn put_aside(&mut self, places: &[u32]) -> bool {
        let mut joining = Vec::new();
        for place in places {
            let seat = self.seats[*place as usize].clone();
            self.leave_queue(*place);
            let objected = !self.cannot_stay(&seat) && self.judge(&seat);
            self.move_to(*place, if objected { EnrolmentState::Deferred } else { EnrolmentState::Withdrawn });
            if objected {
                joining.push(*place);
            }
        }
        joining.sort_by_key(|place| self.seats[*place as usize].practice);
        for place in joining {
            self.join(place);
        }
        !places.is_empty()
    }

    /// Judges the pauses that count against a seat; says whether all of them came in time.
    fn judge(&mut self, seat: &Seat) -> bool {
        let objections = self.course(usize::from(seat.course)).objections;
        let practice = seat.practice as usize;
        let mut pauses = std::mem::take(&mut self.pauses[practice]);
        let mut objected = objections.is_some();
        for pause in &mut pauses {
            if !self.counts(seat, pause) {
                continue;
            }
            let Some((end, to)) = objections.filter(|_| pause.end == End::ProgrammeDefault) else {
                objected = false;
                continue;
            };
            if end < pause.recorded_at || pause.judged == Some(Judged::Late) {
                pause.judged = Some(Judged::Late);
                objected = false;
            } else {
                pause.judged.get_or_insert(Judged::InTime { to, is_over: false });
            }
        }
        self.pauses[practice] = pauses;
        objected
    }

    /// A deferred practice joins the later wave, unless that wave's members are settled.
    fn join(&mut self, place: u32) {
        let seat = &self.seats[place as usize];
        let Some((_, to)) = self.course(usize::from(seat.course)).objections else { return };
        let later = usize::from(to);
        if !matches!(self.courses[later].stage, WaveStage::Planned | WaveStage::Notice) {
            return;
        }
        let desk = usize::from(self.member(seat.practice).desk);
        let (mode, list) = self.course(later).joining.get(desk).copied().unwrap_or((Mode::Push, NOWHERE));
        let joined = Seat {
            course: to,
            order: self.courses[later].order_next,
            mode,
            list: if mode == Mode::BookedDates { list } else { NOWHERE },
            state: EnrolmentState::Candidate,
            refusals: 0,
            commanded: false,
            noticed_from: seat.noticed_later,
            noticed_later: NO_DAY,
            ..seat.clone()
        };
        self.courses[later].order_next += 1;
        let rules = self.course(later);
        self.courses[later].count(rules, self.compact, &joined, true);
        if is_open(joined.state) {
            self.current[joined.practice as usize] = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        }
        self.seats.push(joined);
    }
}
