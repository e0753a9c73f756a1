//! One future: who pauses when, who is ready when, how each request to a supplier ends.
//!
//! Everything is drawn by what it concerns ([`ods::draw`]), never in the order in which a run comes to it. So the same
//! number of run meets the same future under whatever limits, and the difference between two is the limits' alone; and
//! the future can be played against the real step as well, which is how the compact one is held to it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ods::{PracticeCode, Supplier, draw, draw_for};

use super::model::{Estimate, Model};
use crate::id::WaveId;
use crate::view::PauseEnd;

const DAY_MINUTES: f64 = 24.0 * 60.0;

/// Later than any forecast looks; nothing is drawn beyond it.
const MINUTES_MAX: f64 = 10.0 * 366.0 * DAY_MINUTES;

const WEEK_DAYS: f64 = 7.0;

/// Weeks of which pauses are drawn: as many years as a programme's plan may look ahead.
const PAUSE_WEEKS_MAX: u64 = 4 * 53;

/// One future.
#[derive(Debug, Clone)]
pub struct Scenario {
    model: Arc<Model>,
    seed: u64,
    now: Timestamp,
    /// The risk of pausing from now to the start of each week to come, and to the end of the last.
    pause_risks: Vec<f64>,
    by_default: f64,
    ready_per_day: f64,
    self_enabled_per_day: f64,
    desks: Vec<Desk>,
}

/// A supplier within one future.
#[derive(Debug, Clone)]
struct Desk {
    supplier: Supplier,
    times: Vec<SignedDuration>,
    refused_for_now: f64,
    refused_for_good: f64,
    pause: Option<SignedDuration>,
}

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// How long the supplier takes over it, once it comes to it.
    pub after: SignedDuration,
    /// What it answers then.
    pub answer: FateAnswer,
}

/// What a supplier answers in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FateAnswer {
    /// Done.
    Applied,
    /// Refused, and worth another try.
    RefusedForNow,
    /// Refused for good.
    RefusedForGood,
}

impl Scenario {
    /// The future of that number, from `now` on.
    #[must_use]
    pub fn new(model: &Arc<Model>, seed: u64, number: u32, now: Timestamp) -> Self {
        let seed = draw_for(seed, "forecast-run", "run", u64::from(number), 0).bits();
        let figure = |estimate: Estimate, what: &str| estimate.off_by(deviation(seed, what));
        let desk = |(supplier, known): (&Supplier, &super::model::SupplierModel)| Desk {
            supplier: supplier.clone(),
            times: known.times.clone(),
            refused_for_now: figure(known.refused_for_now, &format!("refused-for-now/{supplier}")),
            refused_for_good: figure(known.refused_for_good, &format!("refused-for-good/{supplier}")),
            pause: known.hourly_max.map(|most| SignedDuration::from_micros(3_600_000_000 / i64::from(most.max(1)))),
        };
        Self {
            pause_risks: pause_risks(&model.pauses, seed),
            by_default: figure(model.by_default, "by-default"),
            ready_per_day: figure(model.readiness, "readiness"),
            self_enabled_per_day: figure(model.self_service, "self-service"),
            desks: model.suppliers.iter().map(desk).collect(),
            model: model.clone(),
            seed,
            now,
        }
    }

    /// When a practice pauses that has not, and how the pause is to end; none where it never does.
    #[must_use]
    pub fn pause(&self, practice: PracticeCode) -> Option<(Timestamp, PauseEnd)> {
        let risk = risk_taken(draw(self.seed, "forecast-pause", practice, 0, 0).unit());
        // The risk at the start of the first week is nought, which no practice takes.
        let week = self.pause_risks.partition_point(|up_to| *up_to <= risk).checked_sub(1)?;
        let (before, after) = (self.pause_risks[week], *self.pause_risks.get(week + 1)?);
        let minutes = (week as f64 + (risk - before) / (after - before)) * WEEK_DAYS * DAY_MINUTES;
        let at = self.now.checked_add(SignedDuration::from_mins(minutes.ceil().max(1.0) as i64)).ok()?;
        // Only whoever pauses at all comes to the second question.
        let by_default = draw(self.seed, "forecast-pause-end", practice, 0, 0).happens(self.by_default);
        Some((at, if by_default { PauseEnd::ProgrammeDefault } else { PauseEnd::FurtherNotice }))
    }

    /// When a practice has made ready that is not; none where it never does.
    #[must_use]
    pub fn ready_at(&self, practice: PracticeCode) -> Option<Timestamp> {
        self.waited(self.now, self.ready_per_day, draw(self.seed, "forecast-ready", practice, 0, 0).unit())
    }

    /// When a practice has switched itself on that was asked to at a moment; none where it never does.
    #[must_use]
    pub fn self_enabled_at(&self, practice: PracticeCode, invited_at: Timestamp) -> Option<Timestamp> {
        let drawn = draw(self.seed, "forecast-self-service", practice, 0, 0);
        self.waited(invited_at, self.self_enabled_per_day, drawn.unit())
    }

    /// How the request for a practice ends that was refused so often before in this wave. A supplier that the model does
    /// not know does everything at once.
    #[must_use]
    pub fn fate(&self, supplier: &Supplier, practice: PracticeCode, wave: WaveId, refusals: u8) -> Fate {
        let desk = self.desks.iter().position(|desk| desk.supplier == *supplier);
        match desk {
            Some(desk) => self.fate_at(desk, practice, wave, refusals),
            None => Fate { after: SignedDuration::ZERO, answer: FateAnswer::Applied },
        }
    }

    /// The least time between two requests that a supplier comes to; none where it does any number at once.
    #[must_use]
    pub fn between(&self, supplier: &Supplier) -> Option<SignedDuration> {
        self.desks.iter().find(|desk| desk.supplier == *supplier)?.pause
    }

    /// How long people take over a gate that did not pass.
    #[must_use]
    pub fn halts_take(&self) -> SignedDuration {
        self.model.halts_take
    }

    /// The same as [`Self::fate`], with the supplier's place among the model's.
    pub(super) fn fate_at(&self, desk: usize, practice: PracticeCode, wave: WaveId, refusals: u8) -> Fate {
        let desk = &self.desks[desk];
        let drawn = draw(self.seed, "forecast-fate", practice, u64::from(wave.0), u64::from(refusals));
        let unit = drawn.unit();
        let answer = if unit < desk.refused_for_good {
            FateAnswer::RefusedForGood
        } else if unit < desk.refused_for_good + desk.refused_for_now {
            FateAnswer::RefusedForNow
        } else {
            FateAnswer::Applied
        };
        // The low bits have no part in the unit's first digits: a second question without a second hash.
        let place = ((drawn.bits() & 0xFFFF) as usize * desk.times.len()) >> 16;
        Fate { after: desk.times[place], answer }
    }

    pub(super) fn between_at(&self, desk: usize) -> Option<SignedDuration> {
        self.desks[desk].pause
    }

    /// A moment after an exponential wait, by the whole minute.
    fn waited(&self, from: Timestamp, per_day: f64, unit: f64) -> Option<Timestamp> {
        let minutes = (risk_taken(unit) / per_day * DAY_MINUTES).ceil();
        // Also where nothing ever happens: then it is infinite, or no number.
        if minutes.is_nan() || minutes > MINUTES_MAX {
            return None;
        }
        from.checked_add(SignedDuration::from_mins(minutes.max(1.0) as i64)).ok()
    }
}

/// How much risk somebody takes before it happens to them.
fn risk_taken(unit: f64) -> f64 {
    -(1.0 - unit).ln()
}

/// Each week to come is like one of those that are known.
fn pause_risks(weeks: &[f64], seed: u64) -> Vec<f64> {
    let mut risk = 0.0;
    let mut risks = vec![risk];
    for week in 0..PAUSE_WEEKS_MAX {
        let like = draw_for(seed, "forecast-pause-week", "week", week, 0).below(weeks.len().max(1) as u64);
        let per_day = usize::try_from(like).ok().and_then(|like| weeks.get(like)).copied().unwrap_or(0.0);
        risk += per_day * WEEK_DAYS;
        risks.push(risk);
    }
    risks
}

/// How many standard errors a run's figure is off: the sum of twelve even draws is as good as normal up to three.
fn deviation(seed: u64, what: &str) -> f64 {
    let draws = (0..12).map(|place| draw_for(seed, "forecast-figure", what, 0, place).unit());
    draws.sum::<f64>() - 6.0
}
