//! Where the points of a series lie: in whole hours, days, weeks or months.

use jiff::Timestamp;
use tally::{Hour, Interval, Period};

/// How far a point is from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An hour of UTC.
    Hour,
    /// Whole days.
    Days(Interval),
}

/// What the points of a series are of, in order; those of all series of a question are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Points {
    Hours(Vec<Hour>),
    Periods(Vec<Period>),
}

impl Points {
    /// A period's points. What has not begun has no value.
    pub(crate) fn of(period: Period, step: Step, now: Timestamp) -> Self {
        match step {
            Step::Hour => Self::Hours(period.each_hour().filter(|hour| hour.start() <= now).collect()),
            Step::Days(interval) => {
                let intervals = period.intervals(interval).into_iter();
                Self::Periods(intervals.filter(|interval| interval.start().start() <= now).collect())
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Hours(hours) => hours.len(),
            Self::Periods(periods) => periods.len(),
        }
    }

    /// The last moments, but none after now: what stocks are as at.
    pub(crate) fn ends(&self, now: Timestamp) -> Vec<Timestamp> {
        match self {
            Self::Hours(hours) => hours.iter().map(|hour| hour.end().min(now)).collect(),
            Self::Periods(periods) => periods.iter().map(|period| period.end().end().min(now)).collect(),
        }
    }
}
