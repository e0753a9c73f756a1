//! The calendar: reading and replacing it, windows, due moments.

use std::collections::BTreeMap;

use api::{Error, Page, PageLimits};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use journal::Outcome;
use proto::scheduler::v1 as wire;
use rollout::Act;
use rollout::calendar::{BankHolidays, Calendar, Occurrence, SkipReason};
use rollout::state::{Due, DueRecord, Programme};

use super::convert::{calendar, etag, name};
use super::submit::{Ask, Asked};
use super::{Handlers, programme_of};
use crate::machine::{Expectation, SchedulerMachine};

/// Longest run of days of which windows are listed: a year and a day.
const WINDOW_DAYS_MAX: i32 = 366;

/// A file of bank holidays: GOV.UK's has about 60 KB.
const BANK_HOLIDAYS_BYTES_MAX: usize = 1024 * 1024;

/// Most freezes: one a week for years.
const FREEZES_MAX: usize = 500;

pub(super) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetCalendarRequest>,
) -> Result<wire::GetCalendarResponse, Error> {
    let published = handlers.at(asked.request.min_position).await?;
    let state = &published.state.rollout;
    let calendar = calendar::calendar_to_wire(&state.calendar, state.calendar_changed_at_position);
    Ok(wire::GetCalendarResponse { calendar: Some(calendar) })
}

pub(super) async fn update(
    handlers: &Handlers,
    asked: Asked<wire::UpdateCalendarRequest>,
) -> Result<wire::UpdateCalendarResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let given = etag::read("etag", &asked.request.etag)?;
    let published = handlers.at(0).await?;
    let state = &published.state.rollout;
    let calendar = updated(state.calendar.clone(), &asked.request)?;
    // What stays as it was is taken from the state just read: it must not have changed meanwhile.
    let expects = Expectation::Calendar(given.unwrap_or(state.calendar_changed_at_position));
    let ask = Ask::act(&asked, &mutation, Act::UpdateCalendar { calendar }).expecting(Some(expects));
    let word = |outcome: &Outcome<'_, SchedulerMachine>| {
        let state = &outcome.after.rollout;
        let calendar = calendar::calendar_to_wire(&state.calendar, state.calendar_changed_at_position);
        wire::UpdateCalendarResponse { calendar: Some(calendar), position: outcome.position }
    };
    handlers.submit(ask, word).await
}

fn updated(mut calendar: Calendar, request: &wire::UpdateCalendarRequest) -> Result<Calendar, Error> {
    if !request.bank_holidays_json.is_empty() {
        calendar.bank_holidays = bank_holidays(&request.bank_holidays_json)?;
    }
    if request.replace_freezes {
        if request.freezes.len() > FREEZES_MAX {
            api::validate::count("freezes", request.freezes.len(), FREEZES_MAX)?;
        }
        calendar.freeze_days = calendar::freezes_from_wire(&request.freezes)?;
    }
    Ok(calendar)
}

fn bank_holidays(file: &[u8]) -> Result<BankHolidays, Error> {
    if file.len() > BANK_HOLIDAYS_BYTES_MAX {
        return Err(Error::invalid("bank_holidays_json", "FILE_TOO_LONG", "{field} has more than {bytes_max} bytes")
            .with("bytes_max", BANK_HOLIDAYS_BYTES_MAX));
    }
    let read = ods::bank_holidays::parse(file).map_err(|refusal| {
        Error::invalid("bank_holidays_json", "BANK_HOLIDAYS_INVALID", "{field}: {problem}").with("problem", refusal)
    })?;
    Ok(read.document.iter().map(|(date, holiday)| (date, holiday.title.as_str())).collect())
}

pub(super) async fn list_windows(
    handlers: &Handlers,
    asked: Asked<wire::ListOpenWindowsRequest>,
) -> Result<wire::ListOpenWindowsResponse, Error> {
    let request = &asked.request;
    let id = name::programme("programme", &request.programme)?;
    let (from, to) = (api::time::required_date("from", &request.from)?, api::time::required_date("to", &request.to)?);
    if to < from || from.checked_add(WINDOW_DAYS_MAX.days()).is_ok_and(|last| to > last) {
        return Err(Error::invalid("to", "DATES_INVALID", "{field} must be from `from` to {days_max} days after it")
            .with("days_max", WINDOW_DAYS_MAX));
    }
    let published = handlers.at(request.min_position).await?;
    let programme = programme_of(&published.state.rollout, &id)?;
    Ok(windows_of(programme, &published.state.rollout.calendar, from, to))
}

/// Every window of the plan in force, once, with the waves it is for; and those that do not open.
fn windows_of(programme: &Programme, calendar: &Calendar, from: Date, to: Date) -> wire::ListOpenWindowsResponse {
    let mut open: BTreeMap<(Timestamp, Timestamp), (Occurrence, Vec<String>)> = BTreeMap::new();
    let mut closed: BTreeMap<Date, SkipReason> = BTreeMap::new();
    for wave in programme.waves_in_order() {
        for occurrence in wave.rules.windows_between(calendar, from.max(wave.from), to.min(wave.until)) {
            match occurrence.skipped.clone() {
                Some(reason) => _ = closed.insert(occurrence.date, reason),
                None => {
                    let span = (occurrence.opens, occurrence.closes);
                    open.entry(span).or_insert((occurrence, Vec::new())).1.push(wave.id.to_string());
                }
            }
        }
    }
    wire::ListOpenWindowsResponse {
        windows: open.into_values().map(|(occurrence, waves)| calendar::window_to_wire(&occurrence, waves)).collect(),
        closed_days: closed.iter().map(|(date, reason)| calendar::closed_day_to_wire(*date, reason)).collect(),
        supplier_freezes: supplier_freezes(programme, from, to),
    }
}

/// What suppliers have frozen of the days asked for, once, with the waves whose practices it keeps waiting.
fn supplier_freezes(programme: &Programme, from: Date, to: Date) -> Vec<wire::SupplierFreeze> {
    let mut freezes: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for wave in programme.waves_in_order() {
        let (first, last) = (from.max(wave.from), to.min(wave.until));
        for (supplier, days) in &wave.rules.supplier_freezes {
            for freeze in days.iter().filter(|freeze| freeze.first() <= last && first <= freeze.last()) {
                let place = (freeze.first(), supplier, freeze.last(), freeze.why());
                freezes.entry(place).or_default().push(wave.id.to_string());
            }
        }
    }
    let told = freezes.into_iter().map(|((first, supplier, last, why), waves)| wire::SupplierFreeze {
        supplier: supplier.to_string(),
        freeze: Some(calendar::days_to_wire(first, last, why)),
        waves,
    });
    told.collect()
}

pub(super) async fn list_due(
    handlers: &Handlers,
    asked: Asked<wire::ListDueMomentsRequest>,
) -> Result<wire::ListDueMomentsResponse, Error> {
    let page: Page<Due> = api::page!(asked.request, PageLimits::STANDARD)?;
    let only = if asked.request.programme.is_empty() {
        None
    } else {
        Some(name::programme("programme", &asked.request.programme)?)
    };
    let published = handlers.at(asked.request.min_position).await?;
    let programmes = published.state.rollout.programmes.values();
    let wanted = programmes.filter(|programme| only.as_ref().is_none_or(|only| programme.id == *only));
    let mut moments: Vec<(&Due, Option<&DueRecord>)> = wanted.flat_map(moments_of).collect();
    moments.sort_by_key(|(due, _)| *due);
    moments.retain(|(due, _)| page.after.as_ref().is_none_or(|after| *due > after));
    let more = moments.len() > page.rows;
    moments.truncate(page.rows);
    let next = moments.last().filter(|_| more).map(|(last, _)| page.next_page_token(last));
    Ok(wire::ListDueMomentsResponse {
        moments: moments.into_iter().map(|(due, record)| calendar::due_to_wire(due, record)).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

fn moments_of(programme: &Programme) -> impl Iterator<Item = (&Due, Option<&DueRecord>)> {
    let settled = programme.due.iter().map(|(due, record)| (due, Some(record)));
    settled.chain(programme.due_pending.iter().map(|due| (due, None)))
}
