//! What a refusal is on the wire: one exhaustive mapping from the domain's rejections.

use std::time::Duration;

use api::Error;
use journal::JournalError;
use rollout::forecast::NoForecast;
use rollout::replay::NoReplay;
use rollout::spec::Violation;

use super::convert::{etag, hold};
use crate::document::{DOCUMENT_BYTES_MAX, DocumentError};
use crate::forecasts::ForecastError;
use crate::machine::Rejection;
use crate::peer::PeerError;
use crate::replays::ReplayError;

/// When to try again while the store or a peer is away: it restarts in about a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// When to ask for a forecast again while others wait for theirs: each takes seconds.
const FORECAST_RETRY_AFTER: Duration = Duration::from_secs(10);

/// How many of a document's mistakes a reply lists.
const VIOLATIONS_MAX: usize = 100;

pub(crate) fn of_rejection(rejection: &Rejection) -> Error {
    match rejection {
        Rejection::Rollout(rejection) => of_rollout(rejection),
        Rejection::Changed { what, given, actual } => {
            Error::aborted("ETAG_MISMATCH", "{resource} was changed: its etag is {current}, not {given}; read it again")
                .with("resource", what)
                .with("given", etag::of(*given))
                .with("current", etag::of(*actual))
        }
        Rejection::ListOutdated { given, actual } => {
            Error::aborted("LIST_OUTDATED", "the list is {actual} by now, not {given}: read it again")
                .with("given", given)
                .with("actual", actual)
        }
        Rejection::SelectionChanged { members_count, hash } => {
            let message = "the selection has {count} members now, with hash {hash}: look at it again";
            Error::aborted("SELECTION_CHANGED", message).with("count", members_count).with("hash", hash)
        }
        // No caller asks under a fence.
        Rejection::LeaseLost { .. } => Error::internal(rejection),
    }
}

fn of_rollout(rejection: &rollout::Rejection) -> Error {
    use rollout::Rejection as Rejected;
    match rejection {
        Rejected::ProgrammeExists(programme) => {
            Error::already_exists("PROGRAMME_EXISTS", "{programme} exists already").with("programme", programme)
        }
        Rejected::UnknownProgramme(programme) => no_such_programme(programme),
        Rejected::ProgrammeEnded { programme, stage } => {
            in_state("PROGRAMME_ENDED", "{subject} is {state}", programme, &format!("{stage:?}").to_uppercase())
        }
        Rejected::Invalid(violations) => of_violations(violations),
        Rejected::PlanOutdated { programme } => {
            Error::aborted("PLAN_OUTDATED", "the plan of {programme} was made before its last change; submit it again")
                .with("programme", programme)
        }
        Rejected::UnknownPlan { programme, version } => {
            Error::not_found("PLAN_NOT_FOUND", "{plan} does not exist").with("plan", format!("{programme}/{version}"))
        }
        Rejected::PlanNotInReview { programme, version, stage } => {
            let plan = format!("{programme}/{version}");
            in_state("PLAN_NOT_IN_REVIEW", "{subject} is {state}, not IN_REVIEW", &plan, &format!("{stage:?}"))
        }
        Rejected::PlanHashDiffers { given, actual } => {
            Error::aborted("PLAN_HASH_MISMATCH", "the plan's hash is {actual}, not {given}: look at it again")
                .with("given", given)
                .with("actual", actual)
        }
        Rejected::ApproverIsEditor { account } => Error::permission_denied(
            "APPROVER_IS_EDITOR",
            "{account} wrote part of this plan since the last approval; somebody else approves it",
        )
        .with("account", account),
        Rejected::UnknownWave(wave) => no_such_wave(wave),
        Rejected::WaveInStage { wave, stage } => {
            in_state("WAVE_IN_STATE", "{subject} is {state}", wave, stage.as_str())
        }
        Rejected::NotLater { wave, from, given } => Error::invalid(
            "opens_on",
            "NOT_LATER",
            "{field} is {given}, but {wave} is on {from} and can only be moved later; an earlier date is a new plan",
        )
        .with("wave", wave)
        .with("from", from)
        .with("given", given),
        Rejected::NeverOpens { wave, from, until } => {
            Error::invalid("opens_on", "WINDOW_NEVER_OPENS", "no window of {wave} opens from {from} to {until}")
                .with("wave", wave)
                .with("from", from)
                .with("until", until)
        }
        Rejected::DatesAreBooked(wave) => in_state(
            "DATES_ARE_BOOKED",
            "{subject} goes by booked dates ({state}); another plan is needed to move it",
            wave,
            "BOOKED_DATES",
        ),
        Rejected::VerdictNotAllowed => {
            Error::invalid("verdict", "VERDICT_NOT_ALLOWED", "{field} must be PASS or FAIL: a person decides")
        }
        Rejected::NotAMember { wave, practice } => {
            Error::not_found("ENROLMENT_NOT_FOUND", "{practice} is not in {wave}")
                .with("practice", format!("practices/{practice}"))
                .with("wave", wave)
        }
        Rejected::EnrolmentInState { wave, practice, state } => {
            let enrolment = format!("{wave}/enrolments/{practice}");
            in_state("ENROLMENT_IN_STATE", "{subject} is {state}", &enrolment, state.as_str())
        }
        Rejected::NoticeInFuture { delivered_at } => {
            Error::invalid("delivered_at", "NOTICE_IN_FUTURE", "{field} is {moment}, which lies ahead")
                .with("moment", delivered_at)
        }
        Rejected::NothingSent { wave, practice } => Error::failed_precondition(
            "NOTHING_SENT",
            "nothing that was sent to {practice} about {wave} can have come back",
        )
        .with("practice", format!("practices/{practice}"))
        .with("wave", wave)
        .precondition("STATE", practice, "NOTHING_SENT"),
        Rejected::UnknownHold(id) => hold::no_such_hold(*id),
        Rejected::HoldLifted(id) => in_state("HOLD_LIFTED", "{subject} is {state}", id, "LIFTED"),
        Rejected::HaltByHand => Error::invalid(
            "hold_class",
            "HALT_BY_HAND",
            "{field} cannot be AUTOMATIC_GATE: such a hold is only ever placed by a gate",
        ),
        Rejected::EmptySelection => {
            Error::invalid("scope.selection", "SELECTION_EMPTY", "{field} has no members, so it would hold nobody")
        }
        Rejected::ReasonRequired => Error::invalid("reason_code", "FIELD_REQUIRED", "{field} is required"),
        Rejected::NotAHalt(id) => in_state("NOT_A_HALT", "{subject} is {state}", id, "NOT_A_HALT"),
        Rejected::AlreadyAcknowledged(id) => {
            in_state("HALT_ACKNOWLEDGED", "{subject} is {state} already", id, "ACKNOWLEDGED")
        }
        Rejected::NotAcknowledged(id) => {
            in_state("HALT_NOT_ACKNOWLEDGED", "{subject} is {state}: acknowledge it first", id, "NOT_ACKNOWLEDGED")
        }
        Rejected::GateUndecided { wave, .. } => {
            in_state("GATE_UNDECIDED", "the gate of {subject} is {state}: decide it first", wave, "UNDECIDED")
        }
        Rejected::SecondPerson { of, refusal } => api::second_person(of, refusal),
        Rejected::EtagDiffers { given, actual } => {
            Error::aborted("ETAG_MISMATCH", "it was changed: its etag is {current}, not {given}; read it again")
                .with("given", etag::of(*given))
                .with("current", etag::of(*actual))
        }
        Rejected::NotAPerson => {
            Error::permission_denied("PERSON_REQUIRED", "only a named person can do this, not a service")
        }
    }
}

/// Right call, wrong state.
fn in_state(reason: &'static str, template: &'static str, subject: &dyn std::fmt::Display, state: &str) -> Error {
    Error::failed_precondition(reason, template).with("subject", subject).with("state", state).precondition(
        "STATE",
        subject,
        format!("is {state}"),
    )
}

/// Everything that is wrong with a document, each with the path of its field in it.
pub(crate) fn of_violations(violations: &[Violation]) -> Error {
    let first = violations.first().map(ToString::to_string).unwrap_or_default();
    let mut error = Error::new(
        tonic::Code::InvalidArgument,
        "PROGRAMME_INVALID",
        "mistakes in the programme: {count}; the first: {first}",
    )
    .with("count", violations.len())
    .with("first", first);
    for violation in violations.iter().take(VIOLATIONS_MAX) {
        error = error.field(format!("specification.{}", violation.field), violation.wrong.to_string());
    }
    error
}

pub(crate) fn of_document(error: &DocumentError) -> Error {
    match error {
        DocumentError::TooLong { bytes } => Error::invalid(
            "specification",
            "DOCUMENT_TOO_LONG",
            "{field} has {bytes} bytes; at most {bytes_max} are read",
        )
        .with("bytes", bytes)
        .with("bytes_max", DOCUMENT_BYTES_MAX),
        DocumentError::NhsNumber { line } => Error::invalid(
            "document",
            "NHS_NUMBER_IN_TEXT",
            "line {line} of {field} has an NHS number in it, or ten digits that could be one; it is kept for ever",
        )
        .with("line", line),
        DocumentError::Form { line, column, problem } => {
            Error::invalid("specification", "DOCUMENT_INVALID", "{field}, line {line}, column {column}: {problem}")
                .with("line", line)
                .with("column", column)
                .with("problem", problem)
        }
    }
}

/// CEL in the field at `path` that cannot be read.
pub(crate) fn of_filter(path: &str, error: &filter::FilterError) -> Error {
    api::filter_invalid(path, error.line(), error.column(), error.kind())
}

pub(crate) fn of_forecast(error: &ForecastError) -> Error {
    match error {
        ForecastError::None(NoForecast::UnknownProgramme(programme)) => no_such_programme(programme),
        ForecastError::None(NoForecast::NotActive { programme, stage }) => in_state(
            "PROGRAMME_NOT_ACTIVE",
            "{subject} is {state}: only a programme whose plan is in force has a forecast",
            programme,
            stage.as_str(),
        ),
        ForecastError::Crowded => {
            Error::resource_exhausted("FORECASTS_CROWDED", "as many forecasts as may be wait already; ask again later")
                .retry_after(FORECAST_RETRY_AFTER)
        }
        ForecastError::Journal(error) => of_journal(error),
        ForecastError::Thread | ForecastError::CallerGone => Error::internal(error),
    }
}

pub(crate) fn of_replay(error: &ReplayError) -> Error {
    match error {
        ReplayError::None(NoReplay::UnknownProgramme(programme)) => no_such_programme(programme),
        ReplayError::None(NoReplay::Unwanted | NoReplay::Restless { .. } | NoReplay::Refused { .. }) => {
            Error::internal(error)
        }
        ReplayError::Forecast(error) => of_forecast(error),
        ReplayError::Registry(error) => of_peer(error),
        ReplayError::Policy(violations) => {
            let first = violations.first().map(ToString::to_string).unwrap_or_default();
            let code = tonic::Code::InvalidArgument;
            let mut refused = Error::new(code, "POLICY_INVALID", "mistakes in the policy: {count}; the first: {first}")
                .with("count", violations.len())
                .with("first", first);
            for violation in violations.iter().take(VIOLATIONS_MAX) {
                refused = refused.field(format!("policy.{}", violation.field), violation.wrong.to_string());
            }
            refused
        }
    }
}

pub(crate) fn of_journal(error: &JournalError) -> Error {
    if error.is_fatal() {
        return Error::internal(error);
    }
    Error::unavailable("JOURNAL_UNAVAILABLE", "the journal is unavailable; send the same request again")
        .retry_after(RETRY_AFTER)
}

pub(crate) fn of_peer(error: &PeerError) -> Error {
    if error.is_unanswered() {
        return Error::unavailable("REGISTRY_UNAVAILABLE", "the practice registry does not answer; try again")
            .retry_after(RETRY_AFTER);
    }
    if let PeerError::Rewound { known, found } = error {
        let template =
            "the practice registry was at position {known} and is at {found}: records are gone, nothing is sealed";
        return Error::failed_precondition("JOURNAL_REWOUND", template)
            .with("known", known)
            .with("found", found)
            .precondition("JOURNAL", "journals/registry", "must have the records that were followed");
    }
    Error::internal(error)
}

pub(crate) fn no_such_programme(programme: &rollout::ProgrammeId) -> Error {
    Error::not_found("PROGRAMME_NOT_FOUND", "{programme} does not exist").with("programme", programme)
}

pub(crate) fn no_such_wave(wave: &rollout::WaveRef) -> Error {
    Error::not_found("WAVE_NOT_FOUND", "{wave} does not exist").with("wave", wave)
}
