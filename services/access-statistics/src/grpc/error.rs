//! The one mapping from what can go wrong here to what a caller is told.

use std::time::Duration;

use api::Error;
use tally::{PeriodError, PublicationRejection, ReturnsRejection, SequenceError, TotalsRejection};
use tonic::Status;

use crate::ingest::IngestError;
use crate::query::QueryError;
use crate::returns::Refused;

/// When a call that met a store in trouble may be sent again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// When a publication may be asked for again while another one is judged: judging takes up to some seconds.
const PUBLICATION_DELAY: Duration = Duration::from_secs(3);

pub(super) fn of_ingest(error: &IngestError) -> Status {
    let error = match error {
        IngestError::Sequence(SequenceError::Gap { expected, found }) => {
            Error::failed_precondition("SEQUENCE_GAP", "the batch begins at {found}, but {expected} is next")
                .with("expected", expected)
                .with("found", found)
                .precondition("SEQUENCE", "first_sequence", format!("send from {expected} on"))
        }
        IngestError::Sequence(SequenceError::Range { first, .. }) => Error::invalid(
            "first_sequence",
            "SEQUENCE_OUT_OF_RANGE",
            "{field} is {first}; sequences begin at 1 and end before 2^63",
        )
        .with("first", first),
        IngestError::Reused { sequence } => Error::failed_precondition(
            "SEQUENCE_REUSED",
            "sequence {sequence} is durable with other content; a source that numbers anew begins another incarnation",
        )
        .with("sequence", sequence)
        .precondition("SEQUENCE", "first_sequence", "must not be used for other events"),
        IngestError::ClockOff { skew_ms } => Error::unavailable(
            "CLOCK_OFF",
            "this replica's clock is off its database's by {skew_ms} ms, so it records nothing; try another",
        )
        .with("skew_ms", skew_ms)
        .retry_after(RETRY_DELAY),
        // The writer has logged the cause.
        IngestError::Store(_) => {
            Error::unavailable("STORE_UNAVAILABLE", "the store failed; reconnect and go on from the durable sequence")
                .retry_after(RETRY_DELAY)
        }
        IngestError::Stopped => {
            Error::unavailable("STOPPING", "the service is stopping; reconnect and go on from the durable sequence")
                .retry_after(RETRY_DELAY)
        }
    };
    error.into()
}

pub(super) fn of_query(error: &QueryError) -> Error {
    match error {
        QueryError::Store(cause) => Error::internal(cause),
        QueryError::Behind => Error::unavailable("REPLICA_BEHIND", "this replica has not caught up with its tables")
            .retry_after(RETRY_DELAY),
        QueryError::RegistryRewound { found, known } => Error::failed_precondition(
            "JOURNAL_REWOUND",
            "the registry's journal is not the one that was followed: it is at {found}, {known} was reached",
        )
        .with("found", found)
        .with("known", known)
        .precondition(
            "JOURNAL",
            "journals/registry",
            "must go on from what was followed; an operator must decide",
        ),
        QueryError::ViewersByMonthOnly { days_from } => Error::invalid(
            "interval",
            "VIEWERS_BY_MONTH_ONLY",
            "viewers of single practices are kept by the day from {days_from} on; before it ask for whole months",
        )
        .with("days_from", days_from),
        QueryError::HoursByDayOnly { hours_from } => Error::invalid(
            "period",
            "HOURS_BY_DAY_ONLY",
            "{field} begins before {hours_from}: views are kept by the hour from then on, before it by the day",
        )
        .with("hours_from", hours_from),
        QueryError::NotByTheHour { measure } => Error::invalid(
            "interval",
            "INTERVAL_NOT_FOR_MEASURE",
            "{field} is hours: of {definition} the shortest interval is a day",
        )
        .with("definition", measure),
        QueryError::NothingToCompare { count } => Error::invalid(
            "practices.practices",
            "NOTHING_TO_COMPARE",
            "of the {count} practices in {field} none is live in the area; name a first_date, or other practices",
        )
        .with("count", count),
        QueryError::Period(error) => of_period("practices.practices", error),
        QueryError::PublicationInProgress => Error::unavailable(
            "PUBLICATION_IN_PROGRESS",
            "another publication is being judged against all others; one is at a time",
        )
        .retry_after(PUBLICATION_DELAY),
        QueryError::Stopping => {
            Error::unavailable("STOPPING", "the service is stopping; ask again").retry_after(RETRY_DELAY)
        }
        // Where the registry is to this service: what it has followed.
        QueryError::PositionNotReached { reached, wanted } => {
            api::position_not_reached("journals/registry", *reached, *wanted)
        }
    }
}

/// As [`of_query`], of a question that has no intervals.
pub(super) fn of_comparison(error: &QueryError) -> Error {
    match error {
        QueryError::ViewersByMonthOnly { days_from } => Error::invalid(
            "measure",
            "VIEWERS_BY_MONTH_ONLY",
            "{field} is viewers: of single practices they are kept by the day from {days_from} on, and compared only there",
        )
        .with("days_from", days_from),
        other => of_query(other),
    }
}

pub(super) fn of_rejection(rejection: &Refused) -> Error {
    match rejection {
        Refused::Returns(rejection) => of_returns(rejection),
        Refused::Totals(rejection) => of_totals(rejection),
        Refused::Publication(rejection) => of_publication(rejection),
    }
}

fn of_publication(rejection: &PublicationRejection) -> Error {
    match rejection {
        PublicationRejection::NotOver { publication, end, today } => Error::failed_precondition(
            "PERIOD_NOT_OVER",
            "{publication} is as at the end of {end}, and today is {today}",
        )
        .with("publication", publication)
        .with("end", end)
        .with("today", today)
        .precondition("PERIOD", publication.to_string(), "its last day must be over"),
        PublicationRejection::NotAnnounced { publication } => {
            Error::failed_precondition("RELEASE_NOT_ANNOUNCED", "{publication} is not in the release calendar")
                .with("publication", publication)
                .precondition("CALENDAR", publication.to_string(), "announce its release first, by SetRelease")
        }
        PublicationRejection::AlreadyPublished { publication, issues } => Error::already_exists(
            "PUBLICATION_EXISTS",
            "{publication} has {issues} issues, which stay; a correction is made by ReissuePublication",
        )
        .with("publication", publication)
        .with("issues", issues),
        PublicationRejection::NotPublished { publication } => {
            Error::not_found("PUBLICATION_NOT_FOUND", "{publication} has no issue that could be corrected")
                .with("publication", publication)
        }
        PublicationRejection::NothingCorrected { issue } => Error::failed_precondition(
            "NOTHING_CORRECTED",
            "issue {issue} of {publication} says the same: by what is known there is nothing to correct",
        )
        .with("issue", issue.issue)
        .with("publication", &issue.publication)
        .precondition("FIGURES", issue.publication.to_string(), "must differ from those of its last issue"),
        PublicationRejection::Empty { publication } => {
            Error::failed_precondition("NO_PRACTICES", "by what was known, no practice was open for {publication}")
                .with("publication", publication)
                .precondition("REGISTRY", publication.to_string(), "must be followed first")
        }
        PublicationRejection::FigureNotOfPeriod { publication, figure } => Error::invalid(
            "definitions",
            "DEFINITION_NOT_OF_PERIOD",
            "{field} names {definition}, which {publication} has not: people who viewed, and views by app, are published of months",
        )
        .with("definition", figure)
        .with("publication", publication),
        PublicationRejection::Discloses { figure, issue, breakdown, area } => Error::failed_precondition(
            "DISCLOSES",
            "with {definition} in it, {breakdown} {area} of {publication}, issue {issue}, could be worked out, whatever is \
             withheld",
        )
        .with("definition", figure)
        .with("breakdown", breakdown)
        .with("area", area)
        .with("publication", &issue.publication)
        .with("issue", issue.issue)
        .precondition("DISCLOSURE", figure.to_string(), "leave it out, or publish when more has changed"),
        PublicationRejection::Overtaken { judged, issues } => Error::aborted(
            "PUBLICATION_OVERTAKEN",
            "it was judged against {judged} issues, and there are {issues} by now; ask again",
        )
        .with("judged", judged)
        .with("issues", issues)
        .retry_after(RETRY_DELAY),
        PublicationRejection::ReleaseNotAhead { release_at, now } => Error::invalid(
            "release_time",
            "RELEASE_NOT_AHEAD",
            "{field} is {release_at}, which is not after now, {now}",
        )
        .with("release_at", release_at)
        .with("now", now),
        PublicationRejection::ReleaseBeforeEnd { release_at, end } => Error::invalid(
            "release_time",
            "RELEASE_BEFORE_END",
            "{field} is {release_at}, before the publication's last day, {end}, is over",
        )
        .with("release_at", release_at)
        .with("end", end),
        PublicationRejection::AlreadyReleased { publication, released_at } => Error::failed_precondition(
            "ALREADY_RELEASED",
            "{publication} has been public since {released_at}",
        )
        .with("publication", publication)
        .with("released_at", released_at)
        .precondition("CALENDAR", publication.to_string(), "its release has come"),
    }
}

fn of_totals(rejection: &TotalsRejection) -> Error {
    match rejection {
        TotalsRejection::Source { chars } => {
            Error::invalid("source", "SOURCE_INVALID", "{field} has {chars} characters; it must have 1 to {max}")
                .with("chars", chars)
                .with("max", tally::SOURCE_CHARS_MAX)
        }
        TotalsRejection::NotYet { as_at, today } => {
            Error::invalid("as_at_date", "DATE_IN_FUTURE", "{field} is {as_at}, which is after today, {today}")
                .with("as_at", as_at)
                .with("today", today)
        }
        TotalsRejection::Empty => Error::invalid("totals", "FIELD_REQUIRED", "{field} is required"),
        TotalsRejection::TooMany { count } => {
            Error::invalid("totals", "TOO_MANY_ITEMS", "{field} has {count} items; at most {max} are taken in one call")
                .with("count", count)
                .with("max", tally::TOTALS_MAX)
        }
        TotalsRejection::Duplicate { organisation, index } => Error::invalid(
            format!("totals[{index}].organisation"),
            "ORGANISATION_TWICE",
            "{field} is {organisation}, which is in the submission before",
        )
        .with("organisation", organisation),
        TotalsRejection::PartAboveWhole { organisation, index, part, whole } => Error::invalid(
            format!("totals[{index}].aged_16_and_over"),
            "COUNT_CONTRADICTORY",
            "{field} is {part} of {organisation}, which is more than patients_registered, {whole}",
        )
        .with("organisation", organisation)
        .with("part", part)
        .with("whole", whole),
        TotalsRejection::LevelsDisagree { one, other } => Error::invalid(
            "totals",
            "LEVELS_DISAGREE",
            "{field} of one level sum to {one} (all, and aged 16 and over), those of another to {other}",
        )
        .with("one", one)
        .with("other", other),
    }
}

fn of_returns(rejection: &ReturnsRejection) -> Error {
    match rejection {
        ReturnsRejection::Period { start, end } => Error::invalid(
            "period_end_date",
            "PERIOD_INVALID",
            "{field} is {end}: before the period begins on {start}, or more than a year after it",
        )
        .with("start", start)
        .with("end", end),
        ReturnsRejection::PeriodNotOver { end, today } => {
            Error::invalid("period_end_date", "PERIOD_NOT_OVER", "{field} is {end}, which is after today, {today}")
                .with("end", end)
                .with("today", today)
        }
        ReturnsRejection::Empty => Error::invalid("returns", "FIELD_REQUIRED", "{field} is required"),
        ReturnsRejection::TooMany { count } => Error::invalid(
            "returns",
            "TOO_MANY_ITEMS",
            "{field} has {count} items; at most {max} are taken in one call",
        )
        .with("count", count)
        .with("max", tally::RETURNS_MAX),
        ReturnsRejection::Duplicate { practice, index } => Error::invalid(
            format!("returns[{index}].practice"),
            "PRACTICE_TWICE",
            "{field} is {practice}, which is in the submission before",
        )
        .with("practice", format!("practices/{practice}")),
        ReturnsRejection::Contradiction { practice, index, part, part_count, whole, whole_count } => Error::invalid(
            format!("returns[{index}].{part}"),
            "COUNT_CONTRADICTORY",
            "{field} is {part_count} at {practice}, which is more than {whole}, {whole_count}",
        )
        .with("part_count", part_count)
        .with("practice", format!("practices/{practice}"))
        .with("whole", whole)
        .with("whole_count", whole_count),
    }
}

pub(super) fn of_period(path: &str, error: &PeriodError) -> Error {
    match error {
        PeriodError::Reversed { start, end } => {
            Error::invalid(path, "PERIOD_INVALID", "{field} ends on {end}, before it begins on {start}")
                .with("start", start)
                .with("end", end)
        }
        PeriodError::TooLong { days } => {
            Error::invalid(path, "PERIOD_TOO_LONG", "{field} has {days} days; {max} are allowed")
                .with("days", days)
                .with("max", tally::PERIOD_DAYS_MAX)
        }
    }
}
