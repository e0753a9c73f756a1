//! Of which moment a read is, and in whose codes: the fields that all reads of practices and organisations share.

use std::sync::Arc;

use api::Error;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use ods::civil::civil_date;
use practice::{AsOf, Codes, Practice, State, View};

/// A read of the present, or of the past in both times; in the codes of its own moment or of a chosen day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    as_of: Option<AsOf>,
    geography_date: Option<Date>,
    now: Timestamp,
}

/// `reading!(request, now)` → `Result<Reading, Error>`, from the fields `effective_at`, `known_at` and `geography_date`.
macro_rules! reading {
    ($request:expr, $now:expr) => {{
        let (request, now) = (&$request, $now);
        $crate::grpc::reading::Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), now)
            .and_then(|reading| reading.in_codes_of(&request.geography_date))
    }};
}
pub(crate) use reading;

/// A state as a read sees it.
pub(crate) struct Reader<'a> {
    state: &'a State,
    as_of: Option<AsOf>,
    codes: Option<Codes<'a>>,
}

impl Reading {
    pub(crate) fn new(
        effective_at: Option<&prost_types::Timestamp>,
        known_at: Option<&prost_types::Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        Self::named("effective_at", effective_at, known_at, now)
    }

    /// As [`new`](Self::new), where the field of what was true has another name.
    pub(crate) fn named(
        effective_path: &'static str,
        effective_at: Option<&prost_types::Timestamp>,
        known_at: Option<&prost_types::Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let effective_at = past(effective_path, effective_at, now)?;
        let known_at = past("known_at", known_at, now)?;
        if effective_at.is_none() && known_at.is_none() {
            return Ok(Self { as_of: None, geography_date: None, now });
        }
        // Of what was known then, the truth of then: who asks for one past moment means that one.
        let effective_at = effective_at.or(known_at).unwrap_or(now);
        let as_of = AsOf { effective_at, known_at: known_at.unwrap_or(Timestamp::MAX) };
        Ok(Self { as_of: Some(as_of), geography_date: None, now })
    }

    pub(crate) fn in_codes_of(self, geography_date: &str) -> Result<Self, Error> {
        let geography_date = past_date("geography_date", geography_date, self.now)?;
        Ok(Self { geography_date, ..self })
    }

    pub(crate) fn of(self, state: &State) -> Reader<'_> {
        let codes = self.geography_date.map(|day| Codes::of(state, day, self.known_at()));
        Reader { state, as_of: self.as_of, codes }
    }

    /// The past that it is of; None for the present.
    pub(crate) fn as_of(self) -> Option<AsOf> {
        self.as_of
    }

    /// The day that is read, and by what was known when.
    pub(crate) fn day(self) -> Date {
        civil_date(self.as_of.map_or(self.now, |as_of| as_of.effective_at))
    }

    pub(crate) fn known_at(self) -> Timestamp {
        self.as_of.map_or(Timestamp::MAX, |as_of| as_of.known_at)
    }

    /// The day whose codes are told.
    pub(crate) fn codes_day(self) -> Date {
        self.geography_date.unwrap_or_else(|| self.day())
    }

    /// True of a read of the present, which shows what events have brought about (rule 15).
    pub(crate) fn is_present(self) -> bool {
        self.as_of.is_none()
    }
}

impl<'a> Reader<'a> {
    /// The practice as it is read; None where it was not known, or not yet there.
    pub(crate) fn view(&self, practice: &'a Arc<Practice>) -> Option<View<'a>> {
        let view = match self.as_of {
            None => View::current(practice),
            Some(as_of) => View::as_of(practice, as_of)?,
        };
        Some(match &self.codes {
            None => view,
            Some(codes) => view.in_codes(codes),
        })
    }

    pub(crate) fn find(&self, code: PracticeCode) -> Option<View<'a>> {
        self.view(self.state.practice(code)?)
    }
}

/// A moment that has come.
pub(crate) fn past(
    path: &str,
    wire: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let moment = api::time::moment(path, wire)?;
    if moment.is_some_and(|moment| moment > now) {
        return Err(Error::invalid(path, "MOMENT_IN_FUTURE", "{field} is after {now}").with("now", now));
    }
    Ok(moment)
}

/// The date in the field at `path`, at the latest today; None where it is empty.
pub(crate) fn past_date(path: &str, wire: &str, now: Timestamp) -> Result<Option<Date>, Error> {
    let (date, today) = (api::time::date(path, wire)?, civil_date(now));
    if date.is_some_and(|date| date > today) {
        return Err(Error::invalid(path, "DATE_IN_FUTURE", "{field} is after today, {today}").with("today", today));
    }
    Ok(date)
}
