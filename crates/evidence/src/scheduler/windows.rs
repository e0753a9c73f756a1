//! Windows, looked up anew: whether each seal to switch on now, and each invitation, was recorded while a window of its wave was open
//! on a day that is no weekend, bank holiday or freeze day (rules 1 to 3), by the journal's own time.

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;
use ods::civil::civil_date;
use rollout::calendar::Calendar;
use rollout::plan::WaveRules;

/// Whether windows were kept.
#[derive(Debug, Default)]
pub(crate) struct WindowsKept {
    pub(crate) cases_count: usize,
    pub(crate) breaches: Vec<String>,
    /// Those at most [`EDGE`] after a window opened or before it shut.
    pub(crate) at_edges_count: usize,
}

/// How near to the beginning or the end of a window is at its edge.
const EDGE: SignedDuration = SignedDuration::from_mins(10);

impl WindowsKept {
    /// A practice is sealed to be switched on, or asked to do it, at `at`. `calendar` is as it was known then.
    pub(crate) fn acts(
        &mut self,
        rules: &WaveRules,
        calendar: &Calendar,
        practice: PracticeCode,
        at: Timestamp,
        position: u64,
    ) {
        self.cases_count += 1;
        match look_up(rules, calendar, at) {
            Ok((from, to)) => {
                let is_at_edge = at.duration_since(from) <= EDGE || to.duration_since(at) <= EDGE;
                self.at_edges_count += usize::from(is_at_edge);
            }
            Err(why) => self.breaches.push(format!("{practice} was to be switched on at {at}, at {position}: {why}")),
        }
    }
}

/// The window that is open at that moment, or why none is.
fn look_up(rules: &WaveRules, calendar: &Calendar, at: Timestamp) -> Result<(Timestamp, Timestamp), &'static str> {
    let day = civil_date(at);
    if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return Err("on a weekend");
    }
    if calendar.bank_holidays.title(day).is_some() {
        return Err("on a bank holiday");
    }
    if calendar.freeze_days.why(day).is_some() || rules.freeze_days.why(day).is_some() {
        return Err("on a freeze day");
    }
    let of_day = rules.windows.iter().filter(|window| window.weekday() == day.weekday());
    let mut spans = of_day.map(|window| (window.from().on(day), window.to().on(day)));
    spans.find(|(from, to)| *from <= at && at < *to).ok_or("outside its windows")
}
