//! What a refusal is on the wire: one exhaustive mapping.

use std::time::Duration;

use api::Error;
use filter::FilterError;
use journal::SubmitError;
use practice::{Rejection, SuccessionRejection};

use crate::addresses::AddressError;
use crate::grpc::{name, resource};

/// When to try again after the store failed: long enough for a fail-over to begin, short enough for a person to wait.
const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);

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
        Rejection::PauseJudgedLate { practice, pause } => {
            let pause = name::of_pause(*practice, *pause);
            Error::failed_precondition(
                "PAUSE_JUDGED_LATE",
                "{pause} was judged late, which is final: only the practice ends it",
            )
            .with("pause", &pause)
            .precondition("PAUSE_OUTCOME", &pause, "must not be LATE")
        }
        Rejection::ReadinessItemUnknown { item } => Error::invalid(
            "items.item",
            "READINESS_ITEM_UNKNOWN",
            "there is no readiness item {item}; ListReadinessItems names those there are",
        )
        .with("item", item),
        Rejection::ReadinessItemOfCatalogue { item } => Error::invalid(
            "items.item",
            "READINESS_ITEM_OF_CATALOGUE",
            "{item} is an item of the catalogue; a template demands it without declaring it",
        )
        .with("item", item),
        Rejection::AdviceUnknown { .. }
        | Rejection::AdviceHasEnded { .. }
        | Rejection::AdviceEndsInPast { .. }
        | Rejection::AdviceMomentOutOfRange { .. }
        | Rejection::AdviceOfAnother { .. } => of_advice(rejection),
        Rejection::ContactUnknown { practice, contact } => {
            Error::not_found("CONTACT_NOT_FOUND", "there is no {contact}")
                .with("contact", name::of_contact(*practice, *contact))
        }
        Rejection::RetentionOutOfRange { retain_until, now, latest } => Error::invalid(
            "retain_until",
            "RETENTION_OUT_OF_RANGE",
            "{field} is {retain_until}; it must be after {now} and not after {latest}",
        )
        .with("retain_until", retain_until)
        .with("now", now)
        .with("latest", latest),
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
        Rejection::Succession(rejection) => of_succession(rejection),
        // Only the loop of syncs asks for these, and takes them as told.
        Rejection::SyncNotOpen { .. } | Rejection::SyncAdvanced { .. } => Error::internal(rejection),
        // Chunks are cut by this service, so a long one is its fault.
        Rejection::ChunkTooLong { .. } => Error::internal(rejection),
    }
}

fn of_succession(rejection: &SuccessionRejection) -> Error {
    match rejection {
        SuccessionRejection::SuccessionShape { kind, predecessors_count, successors_count } => Error::invalid(
            "kind",
            "SUCCESSION_SHAPE_INVALID",
            "{field} is {kind} of {predecessors_count} practices into {successors_count}; MERGE takes one or more into \
             one, SPLIT one into two or more, RECODE one into one, CLOSE one into none",
        )
        .with("kind", kind.as_str().to_uppercase())
        .with("predecessors_count", predecessors_count)
        .with("successors_count", successors_count),
        SuccessionRejection::NamedTwice { practice } => Error::invalid(
            "predecessors",
            "PRACTICE_NAMED_TWICE",
            "{practice} is named twice; name each once, on one side",
        )
        .with("practice", name::of_practice(*practice)),
        SuccessionRejection::SuccessorUnknown { practice } => {
            let practice = name::of_practice(*practice);
            Error::failed_precondition(
                "SUCCESSOR_NOT_IN_DIRECTORY",
                "{practice} is in no directory that was imported; import the one that names it, then record the succession",
            )
            .with("practice", &practice)
            .precondition("PRACTICE", &practice, "must be in an imported directory")
        }
        SuccessionRejection::AlreadySucceeded { practice, effective_from, successors } => {
            let practice = name::of_practice(*practice);
            let successors: Vec<String> = successors.iter().map(|code| name::of_practice(*code)).collect();
            let by = if successors.is_empty() { "nobody".to_owned() } else { successors.join(", ") };
            Error::failed_precondition(
                "PRACTICE_SUCCEEDED_ALREADY",
                "{practice} is succeeded from {effective_date} by {successors}; a code ends once",
            )
            .with("practice", &practice)
            .with("effective_date", effective_from)
            .with("successors", by)
            .precondition("SUCCESSION", &practice, "must not be succeeded yet")
        }
        SuccessionRejection::SuccessorClosed { practice, closed_from } => {
            let practice = name::of_practice(*practice);
            Error::failed_precondition(
                "SUCCESSOR_CLOSED",
                "{practice} is closed from {closed_from}; name whoever goes on beyond that day",
            )
            .with("practice", &practice)
            .with("closed_from", closed_from)
            .precondition("PRACTICE_STATUS", &practice, "must be open on the day of the succession")
        }
        SuccessionRejection::ClosesBeforeSucceeding { practice, succeeds, closes } => {
            let practice = name::of_practice(*practice);
            Error::failed_precondition(
                "PRACTICE_SUCCEEDS_LATER",
                "{practice} succeeds others from {succeeds}, so it cannot be closed from {closes}",
            )
            .with("practice", &practice)
            .with("succeeds", succeeds)
            .with("closes", closes)
            .precondition("SUCCESSION", &practice, "must succeed others before it closes")
        }
        SuccessionRejection::EffectiveTooFar { effective_from, last } => Error::invalid(
            "effective_date",
            "EFFECTIVE_DATE_TOO_FAR",
            "{field} is {effective_date}, which is after {last}; record it nearer the day",
        )
        .with("effective_date", effective_from)
        .with("last", last),
        SuccessionRejection::NotInSuccession { practice } => {
            Error::invalid("etags", "PRACTICE_NOT_IN_SUCCESSION", "{field} names {practice}, which has no part in it")
                .with("practice", name::of_practice(*practice))
        }
        SuccessionRejection::AffectedDiffers { affected } => {
            let message = "the succession would affect {count} practices with hash {hash}; look at a new dry run";
            Error::aborted("AFFECTED_DIFFERS", message).with("count", affected.count).with("hash", &affected.hash)
        }
    }
}

fn of_advice(rejection: &Rejection) -> Error {
    match rejection {
        Rejection::AdviceUnknown { practice, advice } => Error::not_found("ADVICE_NOT_FOUND", "there is no {advice}")
            .with("advice", name::of_advice(*practice, *advice)),
        Rejection::AdviceHasEnded { practice, advice } => {
            let advice = name::of_advice(*practice, *advice);
            Error::failed_precondition("ADVICE_ENDED", "{advice} has ended; what is advised anew is recorded anew")
                .with("advice", &advice)
                .precondition("ADVICE_OPEN", &advice, "must be open")
        }
        Rejection::AdviceEndsInPast { until, now } => {
            Error::invalid("until", "ADVICE_ENDS_IN_PAST", "{field} is {until}, which is not after {now}")
                .with("until", until)
                .with("now", now)
        }
        Rejection::AdviceMomentOutOfRange { moment, earliest, now } => Error::invalid(
            "from",
            "ADVICE_MOMENT_OUT_OF_RANGE",
            "advice begins now at the latest and ends between its beginning and now; {moment} is not from {earliest} to {now}",
        )
        .with("moment", moment)
        .with("earliest", earliest)
        .with("now", now),
        Rejection::AdviceOfAnother { practice, advice, recorded_as } => Error::permission_denied(
            "ADVICE_OF_ANOTHER",
            "{advice} is ended by its author or by an account with one of the roles {roles}",
        )
        .with("advice", name::of_advice(*practice, *advice))
        .with("roles", recorded_as.join(", ")),
        other => Error::internal(other),
    }
}

pub(crate) fn of_submission(error: SubmitError<Rejection>) -> Error {
    journal::grpc::refusal(error, |rejection| of_rejection(&rejection))
}

/// The table of addresses could not be read or written.
pub(crate) fn of_addresses(error: &AddressError) -> Error {
    match error {
        AddressError::Database(cause) if cause.is_unavailable() => {
            tracing::warn!(error = telemetry::chain(error), "the addresses are unavailable to a caller");
            let template = "the store is unavailable; send the same request again, it takes effect at most once";
            Error::unavailable("STORE_UNAVAILABLE", template).retry_after(STORE_RETRY_AFTER)
        }
        AddressError::Database(_) | AddressError::Damaged { .. } => Error::internal(error),
    }
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

/// Who observes something says it in its own name.
pub(crate) fn source_of_others(
    caller: &identity::Caller,
    source: practice::access::ObservationSource,
    speaks: identity::Roles,
) -> Error {
    Error::permission_denied(
        "SOURCE_OF_OTHERS",
        "{account} may not say what {source} observed; that is for the roles {roles}, or a service that passes it on",
    )
    .with("account", &caller.account)
    .with("source", resource::source_to_wire(source).as_str_name())
    .with("roles", speaks)
}

/// A watch that its reader left unread for too long.
pub(crate) fn watch_unread(unread_max: Duration, resume_token: &str) -> Error {
    Error::resource_exhausted(
        "WATCH_UNREAD",
        "the watch had more to say and was not read for {unread_ms_max} ms, so it has let go of it; go on from the last bookmark",
    )
    .with("unread_ms_max", unread_max.as_millis())
    .with("resume_token", resume_token)
    .retry_after(Duration::ZERO)
}

pub(crate) fn of_filter(error: &FilterError) -> Error {
    api::filter_invalid("filter", error.line(), error.column(), error.kind())
}
