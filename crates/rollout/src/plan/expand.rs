//! Turns a document into a plan: who is in which wave, at one position of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use super::free::{Free, judge};
use super::pack::Packer;
use super::queue::Compiled;
use super::sample::England;
use super::strategy::stages;
use super::{Member, PlacedBy, Plan, PlanHash, PlannedWave, Unplaced};
use crate::calendar::civil_date;
use crate::cohort::Cohort;
use crate::id::{PlanVersion, WaveId};
use crate::spec::{Existing, Order, ProgrammeSpec, Take, Together, Violation, WaveSpec, Wrong, told_too_late};
use crate::state::{Programme, State};
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
    let stages = stages(spec, &state.calendar)?;
    let mut drafting = Drafting::new(expansion, programme)?;
    drafting.keep_waiting(spec.waves.iter().chain(stages.iter().map(|stage| &stage.spec)).map(|wave| wave.wave));
    let mut waves = Vec::new();
    for (index, wave) in spec.waves.iter().enumerate() {
        let compiled = Compiled::read(expansion, format!("waves[{index}]"), wave)?;
        waves.push(drafting.wave(compiled));
    }
    drafting.strategy(&stages, &mut waves)?;
    let unplaced = drafting.finish();
    if !drafting.violations.is_empty() {
        return Err(drafting.violations);
    }
    let hash = PlanHash::of(spec, &spec.capability, view.position, &waves, &unplaced);
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

pub(super) fn wrong_at(field: String, wrong: Wrong) -> Vec<Violation> {
    vec![Violation { field, wrong }]
}

/// A plan in the making.
pub(super) struct Drafting<'a> {
    pub(super) at: Expansion<'a>,
    pub(super) programme: Option<&'a Programme>,
    pub(super) packer: Packer<'a>,
    /// What some waves are to resemble; none where no wave is.
    pub(super) england: Option<England>,
    /// The programme's cohort.
    pub(super) members: Vec<&'a PracticeFacts>,
    /// Practices that no wave has taken yet, by code.
    pub(super) free: BTreeMap<PracticeCode, Free<'a>>,
    /// Those who wait in waves that go on, by wave.
    pub(super) waiting: BTreeMap<WaveId, Vec<Member>>,
    /// Practices that matched a wave and found no room there.
    pub(super) crowded_out: BTreeSet<PracticeCode>,
    /// Those of them whose whole network some wave would have had room for, had it been empty.
    pub(super) would_fit: BTreeSet<PracticeCode>,
    /// Practices that matched a wave that is not for all of their network.
    pub(super) apart: BTreeSet<PracticeCode>,
    unplaced: BTreeMap<Unplaced, Vec<PracticeCode>>,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Drafting<'a> {
    fn new(at: Expansion<'a>, programme: Option<&'a Programme>) -> Result<Self, Vec<Violation>> {
        let cohort = Cohort::parse(&at.spec.cohort).map_err(|error| wrong_at("cohort".into(), Wrong::Cohort(error)))?;
        let today = civil_date(at.now);
        let taken = programme.into_iter().flat_map(|programme| &programme.daily);
        let taken = taken.filter(|(date, _)| today <= **date).map(|(date, loads)| (*date, loads));
        let freezes = at.spec.supplier_freezes().map_err(|wrong| wrong_at("suppliers".into(), wrong.into()))?;
        let resembles =
            at.spec.strategy.is_some() || at.spec.waves.iter().any(|one| one.order == Order::Representative);
        let mut drafting = Self {
            at,
            programme,
            england: resembles.then(|| England::of(at.view)),
            packer: Packer::new(&at.spec.caps.daily, freezes, taken),
            members: at.view.iter().filter(|facts| facts.open && cohort.has(facts)).collect(),
            free: BTreeMap::new(),
            waiting: BTreeMap::new(),
            crowded_out: BTreeSet::new(),
            would_fit: BTreeSet::new(),
            apart: BTreeSet::new(),
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
    pub(super) fn wave(&mut self, wave: Compiled<'_>) -> PlannedWave {
        let id = wave.spec.wave;
        if let Some(open) = self.going_on(id) {
            return open;
        }
        let matching = self.matching(&wave);
        let members = self.place(&wave, matching);
        let england = self.england.as_ref().filter(|_| wave.spec.order == Order::Representative);
        let facts = members.iter().filter_map(|member| self.at.view.get(member.practice));
        let distance = england.and_then(|england| england.distance_to(facts));
        self.check_notice(&wave, &members);
        // Dates on which nobody is booked need no list.
        let used: BTreeSet<Date> = members.iter().filter_map(|member| member.planned_on).collect();
        let mut rules = wave.rules;
        rules.keep_booked(&used);
        PlannedWave { id, goes_on: false, rules: Arc::new(rules), members, distance }
    }

    /// Packs those who match into the wave's days, as many as it takes.
    fn place(&mut self, wave: &Compiled<'_>, matching: Vec<(PracticeCode, PlacedBy)>) -> Vec<Member> {
        let units = self.units(wave, matching);
        let units = self.take(wave, units);
        let days = self.pack(wave, &units);
        let matching: Vec<(PracticeCode, PlacedBy)> = units.into_iter().flatten().collect();
        let Compiled { path, spec: wave, of_strategy, .. } = wave;
        let left: Vec<PracticeCode> =
            matching.iter().map(|(code, _)| *code).filter(|code| !days.contains_key(code)).collect();
        if !left.is_empty() && wave.take != Take::ByCapacity {
            let (from, until) = (wave.from, wave.last_date());
            let wrong = Wrong::DoesNotFit { count: matching.len(), left_count: left.len(), from, until };
            let field = if *of_strategy { format!("{path}.days") } else { format!("{path}.take") };
            self.violations.push(Violation { field, wrong });
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

    fn member(&self, wave: &WaveSpec, free: &Free<'_>, planned_on: Option<Date>, by: PlacedBy) -> Option<Member> {
        let supplier = free.facts.supplier.clone()?;
        Some(Member {
            practice: free.facts.code,
            mode: self.at.spec.mode_of(wave, &supplier)?,
            supplier,
            icb: free.facts.icb,
            region: free.facts.region,
            pcn: free.facts.pcn,
            list_size: free.facts.list_size,
            planned_on,
            by,
        })
    }

    /// Rule 11 for those who were told of something before: an earlier notice still holds for a date not before its own.
    fn check_notice(&mut self, wave: &Compiled<'_>, members: &[Member]) {
        let Compiled { path, spec: wave, rules, .. } = wave;
        if self.programme.is_none_or(|programme| programme.notices.is_empty()) {
            return;
        }
        let working_days = rules.notice_working_days;
        let Some(wrong) = self.told_too_late(wave.from, working_days) else { return };
        let told = |member: &Member| self.is_told(member.practice, wave.from, working_days);
        if !members.iter().all(told) {
            self.violations.push(Violation { field: format!("{path}.from"), wrong });
        }
    }

    /// Why nobody who is told now can go live on that date; none where they can.
    pub(super) fn told_too_late(&self, from: Date, working_days: u16) -> Option<Wrong> {
        told_too_late(&self.at.state.calendar, civil_date(self.at.now), from, working_days)
    }

    fn is_told(&self, practice: PracticeCode, from: Date, working_days: u16) -> bool {
        let calendar = &self.at.state.calendar;
        self.programme.is_some_and(|programme| programme.is_noticed(calendar, practice, from, working_days))
    }

    /// Whether a practice has been told or can be in time, where the wave asks that of each by itself.
    pub(super) fn may_be_told(&self, wave: &Compiled<'_>, practice: PracticeCode) -> bool {
        !wave.told_only || self.is_told(practice, wave.spec.from, wave.rules.notice_working_days)
    }

    /// Whether it found no room since no wave would ever have room for its whole network.
    fn is_of_a_large_network(&self, practice: PracticeCode) -> bool {
        let together = self.at.spec.keep_together == Together::Pcns;
        together && self.crowded_out.contains(&practice) && !self.would_fit.contains(&practice)
    }

    /// Says of everybody left over why.
    fn finish(&mut self) -> Vec<(Unplaced, Vec<PracticeCode>)> {
        for (code, free) in std::mem::take(&mut self.free) {
            let reason = match (free.pause, free.deferred_to) {
                (Some(_), _) | (_, Some(_)) => Unplaced::Paused,
                _ if free.reverted => Unplaced::Reverted,
                _ if self.is_of_a_large_network(code) => Unplaced::PcnTooLarge,
                _ if self.crowded_out.contains(&code) => Unplaced::NoRoom,
                _ if self.apart.contains(&code) => Unplaced::PcnApart,
                _ => Unplaced::NoWave,
            };
            self.leave_out(reason, code);
        }
        std::mem::take(&mut self.unplaced).into_iter().collect()
    }
}
