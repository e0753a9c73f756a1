//! Makes a programme compact: works out once all that does not change within a run, which windows open, how far each
//! notice reaches, until when each hold stands.

mod course;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use super::{Begun, Compact, End, Judged, Member, Micros, NEVER, NO_DAY, NOWHERE, Party, Pause, Scope, Seat, Source};
use crate::calendar::{civil_date, day_bounds};
use crate::eligibility::{gone, is_named_since, is_on, is_taken_back};
use crate::forecast::limits::{CapOf, Limit};
use crate::forecast::scenario::FateAnswer;
use crate::id::{Target, WaveId};
use crate::readiness::unready;
use crate::spec::{Cap, CapSet};
use crate::state::{CapScope, Enrolment, EnrolmentState, Hold, Load, PauseRef, Ruling, Wave};
use crate::step::subject;
use crate::view::{Observed, PauseEnd, PracticeFacts};

/// So long after the last wave's last day nothing of the plan is under way any more.
const AFTERMATH_DAYS: i32 = 60;

pub(super) struct Builder<'a> {
    source: Source<'a>,
    without: Option<&'a Limit>,
    first_day: Date,
    courses_by_id: BTreeMap<WaveId, u16>,
    practices_by_code: BTreeMap<PracticeCode, u32>,
    scopes_by_name: BTreeMap<CapScope, u16>,
    parties_by_scopes: BTreeMap<[u16; 3], u16>,
    /// By working days of notice: from which day on somebody may go who is told today.
    told_today: BTreeMap<u16, Option<Date>>,
    compact: Compact,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: Source<'a>, without: Option<&'a Limit>) -> Self {
        let first_day = civil_date(source.now);
        let compact = Compact {
            now: source.now.as_microsecond(),
            first_day,
            day_starts: Vec::new(),
            practices: Vec::new(),
            seats: Vec::new(),
            courses: Vec::new(),
            scopes: Vec::new(),
            daily: Vec::new(),
            in_flight: Vec::new(),
            parties: Vec::new(),
            looks: Vec::new(),
            desks_count: source.model.suppliers.len(),
        };
        Self {
            source,
            without,
            first_day,
            courses_by_id: BTreeMap::new(),
            practices_by_code: BTreeMap::new(),
            scopes_by_name: BTreeMap::new(),
            parties_by_scopes: BTreeMap::new(),
            told_today: BTreeMap::new(),
            compact,
        }
    }

    pub(super) fn compact(mut self) -> Compact {
        let programme = self.source.programme;
        let listed: Vec<&Wave> = programme.waves_in_order().collect();
        let others = programme.waves.values().filter(|wave| listed.iter().all(|one| one.id != wave.id));
        let waves: Vec<&Wave> = listed.iter().copied().chain(others).collect();
        for (number, wave) in (0..).zip(&waves) {
            self.courses_by_id.insert(wave.id.wave, number);
            let working_days = wave.rules.notice_working_days;
            let told_today = self.source.state.calendar.working_days_after(self.first_day, working_days).ok();
            self.told_today.insert(working_days, told_today);
        }
        self.number_scope(&CapScope::National);
        self.practices();
        for (number, wave) in waves.iter().enumerate() {
            let course = self.course(wave, number < listed.len());
            self.compact.courses.push(course);
        }
        for (number, wave) in (0..).zip(&waves) {
            if !wave.stage.has_ended() && !is_taken_back(wave) {
                self.seats(number, wave);
            }
        }
        self.days();
        self.loads();
        self.looks();
        self.compact
    }

    fn lifts(&self, limit: &Limit) -> bool {
        self.without == Some(limit)
    }

    fn day(&self, date: Date) -> i32 {
        self.first_day.until(date).map_or(NO_DAY, |span| span.get_days())
    }

    fn number_scope(&mut self, scope: &CapScope) -> u16 {
        let next = u16::try_from(self.compact.scopes.len()).unwrap_or(NOWHERE);
        let number = *self.scopes_by_name.entry(scope.clone()).or_insert(next);
        if number == next {
            let caps = self.source.programme.plan().map(|plan| &plan.spec.caps);
            let of = |set: Option<&CapSet>, lifted| {
                if lifted { Cap::default() } else { set.map(|set| set.of(scope)).unwrap_or_default() }
            };
            let daily = of(caps.map(|caps| &caps.daily), self.lifts(&Limit::DailyCap(CapOf::of(scope))));
            let in_flight = of(caps.map(|caps| &caps.in_flight), self.lifts(&Limit::InFlightCap(CapOf::of(scope))));
            self.compact.scopes.push(Scope { daily, in_flight });
            self.compact.in_flight.push(Load::default());
        }
        number
    }

    /// The party of a practice, which is one of its members from now on.
    fn number_party(&mut self, scopes: [u16; 3], desk: u16, load: Load) -> u16 {
        let parties = &mut self.compact.parties;
        let next = u16::try_from(parties.len()).unwrap_or(NOWHERE);
        let number = *self.parties_by_scopes.entry(scopes).or_insert(next);
        if number == next {
            parties.push(Party { scopes, desk, least: load, most: load });
        }
        let party = &mut parties[usize::from(number)];
        party.least.patients = party.least.patients.min(load.patients);
        party.most.patients = party.most.patients.max(load.patients);
        number
    }

    fn desk(&self, supplier: &Supplier) -> u16 {
        let place = self.source.model.suppliers.keys().position(|known| known == supplier);
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(NOWHERE)
    }

    fn practices(&mut self) {
        let programme = self.source.programme;
        let mut codes: Vec<PracticeCode> = programme.current_wave.keys().copied().collect();
        for (reason, practices) in programme.plan().into_iter().flat_map(|plan| &plan.unplaced) {
            if *reason == crate::plan::Unplaced::AlreadyOn {
                codes.extend(practices);
            }
        }
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let Some(facts) = self.source.view.get(code) else { continue };
            let member = self.member(facts);
            let number = u32::try_from(self.compact.practices.len()).unwrap_or(u32::MAX);
            self.practices_by_code.insert(code, number);
            self.compact.practices.push(member);
        }
    }

    fn member(&mut self, facts: &PracticeFacts) -> Member {
        let programme = self.source.programme;
        let supplier = facts.supplier.clone().map_or(NOWHERE, |one| self.number_scope(&CapScope::Supplier(one)));
        let icb = facts.icb.map_or(NOWHERE, |icb| self.number_scope(&CapScope::Icb(icb)));
        let target = Target { practice: facts.code, capability: programme.capability.clone() };
        let just_applied = self.source.state.access(&target).is_some_and(|access| access.applied.is_some());
        let ordered_off = self.source.state.ordered_off.contains_key(&target);
        let observed = facts.observed(&programme.capability);
        let counted = facts.pauses.iter().filter(|pause| pause.in_force && pause.covers(&programme.capability));
        let scopes = [0, supplier, icb];
        let load = Load::of(facts.list_size);
        let desk = facts.supplier.as_ref().map_or(NOWHERE, |one| self.desk(one));
        Member {
            party: self.number_party(scopes, desk, load),
            code: facts.code,
            supplier: facts.supplier.clone(),
            icb: facts.icb,
            load,
            scopes,
            desk,
            // A confirmation that the registry has not been told of yet is one all the same.
            is_on: !ordered_off && (observed == Observed::On || (just_applied && observed == Observed::Unknown)),
            is_ready: self.lifts(&Limit::Readiness) || unready(Some(programme), facts, self.source.now).is_empty(),
            pauses: counted.map(|pause| self.pause(facts.code, pause)).collect(),
        }
    }

    fn pause(&self, practice: PracticeCode, pause: &crate::view::PauseFacts) -> Pause {
        let judged = self.source.state.judgements.get(&PauseRef { practice, number: pause.number });
        let judged = judged.map(|judgement| match &judgement.ruling {
            Ruling::Late => Judged::Late,
            Ruling::InTime { deferred_to, until } => {
                let here = judgement.wave.programme == self.source.programme.id;
                let to = self.courses_by_id.get(deferred_to).copied().filter(|_| here).unwrap_or(NOWHERE);
                Judged::InTime { to, is_over: until.is_some() }
            }
        });
        let end = match pause.end {
            PauseEnd::Until(at) => End::Until { at: at.as_microsecond(), day: self.day(civil_date(at)) },
            PauseEnd::FurtherNotice => End::FurtherNotice,
            PauseEnd::ProgrammeDefault => End::ProgrammeDefault,
        };
        Pause { recorded_at: pause.recorded_at.as_microsecond(), end, in_force: true, judged }
    }

    /// Until when one of those holds stands: up to the day on which it is to be looked at again, when it is taken to be
    /// lifted; a halt until people have decided; without either for ever.
    fn held_until(&self, covers: impl Fn(&Hold) -> bool) -> Micros {
        if self.lifts(&Limit::Holds) {
            return Micros::MIN;
        }
        let holds = self.source.state.active_holds().filter(|hold| covers(hold));
        let ends = holds.map(|hold| match hold.review_on {
            _ if hold.is_halt() => self.people_decide_at(),
            Some(date) => day_bounds(date).0.as_microsecond(),
            None => NEVER,
        });
        ends.max().unwrap_or(Micros::MIN)
    }

    fn seats(&mut self, course: u16, wave: &Wave) {
        let later = self.compact.courses[usize::from(course)].objections.map(|(_, to)| to);
        let later = later.and_then(|to| self.source.programme.waves.get(&self.compact.courses[usize::from(to)].id));
        let mut seats = Vec::new();
        for enrolment in wave.enrolments() {
            let facts = self.source.view.get(enrolment.practice);
            if let Some((practice, facts)) = self.practices_by_code.get(&enrolment.practice).copied().zip(facts) {
                seats.push(self.seat(course, practice, wave, enrolment, facts, later));
            }
        }
        seats.sort_by_key(|seat| seat.order);
        self.compact.seats.extend(seats);
    }

    fn seat(
        &self,
        course: u16,
        practice: u32,
        wave: &Wave,
        enrolment: &Enrolment,
        facts: &PracticeFacts,
        later: Option<&Wave>,
    ) -> Seat {
        let (state, programme) = (self.source.state, self.source.programme);
        let target = Target { practice: enrolment.practice, capability: programme.capability.clone() };
        let open = state.open_activation(&target);
        let here = open.filter(|one| one.wave() == Some(&wave.id));
        let lists = &self.compact.courses[usize::from(course)].lists;
        let booked_day = enrolment.planned_on.map_or(NO_DAY, |date| self.day(date));
        let desk = self.desk(&enrolment.supplier);
        let list = lists.iter().position(|list| list.desk == desk && list.day == booked_day);
        let access = facts.access(&programme.capability);
        let asked_off = access.is_some_and(|access| access.switch_off_requested);
        let stays_off = enrolment.stage.state() != EnrolmentState::Invited && is_on(programme, facts);
        let moved = facts.supplier.as_ref() != Some(&enrolment.supplier);
        let access_given = state.access(&target);
        let drifted = access_given.is_some_and(|access| access.applied.is_some());
        let reverted = access_given.and_then(|access| access.reverted.as_ref());
        let stays_reverted = reverted.is_some_and(|one| !is_named_since(programme, enrolment.practice, one));
        let subject = subject(wave, enrolment, facts);
        Seat {
            practice,
            course,
            order: enrolment.order,
            mode: enrolment.mode,
            list: list.and_then(|list| u16::try_from(list).ok()).unwrap_or(NOWHERE),
            state: standing(enrolment, self.compact.practices[practice as usize].is_on),
            refusals: enrolment.refusals,
            commanded: enrolment.commanded,
            not_before: enrolment.not_before.map_or(Micros::MIN, Timestamp::as_microsecond),
            noticed_from: self.noticed_from(wave, wave, enrolment),
            noticed_later: later.map_or(NO_DAY, |later| self.noticed_from(later, wave, enrolment)),
            held_until: self.held_until(|hold| !hold.scope.covers_wave(&wave.id) && hold.scope.covers(&subject)),
            is_unfit: gone(facts).is_some() || asked_off || stays_off || moved,
            is_stuck: facts.is_disputed(&programme.capability)
                || drifted
                || stays_reverted
                || open.is_some() && here.is_none(),
            is_reversed: here.is_some_and(|one| facts.pauses.iter().any(|pause| pause.pending_on.contains(&one.key))),
            done_at: NEVER,
            settles_at: NEVER,
            answer: FateAnswer::Applied,
            begun: here.and_then(|one| {
                Some(Begun {
                    sealed_at: one.sealed_at?.as_microsecond(),
                    due_at: one.due_at.as_microsecond(),
                    attempts: one.attempts,
                })
            }),
        }
    }

    /// The first day on which a practice of `own` has its notice for `wave`: by what was delivered, or else by a notice
    /// of `own` that is taken to be delivered today, while that wave still gives notice.
    fn noticed_from(&self, wave: &Wave, own: &Wave, enrolment: &Enrolment) -> i32 {
        let (calendar, programme) = (&self.source.state.calendar, self.source.programme);
        let working_days = wave.rules.notice_working_days;
        if working_days == 0 || self.lifts(&Limit::Notice) {
            return i32::MIN;
        }
        let delivered = programme.noticed_from(calendar, enrolment.practice, working_days);
        let owed = enrolment.stage.state() == EnrolmentState::Candidate;
        let today = self.told_today.get(&working_days).copied().flatten().filter(|_| owed);
        let first = delivered.into_iter().chain(today.map(|day| day.max(own.from))).min();
        first.map_or(NO_DAY, |date| self.day(date))
    }

    fn days(&mut self) {
        let last =
            self.compact.courses.iter().filter(|course| !course.stage.has_ended()).map(|one| one.until_day).max();
        let booked = self.compact.courses.iter().flat_map(|one| &one.lists).map(|list| list.day).max();
        let count = last.max(booked).unwrap_or(0).max(0).saturating_add(AFTERMATH_DAYS);
        let mut date = self.first_day;
        for _ in 0..=count {
            self.compact.day_starts.push(day_bounds(date).0.as_microsecond());
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
    }

    /// What this programme has sealed, booked and under way. A slot whose permit is being asked for is given back: in a
    /// run its turn comes again.
    fn loads(&mut self) {
        let programme = self.source.programme;
        let scopes_count = self.compact.scopes.len();
        self.compact.daily = vec![Load::default(); scopes_count * self.compact.days_count()];
        for (date, loads) in &programme.daily {
            let Ok(day) = usize::try_from(self.day(*date)) else { continue };
            for (scope, load) in loads.iter() {
                let number = self.scopes_by_name.get(scope).map(|number| usize::from(*number));
                let place = number.map(|number| day * scopes_count + number);
                if let Some(counted) = place.and_then(|place| self.compact.daily.get_mut(place)) {
                    *counted = load;
                }
            }
        }
        for seat in &self.compact.seats {
            if matches!(seat.state, EnrolmentState::Commanded | EnrolmentState::Unknown) {
                let member = &self.compact.practices[seat.practice as usize];
                for scope in member.scopes.iter().filter(|scope| **scope != NOWHERE) {
                    self.compact.in_flight[usize::from(*scope)] += member.load;
                }
            }
        }
    }

    fn looks(&mut self) {
        let compact = &mut self.compact;
        let mut looks = vec![compact.now];
        for course in compact.courses.iter().filter(|course| !course.stage.has_ended()) {
            looks.extend(course.windows.iter().flat_map(|window| [window.opens, window.closes]));
            looks.extend(course.lists.iter().flat_map(|list| [list.opens, list.closes]));
            looks.push(course.held_until);
        }
        for seat in &compact.seats {
            looks.extend([seat.held_until, seat.not_before]);
        }
        looks.retain(|at| compact.now <= *at && *at < NEVER);
        looks.sort_unstable();
        looks.dedup();
        compact.looks = looks;
    }
}

/// Where an enrolment is. One that was confirmed and is not on any more counts at its gate as switched off again.
fn standing(enrolment: &Enrolment, is_on: bool) -> EnrolmentState {
    match enrolment.stage.state() {
        EnrolmentState::Admitted => EnrolmentState::Enrolled,
        EnrolmentState::Confirmed | EnrolmentState::Verified if !is_on => EnrolmentState::Reverted,
        state => state,
    }
}
