//! Turns a document into a plan: who is in which wave, at one position of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use super::free::{Free, judge};
use super::pack::{Packer, Parcel};
use super::{Member, PlacedBy, Plan, PlanHash, PlannedWave, Unplaced, WaveRules};
use crate::calendar::civil_date;
use crate::cohort::Cohort;
use crate::id::PlanVersion;
use crate::spec::{Existing, Mode, Order, ProgrammeSpec, Take, Violation, WaveSpec, Wrong, booked_in};
use crate::state::{EnrolmentState, Programme, State, Wave};
use crate::view::{PracticeFacts, RegistryView};

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Expansion<'a> {
    /// The document.
    pub spec: &'a Arc<ProgrammeSpec>,
    /// The state it is to follow on; the programme need not exist yet.
    pub state: &'a State,
    /// The registry.
    pub view: &'a RegistryView,
    /// The moment.
    pub now: Timestamp,
}

/// The plan that a document makes of the registry as it is.
///
/// Pure: equal arguments give equal plans, and `now` only decides what lies in the past (I26).
///
/// # Errors
/// Everything that is wrong with the document, its members included.
pub fn expand(expansion: Expansion<'_>) -> Result<Plan, Vec<Violation>> {
    let Expansion { spec, state, view, now } = expansion;
    let programme = state.programme(&spec.name);
    let violations = spec.check(&Existing { calendar: &state.calendar, now, programme });
    if !violations.is_empty() {
        return Err(violations);
    }
    let mut drafting = Drafting::new(expansion, programme)?;
    let mut waves = Vec::new();
    for wave in compiled(expansion)? {
        waves.push(drafting.wave(wave));
    }
    let unplaced = drafting.finish();
    if !drafting.violations.is_empty() {
        return Err(drafting.violations);
    }
    let hash = PlanHash::of(&(&spec.name, &spec.capability, view.position, spec, &waves, &unplaced));
    Ok(Plan {
        programme: spec.name.clone(),
        capability: spec.capability.clone(),
        version: programme.map_or(PlanVersion(1), Programme::next_version),
        parent: programme.and_then(|programme| programme.in_force),
        registry_position: view.position,
        spec: spec.clone(),
        waves,
        unplaced,
        hash,
    })
}

/// A wave of the document, read: its place there, what holds for it, whom it is for.
struct Compiled<'a> {
    path: String,
    spec: &'a WaveSpec,
    rules: WaveRules,
    cohort: Option<Cohort>,
}

fn compiled(at: Expansion<'_>) -> Result<Vec<Compiled<'_>>, Vec<Violation>> {
    let mut compiled = Vec::new();
    for (index, spec) in at.spec.waves.iter().enumerate() {
        let path = format!("waves[{index}]");
        let rules =
            WaveRules::of(at.spec, spec, at.now).map_err(|wrong| wrong_at(format!("{path}.windows"), wrong.into()))?;
        let cohort = spec.cohort.as_deref().map(Cohort::parse).transpose();
        let cohort = cohort.map_err(|error| wrong_at(format!("{path}.cohort"), Wrong::Cohort(error)))?;
        compiled.push(Compiled { path, spec, rules, cohort });
    }
    Ok(compiled)
}

fn wrong_at(field: String, wrong: Wrong) -> Vec<Violation> {
    vec![Violation { field, wrong }]
}

/// A plan in the making.
struct Drafting<'a> {
    at: Expansion<'a>,
    programme: Option<&'a Programme>,
    packer: Packer<'a>,
    /// The programme's cohort.
    members: Vec<&'a PracticeFacts>,
    /// Practices that no wave has taken yet, by code.
    free: BTreeMap<PracticeCode, Free<'a>>,
    /// Practices that matched a wave and found no room there.
    crowded_out: BTreeSet<PracticeCode>,
    unplaced: BTreeMap<Unplaced, Vec<PracticeCode>>,
    violations: Vec<Violation>,
}

impl<'a> Drafting<'a> {
    fn new(at: Expansion<'a>, programme: Option<&'a Programme>) -> Result<Self, Vec<Violation>> {
        let cohort = Cohort::parse(&at.spec.cohort).map_err(|error| wrong_at("cohort".into(), Wrong::Cohort(error)))?;
        let today = civil_date(at.now);
        let taken = programme.into_iter().flat_map(|programme| &programme.daily);
        let taken = taken.filter(|(date, _)| today <= **date).map(|(date, loads)| (*date, loads));
        let mut drafting = Self {
            at,
            programme,
            packer: Packer::new(&at.spec.caps.daily, taken),
            members: at.view.iter().filter(|facts| facts.open && cohort.has(facts)).collect(),
            free: BTreeMap::new(),
            crowded_out: BTreeSet::new(),
            unplaced: BTreeMap::new(),
            violations: Vec::new(),
        };
        for facts in drafting.members.clone() {
            match judge(at, programme, &mut drafting.packer, facts) {
                Ok(free) => {
                    drafting.free.insert(facts.code, free);
                }
                Err(reason) => drafting.leave_out(reason, facts.code),
            }
        }
        if drafting.members.is_empty() {
            drafting.violations.push(Violation { field: "cohort".into(), wrong: Wrong::EmptyCohort });
        }
        Ok(drafting)
    }

    fn leave_out(&mut self, reason: Unplaced, practice: PracticeCode) {
        self.unplaced.entry(reason).or_default().push(practice);
    }

    /// A wave with its members; they are no longer free then.
    fn wave(&mut self, wave: Compiled<'_>) -> PlannedWave {
        let id = wave.spec.wave;
        let existing = self.programme.and_then(|programme| programme.waves.get(&id));
        if let Some(open) = existing.filter(|existing| !existing.stage.is_before_open()) {
            return self.going_on(open);
        }
        let matching = self.matching(&wave);
        let members = self.place(&wave, matching);
        self.check_notice(&wave, &members);
        // Dates on which nobody is booked need no list.
        let used: BTreeSet<Date> = members.iter().filter_map(|member| member.planned_on).collect();
        let mut rules = wave.rules;
        rules.keep_booked(&used);
        PlannedWave { id, goes_on: false, rules: Arc::new(rules), members }
    }

    /// A wave that has opened goes on with those who wait, under the rules it opened with.
    fn going_on(&mut self, open: &Wave) -> PlannedWave {
        let mut members = Vec::new();
        for state in [EnrolmentState::Enrolled, EnrolmentState::Admitted, EnrolmentState::Invited] {
            for enrolment in open.in_state(state) {
                if self.free.remove(&enrolment.practice).is_some() {
                    members.push(Member {
                        practice: enrolment.practice,
                        supplier: enrolment.supplier.clone(),
                        icb: enrolment.icb,
                        region: enrolment.region,
                        list_size: enrolment.list_size,
                        mode: enrolment.mode,
                        planned_on: enrolment.planned_on,
                        by: PlacedBy::GoingOn,
                    });
                }
            }
        }
        PlannedWave { id: open.id.wave, goes_on: true, rules: open.rules.clone(), members }
    }

    /// Who may be in a wave, in its fixed order, with what puts them there.
    fn matching(&mut self, wave: &Compiled<'_>) -> Vec<(PracticeCode, PlacedBy)> {
        let Compiled { path, spec: wave, cohort, .. } = wave;
        let listed: BTreeSet<PracticeCode> = wave.practices.iter().copied().collect();
        for practice in &listed {
            if !self.at.view.get(*practice).is_some_and(|facts| facts.open) {
                let field = format!("{path}.practices");
                self.violations.push(Violation { field, wrong: Wrong::UnknownPractice(*practice) });
            }
        }
        let mut matching = Vec::new();
        for (code, free) in &self.free {
            let by = match free.deferred_to {
                Some(later) => (later == wave.wave).then_some(PlacedBy::Deferral),
                None if !self.supplied(wave, free) || !free.suits(wave) => None,
                None if !listed.is_empty() => listed.contains(code).then_some(PlacedBy::List),
                None => cohort.as_ref().is_none_or(|cohort| cohort.has(free.facts)).then_some(PlacedBy::Cohort),
            };
            if let Some(by) = by {
                matching.push((*code, by));
            }
        }
        if matching.is_empty() && !self.is_for_anybody(wave, cohort.as_ref(), &listed) {
            self.violations.push(Violation { field: format!("{path}.cohort"), wrong: Wrong::EmptyCohort });
        }
        let key = |(code, by): &(PracticeCode, PlacedBy)| {
            let free = &self.free[code];
            let by_order = match wave.order {
                Order::Drawn => free.drawn,
                Order::LargestFirst => u64::MAX - u64::from(free.facts.list_size),
                Order::SmallestFirst => u64::from(free.facts.list_size),
                Order::Code => 0,
            };
            // Who was deferred to this wave has waited longest.
            (*by != PlacedBy::Deferral, by_order, *code)
        };
        matching.sort_by_cached_key(key);
        matching
    }

    /// Whether a wave that nobody is left for is for somebody all the same: for those deferred to it, or for practices that
    /// are on, have paused, or are in earlier waves. Otherwise it was meant otherwise.
    fn is_for_anybody(&self, wave: &WaveSpec, cohort: Option<&Cohort>, listed: &BTreeSet<PracticeCode>) -> bool {
        let deferred_here = self.at.spec.waves.iter().any(|other| other.deferred_to == Some(wave.wave));
        let of_supplier = |facts: &PracticeFacts| {
            wave.suppliers.is_empty() || facts.supplier.as_ref().is_some_and(|one| wave.suppliers.contains(one))
        };
        let meant = |facts: &&PracticeFacts| {
            let named =
                if listed.is_empty() { cohort.is_none_or(|one| one.has(facts)) } else { listed.contains(&facts.code) };
            named && of_supplier(facts)
        };
        deferred_here || self.members.iter().copied().any(|facts| meant(&facts))
    }

    /// Whether the wave is for the practice's supplier, and drives it in a way that has a date in this wave.
    fn supplied(&self, wave: &WaveSpec, free: &Free<'_>) -> bool {
        let Some(supplier) = &free.facts.supplier else { return false };
        if !wave.suppliers.is_empty() && !wave.suppliers.contains(supplier) {
            return false;
        }
        let Some(mode) = self.at.spec.mode_of(wave, supplier) else { return false };
        mode != Mode::BookedDates || !self.booked(wave, free).is_empty()
    }

    fn booked(&self, wave: &WaveSpec, free: &Free<'_>) -> Vec<Date> {
        let supplier = free.facts.supplier.as_ref().and_then(|supplier| self.at.spec.suppliers.get(supplier));
        supplier.map(|spec| booked_in(spec, wave.from, wave.last_date(), self.at.now)).unwrap_or_default()
    }

    /// Packs those who match into the wave's days, as many as it takes.
    fn place(&mut self, wave: &Compiled<'_>, mut matching: Vec<(PracticeCode, PlacedBy)>) -> Vec<Member> {
        let Compiled { path, spec: wave, rules, .. } = wave;
        if let Take::Practices(most) = wave.take {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            self.crowded_out.extend(matching.iter().skip(most).map(|(code, _)| *code));
            matching.truncate(most);
        }
        let mut days: BTreeMap<PracticeCode, Option<Date>> = BTreeMap::new();
        for (lane, lane_days) in self.lanes(wave, rules, &matching) {
            let Some(lane_days) = lane_days else {
                days.extend(lane.into_iter().map(|code| (code, None)));
                continue;
            };
            let parcels: Vec<Parcel> = lane.iter().map(|code| self.free[code].parcel.clone()).collect();
            let placed = self.packer.pack(&lane_days, &parcels);
            days.extend(lane.into_iter().zip(placed).filter(|(_, day)| day.is_some()));
        }
        let left: Vec<PracticeCode> =
            matching.iter().map(|(code, _)| *code).filter(|code| !days.contains_key(code)).collect();
        if !left.is_empty() && wave.take != Take::ByCapacity {
            let (from, until) = (wave.from, wave.last_date());
            let wrong = Wrong::DoesNotFit { count: matching.len(), left_count: left.len(), from, until };
            self.violations.push(Violation { field: format!("{path}.take"), wrong });
        }
        self.crowded_out.extend(left);
        let mut members = Vec::new();
        for (code, by) in matching {
            let Some(planned_on) = days.get(&code).copied() else { continue };
            let Some(free) = self.free.remove(&code) else { continue };
            members.extend(self.member(wave, &free, planned_on, by));
        }
        members
    }

    /// Practices that share days: those by push, each supplier's by booked dates, those by self-service (no days).
    fn lanes(
        &self,
        wave: &WaveSpec,
        rules: &WaveRules,
        matching: &[(PracticeCode, PlacedBy)],
    ) -> Vec<(Vec<PracticeCode>, Option<Vec<Date>>)> {
        let mut pushed = Vec::new();
        let mut invited = Vec::new();
        let mut booked: BTreeMap<_, (Vec<PracticeCode>, Option<Vec<Date>>)> = BTreeMap::new();
        for (code, _) in matching {
            let free = &self.free[code];
            let Some(supplier) = &free.facts.supplier else { continue };
            match self.at.spec.mode_of(wave, supplier) {
                Some(Mode::Push) => pushed.push(*code),
                Some(Mode::SelfService) => invited.push(*code),
                Some(Mode::BookedDates) => {
                    booked.entry(supplier).or_insert_with(|| (Vec::new(), Some(self.booked(wave, free)))).0.push(*code);
                }
                None => {}
            }
        }
        let mut lanes = vec![(pushed, Some(rules.open_days(&self.at.state.calendar, self.at.now)))];
        lanes.extend(booked.into_values());
        lanes.push((invited, None));
        lanes
    }

    fn member(&self, wave: &WaveSpec, free: &Free<'_>, planned_on: Option<Date>, by: PlacedBy) -> Option<Member> {
        let supplier = free.facts.supplier.clone()?;
        Some(Member {
            practice: free.facts.code,
            mode: self.at.spec.mode_of(wave, &supplier)?,
            supplier,
            icb: free.facts.icb,
            region: free.facts.region,
            list_size: free.facts.list_size,
            planned_on,
            by,
        })
    }

    /// Rule 11 for those who were told of something before: an earlier notice still holds for a date not before its own.
    fn check_notice(&mut self, wave: &Compiled<'_>, members: &[Member]) {
        let Compiled { path, spec: wave, rules, .. } = wave;
        let Some(programme) = self.programme.filter(|programme| !programme.notices.is_empty()) else { return };
        let calendar = &self.at.state.calendar;
        let working_days = rules.notice_working_days;
        let Ok(earliest) = calendar.working_days_after(civil_date(self.at.now), working_days) else { return };
        let told = |member: &Member| programme.is_noticed(calendar, member.practice, wave.from, working_days);
        if working_days > 0 && wave.from < earliest && !members.iter().all(told) {
            let wrong = Wrong::NoticeTooShort { working_days, earliest };
            self.violations.push(Violation { field: format!("{path}.from"), wrong });
        }
    }

    /// Says of everybody left over why.
    fn finish(&mut self) -> Vec<(Unplaced, Vec<PracticeCode>)> {
        for (code, free) in std::mem::take(&mut self.free) {
            let reason = match (free.pause, free.deferred_to) {
                (Some(_), _) | (_, Some(_)) => Unplaced::Paused,
                _ if self.crowded_out.contains(&code) => Unplaced::NoRoom,
                _ => Unplaced::NoWave,
            };
            self.leave_out(reason, code);
        }
        std::mem::take(&mut self.unplaced).into_iter().collect()
    }
}
