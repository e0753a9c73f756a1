//! Everything that is wrong with a programme as written, but for what only its members can tell
//! ([`crate::plan::expand`] adds that).

mod gate;

use std::collections::BTreeSet;

use gate::check_gate;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::readiness::{catalogue_item, is_item_name};

use super::{Cap, CapSet, GateSpec, Mode, ProgrammeSpec, StrategySpec, SupplierSpec, Take, Violation, WaveSpec, Wrong};
use crate::calendar::{
    Calendar, ClosedReason, FreezeDays, Occurrence, Timetable, Windows, civil_date, day_bounds, instant,
};
use crate::cohort::Cohort;
use crate::id::WaveId;
use crate::state::Programme;

/// What a document is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Existing<'a> {
    /// The national calendar.
    pub calendar: &'a Calendar,
    /// The moment.
    pub now: Timestamp,
    /// The programme as it is; none where the document creates it.
    pub programme: Option<&'a Programme>,
}

/// Violations found so far.
#[derive(Default)]
struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, field: impl Into<String>, wrong: Wrong) {
        let violation = Violation { field: field.into(), wrong };
        // What concerns a supplier comes up with each wave that it is in.
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

impl ProgrammeSpec {
    /// Everything that is wrong with the document, each with its field's path; empty if nothing is.
    #[must_use]
    pub fn check(&self, existing: &Existing<'_>) -> Vec<Violation> {
        let mut found = Found::default();
        self.check_identity(existing, &mut found);
        check_cohort("cohort", &self.cohort, &mut found);
        let freeze_days = self.freeze_days().unwrap_or_else(|wrong| {
            found.add("freezes", wrong.into());
            FreezeDays::default()
        });
        if self.windows.is_empty() {
            found.add("windows", Wrong::Empty);
        }
        if let Err(wrong) = super::weekly(&self.windows) {
            found.add("windows", wrong.into());
        }
        self.check_readiness(&mut found);
        check_gate("gate", &self.gate, &mut found);
        check_caps("caps.daily", &self.caps.daily, &mut found);
        check_caps("caps.in_flight", &self.caps.in_flight, &mut found);
        if self.suppliers.is_empty() {
            found.add("suppliers", Wrong::Empty);
        }
        for (supplier, spec) in &self.suppliers {
            if spec.attempts == 0 {
                found.add(format!("suppliers.{supplier}.attempts"), Wrong::Zero);
            }
            if let Err(wrong) = spec.freeze_days() {
                found.add(format!("suppliers.{supplier}.freezes"), wrong.into());
            }
        }
        if self.waves.is_empty() && self.strategy.is_none() {
            found.add("waves", Wrong::Empty);
        }
        let mut listed = BTreeSet::new();
        for (index, wave) in self.waves.iter().enumerate() {
            let mut checked =
                WaveCheck { spec: self, existing, wave, path: format!("waves[{index}]"), found: &mut found };
            checked.numbering(&listed);
            checked.members();
            checked.relations(&listed);
            if !existing.goes_on(wave.wave) {
                checked.time(&freeze_days);
            }
            listed.insert(wave.wave);
        }
        if let Some(strategy) = &self.strategy {
            self.check_strategy(strategy, existing, &mut found);
        }
        found.violations
    }

    /// What can be said of a strategy without the waves that it makes.
    fn check_strategy(&self, strategy: &StrategySpec, existing: &Existing<'_>, found: &mut Found) {
        let first_wave = strategy.first_wave;
        for (index, wave) in self.waves.iter().enumerate().filter(|(_, wave)| first_wave <= wave.wave) {
            found.add(format!("waves[{index}].wave"), Wrong::NumberOfStrategy { wave: wave.wave, first_wave });
        }
        let stages = [("strategy.canary", &strategy.canary), ("strategy.sample", &strategy.sample)];
        for (field, stage) in stages {
            let Some(stage) = stage else { continue };
            if stage.practices == 0 {
                found.add(format!("{field}.practices"), Wrong::Zero);
            }
            if stage.days == 0 {
                found.add(format!("{field}.days"), Wrong::Zero);
            }
        }
        if strategy.rest.days == 0 {
            found.add("strategy.rest.days", Wrong::Zero);
        }
        let from = strategy.from;
        if let Some(until) = strategy.until {
            let last_known = existing.calendar.bank_holidays.last_known();
            if until < from {
                found.add("strategy.until", Wrong::EndsBeforeItBegins { from, until });
            } else if last_known.is_none_or(|last| until > last) {
                found.add("strategy.until", Wrong::BeyondKnownHolidays { date: until, last_known });
            }
        }
        existing.check_first_notice("strategy.from", from, self.notice_working_days, found);
    }

    /// A misspelt item would keep every practice waiting for what nobody can record.
    fn check_readiness(&self, found: &mut Found) {
        for (item, demand) in self.readiness.iter().flatten() {
            let field = format!("readiness.{item}");
            let known = catalogue_item(item).is_some();
            if !is_item_name(item) {
                found.add(field.as_str(), Wrong::ItemName(item.clone()));
            } else if known && demand.is_own() {
                found.add(field.as_str(), Wrong::CatalogueItem(item.clone()));
            } else if !known && (demand.title.is_empty() || demand.description.is_empty()) {
                found.add(field.as_str(), Wrong::UnknownItem(item.clone()));
            }
            if demand.valid_for_days == Some(0) {
                found.add(format!("{field}.valid_for_days"), Wrong::Zero);
            }
        }
    }

    fn check_identity(&self, existing: &Existing<'_>, found: &mut Found) {
        let Some(programme) = existing.programme else { return };
        if programme.id != self.name {
            let (expected, given) = (programme.id.clone(), self.name.clone());
            found.add("name", Wrong::OtherProgramme { expected, given });
        }
        if programme.capability != self.capability {
            found.add("capability", Wrong::OtherCapability);
        }
    }
}

/// Why a practice that is told on `today` has not so many working days' notice of `from`; none where it has. Where nobody
/// knows yet which days up to then are bank holidays it has not (rule 2: fail closed).
pub(crate) fn told_too_late(calendar: &Calendar, today: Date, from: Date, working_days: u16) -> Option<Wrong> {
    if working_days == 0 {
        return None;
    }
    let last_known = calendar.bank_holidays.last_known();
    match calendar.working_days_after(today, working_days) {
        Ok(earliest) => (from < earliest).then_some(Wrong::NoticeTooShort { working_days, earliest }),
        Err(_) => Some(Wrong::NoticeUncountable { working_days, last_known }),
    }
}

impl Existing<'_> {
    /// Rule 11, where nobody was told of anything yet. Who was told earlier is looked at practice by practice.
    fn check_first_notice(&self, field: &str, from: Date, working_days: u16, found: &mut Found) {
        if self.programme.is_some_and(|programme| !programme.notices.is_empty()) {
            return;
        }
        if let Some(wrong) = told_too_late(self.calendar, civil_date(self.now), from, working_days) {
            found.add(field, wrong);
        }
    }

    /// Whether a wave has opened and not ended: a new document can only let it go on, or leave it out.
    pub(crate) fn goes_on(&self, wave: WaveId) -> bool {
        let stage = self.programme.and_then(|programme| programme.waves.get(&wave)).map(|wave| wave.stage);
        stage.is_some_and(|stage| !stage.is_before_open() && !stage.has_ended())
    }

    pub(crate) fn has_ended(&self, wave: WaveId) -> bool {
        let stage = self.programme.and_then(|programme| programme.waves.get(&wave)).map(|wave| wave.stage);
        stage.is_some_and(super::super::state::wave::WaveStage::has_ended)
    }
}

/// One wave under examination.
struct WaveCheck<'a, 'b> {
    spec: &'a ProgrammeSpec,
    existing: &'a Existing<'b>,
    wave: &'a WaveSpec,
    path: String,
    found: &'a mut Found,
}

impl WaveCheck<'_, '_> {
    fn wrong(&mut self, field: &str, wrong: Wrong) {
        self.found.add(format!("{}.{field}", self.path), wrong);
    }

    /// A number once used stays with its wave (rule 7).
    fn numbering(&mut self, listed: &BTreeSet<WaveId>) {
        let id = self.wave.wave;
        if listed.contains(&id) {
            self.wrong("wave", Wrong::DuplicateWave(id));
        }
        if self.existing.has_ended(id) {
            self.wrong("wave", Wrong::WaveEnded(id));
        }
        let in_force = self.existing.programme.and_then(|programme| programme.plan()).map(|plan| &plan.spec);
        if self.existing.goes_on(id) && in_force.and_then(|spec| spec.wave(id)) != Some(self.wave) {
            self.wrong("wave", Wrong::WaveOpened(id));
        }
    }

    fn members(&mut self) {
        if let Some(cohort) = &self.wave.cohort {
            check_cohort(format!("{}.cohort", self.path), cohort, self.found);
            if !self.wave.practices.is_empty() {
                self.wrong("practices", Wrong::CohortAndList);
            }
        }
        for (index, supplier) in self.wave.suppliers.iter().enumerate() {
            if !self.spec.suppliers.contains_key(supplier) {
                self.wrong(&format!("suppliers[{index}]"), Wrong::UnknownSupplier(supplier.clone()));
            }
        }
        if self.wave.take == Take::Practices(0) {
            self.wrong("take", Wrong::Zero);
        }
        if let Some(gate) = &self.wave.gate {
            check_gate(format!("{}.gate", self.path), gate, self.found);
        }
    }

    fn relations(&mut self, listed: &BTreeSet<WaveId>) {
        let wave = self.wave;
        for (index, earlier) in wave.after.iter().enumerate() {
            if !listed.contains(earlier) {
                self.wrong(&format!("after[{index}]"), Wrong::NotBefore(*earlier));
            }
        }
        if wave.objections_until.is_some() != wave.deferred_to.is_some() {
            self.wrong("deferred_to", Wrong::ObjectionsWithoutDeferral);
        }
        let Some(later) = wave.deferred_to else { return };
        let Some(target) = self.spec.wave(later) else {
            self.wrong("deferred_to", Wrong::UnknownWave(later));
            return;
        };
        let objections_end = wave.objections_until.map_or(wave.from, jiff::civil::DateTime::date);
        if later == wave.wave || target.from <= wave.from || target.from <= objections_end {
            self.wrong("deferred_to", Wrong::NotLater(later));
        }
    }

    /// That the wave has a time at all: windows that open, booked dates, notice.
    fn time(&mut self, freeze_days: &FreezeDays) {
        let (from, until) = (self.wave.from, self.wave.last_date());
        if until < from {
            self.wrong("until", Wrong::EndsBeforeItBegins { from, until });
            return;
        }
        let Ok(windows) = self.spec.windows_of(self.wave).map_err(|wrong| self.wrong("windows", wrong.into())) else {
            return;
        };
        let last_known = self.existing.calendar.bank_holidays.last_known();
        if last_known.is_none_or(|last| until > last) {
            self.wrong(
                if self.wave.until.is_some() { "until" } else { "from" },
                Wrong::BeyondKnownHolidays { date: until, last_known },
            );
            return;
        }
        let timetable = Timetable { calendar: self.existing.calendar, freeze_days, windows: &windows };
        let booked = self.booked_dates(&timetable);
        self.windows_open(&windows, &timetable, booked);
        self.notice();
    }

    /// Checks the booked dates of suppliers that need them; says whether all the wave's practices go by them.
    fn booked_dates(&mut self, timetable: &Timetable<'_>) -> bool {
        let (from, until) = (self.wave.from, self.wave.last_date());
        let mut others = false;
        for (supplier, spec) in &self.spec.suppliers {
            let in_wave = self.wave.suppliers.is_empty() || self.wave.suppliers.contains(supplier);
            if !in_wave || self.wave.mode.unwrap_or(spec.mode) != Mode::BookedDates {
                others |= in_wave;
                continue;
            }
            let field = format!("suppliers.{supplier}");
            // One that cannot be is told by itself.
            let own_freezes = spec.freeze_days().unwrap_or_default();
            if spec.dates.is_empty() || spec.cut_off.is_none() {
                self.found.add(field, Wrong::BookingIncomplete(supplier.clone()));
                continue;
            }
            for date in spec.dates.iter().filter(|date| from <= **date && **date <= until) {
                let frozen = own_freezes.why(*date).map(|why| ClosedReason::FreezeDay { why: why.to_owned() });
                if let Some(reason) = timetable.go_live_day(*date).err().or(frozen) {
                    self.found.add(format!("{field}.dates"), Wrong::ClosedDay { date: *date, reason });
                }
            }
            // Without `suppliers` a wave is for whoever has dates in it: only a wave that names a supplier promises any.
            let named = self.wave.suppliers.contains(supplier);
            if named && booked_in(spec, from, until, self.existing.now).is_empty() {
                let supplier = supplier.clone();
                self.wrong("from", Wrong::NoBookedDate { supplier, from, until });
            }
        }
        !others
    }

    fn windows_open(&mut self, windows: &Windows, timetable: &Timetable<'_>, booked_only: bool) {
        let (from, until) = (self.wave.from, self.wave.last_date());
        if booked_only {
            return;
        }
        let (start, end) = (day_bounds(from).0, day_bounds(until).1);
        if end <= self.existing.now {
            self.wrong("from", Wrong::Past { moment: end });
            return;
        }
        let now = self.existing.now;
        let first =
            timetable.windows_between(start, end).find(|window| window.skipped.is_none() && now < window.closes);
        let Some(first) = first else {
            let cause = if windows.iter().next().is_none() { None } else { timetable.next_open(start.max(now)).err() };
            self.wrong("from", Wrong::WindowNeverOpens { from, until, cause });
            return;
        };
        self.suppliers_go(&first, timetable);
        if let Some(objections_until) = self.wave.objections_until {
            let objections_end = instant(objections_until);
            if objections_end >= first.opens {
                self.wrong("objections_until", Wrong::ObjectionsAfterOpening { objections_end, opens: first.opens });
            }
        }
    }

    /// A supplier that the wave names must have a day that its own freezes leave it.
    fn suppliers_go(&mut self, first: &Occurrence, timetable: &Timetable<'_>) {
        let (from, until) = (self.wave.from, self.wave.last_date());
        for supplier in &self.wave.suppliers {
            let Some(spec) = self.spec.suppliers.get(supplier) else { continue };
            let frozen = spec.freeze_days().unwrap_or_default();
            if frozen.iter().next().is_none() || self.spec.mode_of(self.wave, supplier) == Some(Mode::BookedDates) {
                continue;
            }
            let mut windows = timetable.windows_between(first.opens, day_bounds(until).1);
            if !windows.any(|window| window.skipped.is_none() && frozen.why(window.date).is_none()) {
                let field = format!("suppliers.{supplier}.freezes");
                self.found.add(field, Wrong::WindowNeverOpens { from, until, cause: None });
            }
        }
    }

    fn notice(&mut self) {
        let field = format!("{}.from", self.path);
        let working_days = self.spec.notice_of(self.wave);
        self.existing.check_first_notice(&field, self.wave.from, working_days, self.found);
    }
}

/// The booked dates from `from` to `until` whose list can still be taken at `now`, in order.
pub(crate) fn booked_in(spec: &SupplierSpec, from: Date, until: Date, now: Timestamp) -> Vec<Date> {
    let Some(cut_off) = spec.cut_off else { return Vec::new() };
    let open = |date: &Date| from <= *date && *date <= until && now < cut_off.for_date(*date);
    let dates: BTreeSet<Date> = spec.dates.iter().copied().filter(open).collect();
    dates.into_iter().collect()
}

fn check_cohort(field: impl Into<String>, text: &str, found: &mut Found) {
    if let Err(error) = Cohort::parse(text) {
        found.add(field, Wrong::Cohort(error));
    }
}

/// What is wrong with the gates and caps of a document, whatever its waves.
pub(crate) fn violations_of_terms(spec: &ProgrammeSpec) -> Vec<Violation> {
    let mut found = Found::default();
    check_gate("gate", &spec.gate, &mut found);
    for (index, wave) in spec.waves.iter().enumerate() {
        if let Some(gate) = &wave.gate {
            check_gate(format!("waves[{index}].gate"), gate, &mut found);
        }
    }
    check_caps("caps.daily", &spec.caps.daily, &mut found);
    check_caps("caps.in_flight", &spec.caps.in_flight, &mut found);
    found.violations
}

/// What is wrong with what holds for all waves of a programme, whatever the moment.
pub(crate) fn violations_of_programme(spec: &ProgrammeSpec) -> Vec<Violation> {
    let mut found = Found::default();
    spec.check_readiness(&mut found);
    check_caps("caps.daily", &spec.caps.daily, &mut found);
    check_caps("caps.in_flight", &spec.caps.in_flight, &mut found);
    found.violations
}

/// What is wrong with the gate of a wave.
pub(crate) fn violations_of_gate(field: impl Into<String>, gate: &GateSpec) -> Vec<Violation> {
    let mut found = Found::default();
    check_gate(field, gate, &mut found);
    found.violations
}

fn check_caps(field: &str, caps: &CapSet, found: &mut Found) {
    let mut check = |name: String, cap: &Cap| {
        if cap.practices == Some(0) || cap.patients == Some(0) {
            found.add(format!("{field}.{name}"), Wrong::Zero);
        }
    };
    check("national".into(), &caps.national);
    check("each_supplier".into(), &caps.each_supplier);
    check("each_icb".into(), &caps.each_icb);
    for (supplier, cap) in &caps.suppliers {
        check(format!("suppliers.{supplier}"), cap);
    }
    for (icb, cap) in &caps.icbs {
        check(format!("icbs.{icb}"), cap);
    }
}
