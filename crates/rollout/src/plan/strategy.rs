//! The waves that a strategy makes, as if somebody had listed them.
//!
//! Each has a number and days that depend on the document and the calendar only, never on the registry, the moment, or what
//! has become of the waves before: planning again what is in force therefore moves nobody (I26), and no number ever means
//! another wave (rule 7). Who is in them is found out as for any other wave, in [`super::expand`].

use jiff::civil::Date;

use super::PlannedWave;
use super::expand::{Drafting, wrong_at};
use super::queue::Compiled;
use crate::calendar::{Calendar, CalendarError, Timetable, day_bounds};
use crate::id::WaveId;
use crate::spec::{Existing, Order, ProgrammeSpec, StageSpec, StrategySpec, Take, Violation, WaveSpec, Wrong};

/// A wave of a strategy.
pub(super) struct Stage {
    /// Its part of the document: `strategy.sample`.
    path: &'static str,
    pub(super) spec: WaveSpec,
    /// Whether it is one of those that take everybody else: there is no such wave where nobody is left for it.
    is_rest: bool,
}

impl Stage {
    /// What is wrong where nobody is in it and others are to go live: all wait for the first ones, nobody for the rest.
    fn missed(&self, wrong: Wrong) -> Option<Violation> {
        (!self.is_rest).then(|| Violation { field: self.path.into(), wrong })
    }
}

impl Drafting<'_> {
    /// The waves of the strategy, after those that are listed: those that go on, and those that somebody is left for.
    pub(super) fn strategy(&mut self, stages: &[Stage], waves: &mut Vec<PlannedWave>) -> Result<(), Vec<Violation>> {
        let at = self.at;
        let Some(strategy) = &at.spec.strategy else { return Ok(()) };
        let calendar = &at.state.calendar;
        let existing = Existing { calendar, now: at.now, programme: self.programme };
        let mut passed_over = None;
        for stage in stages {
            let id = stage.spec.wave;
            if existing.has_ended(id) {
                self.check_passed(stage);
                continue;
            }
            let wave = Compiled::read(at, stage.path.into(), &stage.spec)?;
            let goes_on = existing.goes_on(id);
            if !goes_on && wave.rules.open_days(calendar, at.now).is_empty() {
                let moment = day_bounds(stage.spec.last_date()).1;
                passed_over = passed_over.or(stage.missed(Wrong::Past { moment }));
                continue;
            }
            let working_days = wave.rules.notice_working_days;
            let told_too_late = self.told_too_late(wave.spec.from, working_days);
            let planned = self.wave(Compiled { of_strategy: true, told_only: told_too_late.is_some(), ..wave });
            if goes_on || !planned.members.is_empty() {
                waves.push(planned);
                // Nobody goes ahead of a stage that is to be before them, only since its days do not suit anybody.
                if let Some(violation) = passed_over.take() {
                    self.violations.push(violation);
                }
            } else {
                let wrong = told_too_late.unwrap_or(Wrong::EmptyCohort);
                passed_over = passed_over.or(stage.missed(wrong));
            }
        }
        if stages.is_empty() {
            let (from, until) = (strategy.from, strategy.until.unwrap_or(strategy.from));
            let wrong = Wrong::WindowNeverOpens { from, until, cause: None };
            self.violations.push(Violation { field: "strategy.from".into(), wrong });
        }
        Ok(())
    }

    /// A stage that all others wait for and that has not passed ends the strategy: how it goes on is for people to write.
    fn check_passed(&mut self, stage: &Stage) {
        let wave = self.programme.and_then(|programme| programme.waves.get(&stage.spec.wave));
        if !stage.is_rest && wave.is_some_and(|wave| !wave.has_passed()) {
            let wrong = Wrong::NotPassed(stage.spec.wave);
            self.violations.push(Violation { field: stage.path.into(), wrong });
        }
    }
}

/// Every wave of the document's strategy for which the calendar has days, in order; none where it has no strategy.
///
/// # Errors
/// Where a window or a freeze cannot be.
pub(super) fn stages(spec: &ProgrammeSpec, calendar: &Calendar) -> Result<Vec<Stage>, Vec<Violation>> {
    let Some(strategy) = &spec.strategy else { return Ok(Vec::new()) };
    let days = open_days(spec, strategy, calendar).map_err(|wrong| wrong_at("strategy".into(), wrong.into()))?;
    let mut days = days.into_iter();
    let mut numbers = (strategy.first_wave.0..=u32::MAX).map(WaveId);
    let mut stages: Vec<Stage> = Vec::new();
    let mut must_pass = None;
    let first_ones = [("strategy.canary", "Canary", &strategy.canary), ("strategy.sample", "Sample", &strategy.sample)];
    for (path, title, stage) in first_ones {
        let Some(StageSpec { practices, days: days_count, apart_days }) = stage else { continue };
        let Some(number) = numbers.next() else { break };
        let taken: Vec<Date> = days.by_ref().take(usize::from(*days_count)).collect();
        if let (Some(from), Some(until)) = (taken.first(), taken.last()) {
            let take = Take::Practices(*practices);
            let wave = Draft { number, title: title.to_owned(), take, order: Order::Representative, must_pass };
            stages.push(Stage { path, spec: wave.on(*from, *until), is_rest: false });
        }
        must_pass = Some(number);
        days.by_ref().take(usize::from(*apart_days)).for_each(drop);
    }
    let days: Vec<Date> = days.collect();
    let parts = days.chunks(usize::from(strategy.rest.days.max(1)));
    for (index, (taken, number)) in parts.zip(numbers).enumerate() {
        let (Some(from), Some(until)) = (taken.first(), taken.last()) else { break };
        let title = format!("Everybody else, {}", index + 1);
        let wave = Draft { number, title, take: Take::ByCapacity, order: strategy.rest.order, must_pass };
        stages.push(Stage { path: "strategy.rest", spec: wave.on(*from, *until), is_rest: true });
    }
    Ok(stages)
}

/// The days from the strategy's first to its last on which a window opens.
fn open_days(spec: &ProgrammeSpec, strategy: &StrategySpec, calendar: &Calendar) -> Result<Vec<Date>, CalendarError> {
    let (windows, freeze_days) = (spec.windows()?, spec.freeze_days()?);
    let Some(last_known) = calendar.bank_holidays.last_known() else { return Ok(Vec::new()) };
    let until = strategy.until.map_or(last_known, |until| until.min(last_known));
    let timetable = Timetable { calendar, freeze_days: &freeze_days, windows: &windows };
    let opening = timetable.windows_between(day_bounds(strategy.from).0, day_bounds(until).1);
    let mut days: Vec<Date> = opening.filter(|window| window.skipped.is_none()).map(|window| window.date).collect();
    days.dedup();
    Ok(days)
}

struct Draft {
    number: WaveId,
    title: String,
    take: Take,
    order: Order,
    must_pass: Option<WaveId>,
}

impl Draft {
    fn on(self, from: Date, until: Date) -> WaveSpec {
        WaveSpec {
            wave: self.number,
            title: self.title,
            cohort: None,
            practices: Vec::new(),
            suppliers: Vec::new(),
            take: self.take,
            order: self.order,
            from,
            until: Some(until),
            windows: None,
            objections_until: None,
            deferred_to: None,
            after: self.must_pass.into_iter().collect(),
            mode: None,
            gate: None,
            notice_working_days: None,
        }
    }
}
