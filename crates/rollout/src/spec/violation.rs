//! What can be wrong with a programme as written; said all at once, each with the path of its field (I8).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::Supplier;

use crate::calendar::{CalendarError, NeverOpens};
use crate::id::{ProgrammeId, WaveId};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the document: `waves[2].deferred_to`.
    pub field: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.field, self.wrong)
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// CEL that cannot be read, or names an unknown field.
    #[error("{0}")]
    Cohort(filter::FilterError),
    /// No practice matches.
    #[error("no practice matches")]
    EmptyCohort,
    /// Nothing that must be there.
    #[error("must not be empty")]
    Empty,
    /// Both a cohort and a list.
    #[error("give either a cohort or a list of practices, not both")]
    CohortAndList,
    /// A practice that the registry does not have, or has as closed.
    #[error("{0} is not an open practice of the registry")]
    UnknownPractice(ods::PracticeCode),
    /// A window or a freeze that cannot be.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// No window opens between the wave's dates.
    #[error("no window opens from {from} to {until}{}", cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default())]
    WindowNeverOpens {
        /// The wave's first date.
        from: Date,
        /// Its last.
        until: Date,
        /// Why not even later, where that is so.
        cause: Option<NeverOpens>,
    },
    /// A date after the last known bank holiday (rule 2).
    #[error("{date} is beyond the last known bank holiday{}", last_known.map(|date| format!(" ({date})")).unwrap_or_default())]
    BeyondKnownHolidays {
        /// The date.
        date: Date,
        /// The last known holiday.
        last_known: Option<Date>,
    },
    /// Dates the wrong way round.
    #[error("{until} is before {from}")]
    EndsBeforeItBegins {
        /// The first date.
        from: Date,
        /// The last date.
        until: Date,
    },
    /// A wave that begins before notice of it can be given (rule 11).
    #[error("with {working_days} working days' notice from today, the earliest date is {earliest}")]
    NoticeTooShort {
        /// What is owed.
        working_days: u16,
        /// The earliest date that could be.
        earliest: Date,
    },
    /// The same, where the earliest date lies beyond the last known bank holiday, and so beyond the wave's (rule 2).
    #[error("{working_days} working days' notice from today reach beyond the last known bank holiday{}", .last_known.map(|date| format!(" ({date})")).unwrap_or_default())]
    NoticeUncountable {
        /// What is owed.
        working_days: u16,
        /// The last known holiday.
        last_known: Option<Date>,
    },
    /// In the past.
    #[error("{moment} has passed")]
    Past {
        /// The moment.
        moment: Timestamp,
    },
    /// A wave that the document does not have.
    #[error("there is no wave {} in this document", .0.0)]
    UnknownWave(WaveId),
    /// Two waves of one number.
    #[error("wave {} is listed twice", .0.0)]
    DuplicateWave(WaveId),
    /// A listed wave with a number that the strategy gives.
    #[error("wave {} is numbered as the strategy's waves are, from {} on", wave.0, first_wave.0)]
    NumberOfStrategy {
        /// The wave.
        wave: WaveId,
        /// The strategy's first number.
        first_wave: WaveId,
    },
    /// A wave that has ended.
    #[error("wave {} has ended; its number cannot be used again", .0.0)]
    WaveEnded(WaveId),
    /// A wave of the strategy that all later ones wait for, and that ended otherwise.
    #[error("wave {} has ended without passing; number the strategy's waves anew, or list the waves", .0.0)]
    NotPassed(WaveId),
    /// A wave that has opened, with other settings.
    #[error("wave {} has opened: list it as it is, or leave it out", .0.0)]
    WaveOpened(WaveId),
    /// Deferral to itself or to a wave that is not later.
    #[error("wave {to} must come after the objections end and after this wave begins", to = .0.0)]
    NotLater(WaveId),
    /// A place to go without a moment up to which one can ask for it, or the reverse.
    #[error("objections_until and deferred_to belong together")]
    ObjectionsWithoutDeferral,
    /// Objections that end after the wave has begun.
    #[error("objections end at {objections_end}, after the wave opens at {opens}")]
    ObjectionsAfterOpening {
        /// The last moment.
        objections_end: Timestamp,
        /// The first moment of the first window.
        opens: Timestamp,
    },
    /// A wave that waits for itself, or for one that is not before it.
    #[error("wave {} is not listed before this one", .0.0)]
    NotBefore(WaveId),
    /// A supplier that the programme does not list.
    #[error("{0} is not among the programme's suppliers")]
    UnknownSupplier(Supplier),
    /// Booked dates without dates or cut-off.
    #[error("the mode booked-dates of {0} needs dates and cut_off")]
    BookingIncomplete(Supplier),
    /// A booked date on which nobody can go live.
    #[error("{date} takes no go-live: {reason}")]
    ClosedDay {
        /// The date.
        date: Date,
        /// Why it is closed.
        reason: crate::calendar::ClosedReason,
    },
    /// No booked date lies between the wave's dates.
    #[error("no booked date of {supplier} lies from {from} to {until}")]
    NoBookedDate {
        /// The supplier.
        supplier: Supplier,
        /// The wave's first date.
        from: Date,
        /// Its last.
        until: Date,
    },
    /// A gate that anything passes, or that never decides.
    #[error("{0}")]
    Gate(&'static str),
    /// A figure that must be above 0.
    #[error("must be above 0")]
    Zero,
    /// More practices than the caps let through in the wave's time (I18).
    #[error("{left_count} of {count} practices do not fit from {from} to {until} under the daily caps")]
    DoesNotFit {
        /// How many match.
        count: usize,
        /// How many of them are left over.
        left_count: usize,
        /// The wave's first date.
        from: Date,
        /// Its last.
        until: Date,
    },
    /// A name that no readiness item can have.
    #[error("{0:?} is no name of a readiness item; one is like staff-training")]
    ItemName(String),
    /// Neither of the catalogue nor described.
    #[error("{0} is no item of the catalogue; an item of the programme's own has a title and a description")]
    UnknownItem(String),
    /// The catalogue's items mean the same everywhere.
    #[error("{0} is an item of the catalogue, which says what it is")]
    CatalogueItem(String),
    /// The document is about another programme.
    #[error("this document is {given}, not {expected}")]
    OtherProgramme {
        /// The programme it was given for.
        expected: ProgrammeId,
        /// The programme it names.
        given: ProgrammeId,
    },
    /// A programme keeps its capability.
    #[error("a programme cannot change its capability")]
    OtherCapability,
}
