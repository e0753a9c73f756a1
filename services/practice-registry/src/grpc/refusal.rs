//! What a refusal is on the wire: one exhaustive mapping.

use api::Error;
use filter::FilterError;
use journal::SubmitError;
use practice::Rejection;

use crate::grpc::{name, resource};

pub(crate) fn of_rejection(rejection: &Rejection) -> Error {
    match rejection {
        Rejection::PracticeUnknown { practice } => practice_not_found(*practice),
        Rejection::PauseUnknown { practice, pause } => pause_not_found(&name::of_pause(*practice, *pause)),
        Rejection::PracticeChanged { practice, position, seen } => {
            etag_mismatch(*practice, &resource::etag(*seen), &resource::etag(*position))
        }
        Rejection::PauseEndsInPast { until, now } => {
            Error::invalid("until", "PAUSE_ENDS_IN_PAST", "{field} is {until}, which is not after {now}")
                .with("until", until)
                .with("now", now)
        }
        Rejection::PauseEnded { practice, pause } => {
            let pause = name::of_pause(*practice, *pause);
            Error::failed_precondition("PAUSE_ENDED", "{pause} has ended; a new decision is a new pause")
                .with("pause", &pause)
                .precondition("PAUSE_IN_FORCE", &pause, "must be in force")
        }
        Rejection::NotPaused { practice } => {
            let practice = name::of_practice(*practice);
            Error::failed_precondition(
                "PRACTICE_NOT_PAUSED",
                "{practice} has no pause in force, so there is none to lift",
            )
            .with("practice", &practice)
            .precondition("PAUSE_IN_FORCE", &practice, "must have a pause in force")
        }
        Rejection::PauseNotJudged { practice, pause } => {
            let pause = name::of_pause(*practice, *pause);
            Error::failed_precondition(
                "PAUSE_NOT_BY_PROGRAMME_DEFAULT",
                "{pause} does not end by the programme's default; only the practice can end it",
            )
            .with("pause", &pause)
            .precondition("PAUSE_END", &pause, "must be PROGRAMME_DEFAULT")
        }
        Rejection::EffectiveInFuture { effective_from, today } => Error::invalid(
            "header.effective_date",
            "EFFECTIVE_DATE_IN_FUTURE",
            "{field} is {effective_date}, which is after today, {today}; import the file on that day",
        )
        .with("effective_date", effective_from)
        .with("today", today),
        Rejection::ObservedInFuture { practice, as_at, now } => Error::invalid(
            "observations.as_at",
            "OBSERVED_IN_FUTURE",
            "{practice} cannot have been observed at {as_at}: it is {now}",
        )
        .with("practice", name::of_practice(*practice))
        .with("as_at", as_at)
        .with("now", now),
        Rejection::OrganisationUnknown { organisation } => organisation_not_found(&name::of_organisation(organisation)),
        Rejection::OrganisationChanged { organisation, position, seen } => {
            organisation_etag_mismatch(organisation, &resource::etag(*seen), &resource::etag(*position))
        }
        Rejection::ClosedBeforeOpened { open, close } => Error::invalid(
            "close_date",
            "CLOSED_BEFORE_OPENED",
            "{field} is {close_date}, which is not after the open date, {open_date}",
        )
        .with("close_date", close)
        .with("open_date", open),
        // Only the loop of syncs asks for these, and takes them as told.
        Rejection::SyncNotOpen { .. } | Rejection::SyncAdvanced { .. } => Error::internal(rejection),
        // Chunks are cut by this service, so a long one is its fault.
        Rejection::ChunkTooLong { .. } => Error::internal(rejection),
    }
}

pub(crate) fn of_submission(error: SubmitError<Rejection>) -> Error {
    journal::grpc::refusal(error, |rejection| of_rejection(&rejection))
}

/// Rule 17: what the reader has is of a journal that this one does not continue.
pub(crate) fn rewound(position: u64) -> Error {
    Error::failed_precondition(
        "JOURNAL_REWOUND",
        "this journal has another record at position {position} than the reader's: records are gone; begin with a snapshot",
    )
    .with("position", position)
    .precondition("JOURNAL", "journals/registry", "must continue what the reader has")
}

pub(crate) fn practice_not_found(code: ods::PracticeCode) -> Error {
    Error::not_found("PRACTICE_NOT_FOUND", "{practice} is not in the register")
        .with("practice", name::of_practice(code))
}

pub(crate) fn organisation_not_found(organisation: &str) -> Error {
    Error::not_found("ORGANISATION_NOT_FOUND", "{organisation} is not in the register")
        .with("organisation", organisation)
}

pub(crate) fn organisation_etag_mismatch(code: &str, given: &str, current: &str) -> Error {
    match api::etag::check(&name::of_organisation(code), given, current) {
        Err(error) => error,
        // Cannot be: the machine found them different.
        Ok(()) => organisation_not_found(&name::of_organisation(code)),
    }
}

pub(crate) fn pause_not_found(pause: &str) -> Error {
    Error::not_found("PAUSE_NOT_FOUND", "there is no {pause}").with("pause", pause)
}

pub(crate) fn receipt_not_found(receipt: &str) -> Error {
    Error::not_found("RECEIPT_NOT_FOUND", "there is no {receipt}").with("receipt", receipt)
}

pub(crate) fn etag_mismatch(code: ods::PracticeCode, given: &str, current: &str) -> Error {
    match api::etag::check(&name::of_practice(code), given, current) {
        Err(error) => error,
        // Cannot be: the machine found them different.
        Ok(()) => practice_not_found(code),
    }
}

pub(crate) fn of_filter(error: &FilterError) -> Error {
    Error::invalid("filter", "FILTER_INVALID", "{field}, line {line}, column {column}: {error}")
        .with("line", error.line())
        .with("column", error.column())
        .with("error", error.kind())
}
