//! The calendar, windows and due moments.

use api::Error;
use jiff::civil::Date;
use proto::scheduler::v1 as wire;
use rollout::calendar::{Calendar, ClosedReason, Freeze, FreezeDays, Occurrence, SkipReason};
use rollout::state::{Due, DueOutcome, DueRecord};

use super::{etag, moment};

/// Longest reason of a freeze: a line.
const FREEZE_REASON_CHARS_MAX: usize = 200;

pub(crate) fn calendar_to_wire(calendar: &Calendar, changed_at_position: u64) -> wire::Calendar {
    let holidays = calendar.bank_holidays.iter();
    let freezes = calendar.freeze_days.iter();
    wire::Calendar {
        bank_holidays: holidays
            .map(|(date, title)| wire::BankHoliday { date: date.to_string(), title: title.to_owned() })
            .collect(),
        freezes: freezes.map(freeze_to_wire).collect(),
        known_until: calendar.bank_holidays.last_known().map(|date| date.to_string()).unwrap_or_default(),
        etag: etag::of(changed_at_position),
    }
}

fn freeze_to_wire(freeze: &Freeze) -> wire::Freeze {
    days_to_wire(freeze.first(), freeze.last(), freeze.why())
}

pub(crate) fn days_to_wire(first: Date, last: Date, why: &str) -> wire::Freeze {
    wire::Freeze { from: first.to_string(), to: last.to_string(), reason: why.to_owned() }
}

pub(crate) fn freezes_from_wire(freezes: &[wire::Freeze]) -> Result<FreezeDays, Error> {
    let mut read = Vec::new();
    for (number, freeze) in freezes.iter().enumerate() {
        let path = format!("freezes[{number}]");
        let first = api::time::required_date(&format!("{path}.from"), &freeze.from)?;
        let last = api::time::required_date(&format!("{path}.to"), &freeze.to)?;
        let of_reason = format!("{path}.reason");
        api::validate::required(&of_reason, &freeze.reason)?;
        api::validate::free_text(&of_reason, &freeze.reason, FREEZE_REASON_CHARS_MAX)?;
        read.push(Freeze::new(first, last, freeze.reason.as_str()).map_err(|problem| {
            Error::invalid(path, "FREEZE_INVALID", "{field}: {problem}").with("problem", problem)
        })?);
    }
    Ok(read.into_iter().collect())
}

pub(crate) fn window_to_wire(occurrence: &Occurrence, waves: Vec<String>) -> wire::OpenWindow {
    wire::OpenWindow {
        waves,
        date: occurrence.date.to_string(),
        start_at: Some(moment(occurrence.opens)),
        end_at: Some(moment(occurrence.closes)),
    }
}

pub(crate) fn closed_day_to_wire(date: Date, reason: &SkipReason) -> wire::ClosedDay {
    let code = match reason {
        SkipReason::Empty => "EMPTY_WINDOW",
        SkipReason::Closed(ClosedReason::Weekend) => "WEEKEND",
        SkipReason::Closed(ClosedReason::BankHoliday { .. }) => "BANK_HOLIDAY",
        SkipReason::Closed(ClosedReason::FreezeDay { .. }) => "FREEZE",
        SkipReason::Closed(ClosedReason::BeyondKnownHolidays { .. }) => "BEYOND_KNOWN_HOLIDAYS",
    };
    wire::ClosedDay { date: date.to_string(), reason: code.to_owned(), detail: reason.to_string() }
}

/// A due moment; `record` is none while nothing was recorded of it.
pub(crate) fn due_to_wire(due: &Due, record: Option<&DueRecord>) -> wire::DueMoment {
    let (outcome, reason) = match record.map(|record| &record.outcome) {
        None => (wire::DueOutcome::Pending, String::new()),
        Some(DueOutcome::Started) => (wire::DueOutcome::Started, String::new()),
        Some(DueOutcome::LateStarted) => (wire::DueOutcome::LateStarted, String::new()),
        Some(DueOutcome::Missed { reason }) => (wire::DueOutcome::Missed, reason.to_string()),
        Some(DueOutcome::Skipped { reason }) => (wire::DueOutcome::Skipped, reason.to_string()),
        Some(DueOutcome::Superseded) => (wire::DueOutcome::Superseded, String::new()),
    };
    wire::DueMoment {
        at: Some(moment(due.at)),
        kind: due.kind.as_str().to_owned(),
        subject: due.wave.to_string(),
        outcome: outcome.into(),
        reason,
        recorded_at: record.map(|record| moment(record.recorded_at)),
    }
}
