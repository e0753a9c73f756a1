//! Makes a programme compact: works out once all that does not change within a run, which windows open, how far each
//! notice reaches, until when each hold stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use super::{
    Begun, Compact, Course, End, Judged, List, Member, Micros, NEVER, NO_DAY, NOWHERE, OpenWindow, Pause, Scope, Seat,
    Source, micros,
};
use crate::calendar::{civil_date, day_bounds};
use crate::eligibility::{gone, is_named_since, is_on, is_taken_back, lists};
use crate::forecast::limits::{CapOf, Limit};
use crate::gate::fails_by_concerns;
use crate::id::{Target, WaveId};
use crate::plan::WaveRules;
use crate::readiness::unready;
use crate::spec::{Cap, CapSet, Mode};
use crate::state::{
    CapScope, DueKind, Enrolment, EnrolmentState, Hold, Load, PauseRef, Ruling, Verdict, Wave, WaveStage,
};
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
            slots_bind: false,
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
            self.compact.slots_bind |= in_flight != Cap::default();
            self.compact.scopes.push(Scope { daily, in_flight });
            self.compact.in_flight.push(Load::default());
        }
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
        Member {
            code: facts.code,
            supplier: facts.supplier.clone(),
            icb: facts.icb,
            load: Load::of(facts.list_size),
            scopes: [0, supplier, icb],
            desk: facts.supplier.as_ref().map_or(NOWHERE, |one| self.desk(one)),
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

    fn frozen(&self, rules: &WaveRules) -> Vec<(u16, i32)> {
        let mut frozen = Vec::new();
        for (supplier, days) in &rules.supplier_freezes {
            for freeze in days.iter() {
                let (first, last) = (freeze.first().max(rules.from), freeze.last().min(rules.until));
                frozen.extend((self.day(first)..=self.day(last)).map(|day| (self.desk(supplier), day)));
            }
        }
        frozen.sort_unstable();
        frozen
    }

    fn course(&self, wave: &Wave, is_listed: bool) -> Course {
        let (programme, now) = (self.source.programme, self.source.now);
        let rules = &wave.rules;
        let any_day = self.lifts(&Limit::Dates) && wave.stage.is_before_open();
        let from = if any_day { wave.from.min(self.first_day) } else { wave.from };
        let windows = rules.windows_between(&self.source.state.calendar, from.max(self.first_day), wave.until);
        let windows = windows.filter(|window| window.skipped.is_none() && now < window.closes);
        let due = |wanted: fn(&DueKind) -> bool| {
            programme.pending_of(wave.id.wave).find(|due| wanted(&due.kind)).map(|due| due.at.as_microsecond())
        };
        let fix_at = due(|kind| *kind == DueKind::MembersFixed);
        let verdict = wave.gate.as_ref().map(|gate| gate.decision.as_ref().map_or(gate.verdict, |one| one.verdict));
        let verdict = verdict.filter(|_| wave.stage == WaveStage::Closed);
        let waived = self.lifts(&Limit::Gates);
        let to = rules.deferred_to.and_then(|to| self.courses_by_id.get(&to).copied());
        let after = rules.after.iter().filter_map(|one| self.courses_by_id.get(one).copied());
        let lists = self.lists(wave);
        let booked_until = rules.booked.values().filter_map(|booking| booking.dates.last());
        Course {
            id: wave.id.wave,
            is_listed,
            stage: wave.stage,
            changed_at: wave.changed_at.as_microsecond(),
            last_action_at: wave.last_action_at.map(Timestamp::as_microsecond),
            from_day: self.day(from),
            until_day: self.day(wave.until),
            windows: windows
                .map(|window| OpenWindow {
                    opens: window.opens.as_microsecond(),
                    closes: window.closes.as_microsecond(),
                    day: self.day(window.date),
                })
                .collect(),
            frozen: self.frozen(rules),
            booked_until: booked_until.map(|date| day_bounds(*date).1.as_microsecond()).max(),
            after: if waived { Vec::new() } else { after.collect() },
            passed: verdict == Some(Verdict::Pass),
            failed: (verdict == Some(Verdict::Fail) && !waived) || is_taken_back(wave),
            objections: rules.objections_end.zip(to).map(|(end, to)| (end.as_microsecond(), to)),
            joining: self.joining(wave, &lists),
            lists,
            fix_at: if any_day { fix_at.map(|_| self.compact.now) } else { fix_at },
            lapses_at: due(|kind| *kind == DueKind::InvitationsLapse),
            evaluate_at: due(|kind| *kind == DueKind::GateEvaluated),
            verdict_at: (wave.stage == WaveStage::Gate).then(|| self.people_decide_at()),
            soak: micros(rules.gate.soak),
            timeout: micros(rules.gate.timeout),
            live_terms: rules.gate.live_terms(),
            fails_by_concerns: fails_by_concerns(self.source.state, wave),
            is_waived: waived,
            attempts: self.source.model.suppliers.keys().map(|supplier| rules.attempts_of(supplier)).collect(),
            held_until: self.held_until(|hold| hold.scope.covers_wave(&wave.id)),
        }
    }

    fn people_decide_at(&self) -> Micros {
        if self.lifts(&Limit::Gates) {
            return self.compact.now;
        }
        self.compact.now.saturating_add(micros(self.source.model.halts_take))
    }

    fn lists(&self, wave: &Wave) -> Vec<List> {
        let times = lists(wave).map(|list| List {
            desk: self.desk(&list.supplier),
            day: self.day(list.date),
            starts: day_bounds(list.date).0.as_microsecond(),
            opens: list.opens.as_microsecond(),
            closes: list.closes.as_microsecond(),
        });
        times.collect()
    }

    fn joining(&self, wave: &Wave, lists: &[List]) -> Vec<(Mode, u16)> {
        let spec = self.source.programme.plan().map(|plan| &plan.spec);
        let written = spec.and_then(|spec| spec.wave(wave.id.wave));
        let suppliers = self.source.model.suppliers.keys().enumerate();
        suppliers
            .map(|(desk, supplier)| {
                let mode = spec.zip(written).and_then(|(spec, written)| spec.mode_of(written, supplier));
                // Lists of a supplier stand in the order of their dates: who objected goes with the last.
                let last = lists.iter().rposition(|list| usize::from(list.desk) == desk);
                (mode.unwrap_or(Mode::Push), last.map_or(NOWHERE, |last| u16::try_from(last).unwrap_or(NOWHERE)))
            })
            .collect()
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
        let today = calendar.working_days_after(self.first_day, working_days).ok().filter(|_| owed);
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
