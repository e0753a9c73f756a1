//! When a practice's turn comes: by the wave's fixed order under the daily caps, if whoever stands before it takes theirs.
//!
//! For whoever asks when a practice can go live at the earliest ([`crate::explain()`]). It goes through the windows to come
//! as the step would, with suppliers that do everything at once, so that caps on what is under way never bind; and it leaves
//! everybody else as they are: who has something in their way that time alone does not clear takes no turn.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::PracticeCode;

use crate::blocker::Blocker;
use crate::calendar::civil_date;
use crate::eligibility::{
    claim_times, earlier_in_the_way, enrolment_blockers, first_slot, next_window_for, open_now, practice_blockers,
    unfit,
};
use crate::id::HoldId;
use crate::room::Room;
use crate::spec::{CapSet, Mode};
use crate::state::{Enrolment, EnrolmentState, Load, Programme, State, Wave, WaveStage};
use crate::step::subject;
use crate::view::{PracticeFacts, RegistryView};

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) state: &'a State,
    pub(crate) view: &'a RegistryView,
    pub(crate) programme: &'a Programme,
    pub(crate) wave: &'a Wave,
    /// Who; pushed, and not sealed yet.
    pub(crate) practice: PracticeCode,
    /// From when on nothing but its turn is in its way.
    pub(crate) from: Timestamp,
    /// Holds that are lifted by then: whoever else they cover goes on as well.
    pub(crate) lifted: &'a BTreeSet<HoldId>,
    pub(crate) now: Timestamp,
}

/// Somebody who waits.
struct Waiting<'a> {
    facts: &'a PracticeFacts,
    ready_from: Timestamp,
}

/// Those who wait in a wave.
struct Queue<'a> {
    wave: &'a Wave,
    /// Its place in the plan.
    place: usize,
    /// When it opens, by its windows or by a supplier's list; long ago where it is open.
    opens_at: Timestamp,
    /// In the wave's order.
    waiting: BTreeMap<u32, Waiting<'a>>,
}

/// The moment at which its turn comes; none where it does not come in the wave's time.
pub(crate) fn turn(asked: Asked<'_>) -> Option<Timestamp> {
    let Asked { state, programme, wave, from, now, .. } = asked;
    let caps = programme.plan().map(|plan| &plan.spec.caps.daily);
    if caps.is_none_or(|caps| *caps == CapSet::default()) {
        return wave.enrolment(asked.practice).and_then(|one| next_window_for(state, wave, &one.supplier, from));
    }
    let mut room = Room::of(state, programme, civil_date(now));
    asked.take_lists(&mut room);
    let takes_turns = |one: &&Wave| one.id == wave.id || asked.may_open(one);
    let waves = programme.waves_in_order().filter(takes_turns);
    let mut queues: Vec<Queue<'_>> = waves.map(|one| asked.queue(one)).collect();
    let mut moments: BTreeSet<Timestamp> = queues.iter().flat_map(|queue| asked.openings(queue.wave)).collect();
    moments.insert(from.max(now));
    for at in moments {
        // Whoever is open takes turns before a wave that only opens at this moment, though it be earlier in the plan.
        queues.sort_by_key(|queue| (at <= queue.opens_at, queue.place));
        for queue in queues.iter_mut().filter(|queue| open_now(state, queue.wave, at).is_ok()) {
            let (mine, date) = (queue.wave.id == wave.id, civil_date(at));
            let mut served = Vec::new();
            for (order, waiting) in queue.waiting.iter().filter(|(_, waiting)| waiting.ready_from <= at) {
                let PracticeFacts { code, supplier, icb, list_size, .. } = waiting.facts;
                if supplier.as_ref().is_some_and(|one| queue.wave.rules.frozen(one, date).is_some()) {
                    continue;
                }
                let taken = supplier.as_ref().map(|one| room.take_of_day(one, *icb, Load::of(*list_size), date));
                if taken != Some(Ok(())) {
                    continue;
                }
                if mine && *code == asked.practice {
                    return Some(at);
                }
                served.push(*order);
            }
            for order in served {
                queue.waiting.remove(&order);
            }
        }
    }
    None
}

impl<'a> Asked<'a> {
    /// Whether practices of another wave take turns as well.
    fn may_open(&self, wave: &Wave) -> bool {
        let held =
            self.state.active_holds().any(|hold| hold.scope.covers_wave(&wave.id) && !self.lifted.contains(&hold.id));
        let goes_on = wave.stage == WaveStage::Open
            || (wave.stage.is_before_open() && earlier_in_the_way(self.programme, wave).is_none());
        goes_on && !held
    }

    fn openings(&self, wave: &Wave) -> Vec<Timestamp> {
        let first = wave.from.max(civil_date(self.now));
        let windows = wave.rules.windows_between(&self.state.calendar, first, wave.until);
        let open = windows.filter(|window| window.skipped.is_none() && self.now < window.closes);
        open.map(|window| window.opens.max(self.now)).collect()
    }

    /// Who waits to be pushed and takes their turn when it comes.
    fn queue(&self, wave: &'a Wave) -> Queue<'a> {
        let mut queue = BTreeMap::new();
        for enrolment in waiting(wave).filter(|one| one.mode == Mode::Push) {
            let Some(facts) = self.view.get(enrolment.practice) else { continue };
            let asked_about = wave.id == self.wave.id && enrolment.practice == self.practice;
            let ready_from = if asked_about { Some(self.from) } else { self.ready_from(wave, enrolment, facts) };
            if let Some(ready_from) = ready_from {
                queue.insert(enrolment.order, Waiting { facts, ready_from });
            }
        }
        let place = self.programme.waves_in_order().take_while(|one| one.id != wave.id).count();
        let opens_at = match wave.stage {
            WaveStage::Open => Timestamp::MIN,
            _ => first_slot(self.state, wave, self.now).unwrap_or(Timestamp::MAX),
        };
        Queue { wave, place, opens_at, waiting: queue }
    }

    /// From when on somebody else has nothing in their way; none where that takes more than time.
    fn ready_from(&self, wave: &Wave, enrolment: &Enrolment, facts: &PracticeFacts) -> Option<Timestamp> {
        let Self { state, programme, now, .. } = *self;
        if unfit(state, programme, wave, enrolment, Some(facts)).is_some() {
            return None;
        }
        let mut blockers = practice_blockers(state, programme, wave, enrolment, facts, now);
        blockers.extend(enrolment_blockers(state, programme, wave, enrolment, subject(wave, enrolment, facts), now));
        let mut ready_from = now;
        for blocker in blockers {
            match &blocker {
                Blocker::Held { hold, .. } if self.lifted.contains(hold) => {}
                blocker => ready_from = ready_from.max(blocker.earliest_at()?),
            }
        }
        Some(ready_from)
    }

    /// Lists that suppliers are yet to take count on their dates.
    fn take_lists(&self, room: &mut Room<'_>) {
        for wave in self.programme.waves_in_order().filter(|wave| self.may_open(wave)) {
            for enrolment in waiting(wave).filter(|one| one.mode == Mode::BookedDates) {
                let Some(facts) = self.view.get(enrolment.practice) else { continue };
                let ready_from = self.ready_from(wave, enrolment, facts);
                if let Some((_, closes, date)) = claim_times(wave, enrolment)
                    && ready_from.is_some_and(|from| from < closes)
                {
                    // One that does not fit any more takes no room.
                    let load = Load::of(facts.list_size);
                    let _ = room.take_of_day(&enrolment.supplier, enrolment.icb, load, date);
                }
            }
        }
    }
}

fn waiting(wave: &Wave) -> impl Iterator<Item = &Enrolment> {
    let states = [EnrolmentState::Candidate, EnrolmentState::Notified, EnrolmentState::Enrolled];
    states.into_iter().flat_map(|state| wave.in_state(state))
}
