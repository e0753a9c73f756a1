//! From the engine's errors to statuses: one exhaustive mapping each.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::{JournalError, NotReached, RedactionRejection, SubmitError};

/// When to try again after the store failed: long enough for a fail-over to begin, short enough for a person to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a read waits for its `min_position` where the caller set no deadline.
const PATIENCE_MAX: Duration = Duration::from_secs(5);

/// What is left of a deadline to send the refusal in.
const PATIENCE_MARGIN: Duration = Duration::from_millis(50);

/// Until when a read waits for its `min_position`: a little less than its caller does.
pub fn patience() -> Instant {
    let longest = tokio::time::Instant::now().into_std() + PATIENCE_MAX;
    match api::deadline::current() {
        Some(deadline) => deadline.checked_sub(PATIENCE_MARGIN).unwrap_or(deadline).min(longest),
        None => longest,
    }
}

/// A `min_position` that was not reached in time.
pub fn not_reached(error: &NotReached) -> api::Error {
    api::position_not_reached(format!("journals/{}", error.journal), error.position, error.wanted)
}

/// The refusal of a submitted command; `rejected` words the domain's own.
pub fn refusal<R: Error + Send + Sync + 'static>(
    error: SubmitError<R>,
    rejected: impl FnOnce(R) -> api::Error,
) -> api::Error {
    match error {
        SubmitError::Rejected(rejection) => rejected(rejection),
        SubmitError::RequestIdReused { request_id } => api::Error::already_exists(
            "REQUEST_ID_REUSED",
            "request id {request_id} was used for another request; send a new one",
        )
        .with("request_id", request_id)
        .field("request_id", ""),
        SubmitError::Unavailable(cause) => unavailable(&cause),
        SubmitError::Stopped(cause) => stopped(&cause),
        SubmitError::Fault { .. } => api::Error::internal(&error),
    }
}

/// A refused redaction of a note in `journals/{journal}`.
pub(crate) fn of_redaction(journal: &str, rejection: &RedactionRejection) -> api::Error {
    let record = |position: u64| format!("journals/{journal}/records/{position}");
    match rejection {
        RedactionRejection::NoNote { note_position } => {
            api::Error::not_found("NOTE_NOT_FOUND", "{record} was not recorded with a note")
                .with("record", record(*note_position))
        }
        RedactionRejection::NoteMissing { note_position } => api::Error::failed_precondition(
            "NOTE_MISSING",
            "the note of {record} is missing although nobody redacted it: verify the journal",
        )
        .with("record", record(*note_position))
        .precondition("NOTE_PRESENT", record(*note_position), "its note must be there"),
        RedactionRejection::AlreadyRedacted(redaction, done) => api::Error::failed_precondition(
            "NOTE_REDACTED",
            "the note of {record} was redacted by {asked_by} and {redacted_by} at {redacted_at}",
        )
        .with("record", record(redaction.note_position))
        .with("asked_by", &redaction.asked_by)
        .with("redacted_by", &done.by)
        .with("redacted_at", done.at)
        .precondition("NOTE_PRESENT", record(redaction.note_position), "its note must be there"),
        RedactionRejection::SecondPerson { note_position, refusal } => {
            api::second_person(record(*note_position), refusal)
        }
    }
}

/// An error of reading or verifying a journal.
pub(crate) fn unreadable(error: &JournalError) -> api::Error {
    match error {
        JournalError::Store { .. }
        | JournalError::Slow { .. }
        | JournalError::ToldToFail { .. }
        | JournalError::ClockOff { .. }
        | JournalError::Closed { .. } => unavailable(error),
        JournalError::OtherJournal { .. }
        | JournalError::Broken { .. }
        | JournalError::UnknownKind { .. }
        | JournalError::Rewound(_)
        | JournalError::Fault { .. }
        | JournalError::Damaged { .. } => stopped(error),
        JournalError::File { .. } | JournalError::Checkpoint { .. } => api::Error::internal(error),
    }
}

fn unavailable(cause: &JournalError) -> api::Error {
    // What the store says is for the operator; the caller can only try again.
    let error: &(dyn Error + 'static) = cause;
    tracing::warn!(error, "the journal is unavailable to a caller");
    if let JournalError::ClockOff { skew_ms, .. } = cause {
        let template = "this replica's clock is off its database's by {skew_ms} ms, so it records nothing; try another";
        return api::Error::unavailable("CLOCK_OFF", template).with("skew_ms", skew_ms).retry_after(RETRY_AFTER);
    }
    let template = "the journal is unavailable; send the same request again, it takes effect at most once";
    api::Error::unavailable("JOURNAL_UNAVAILABLE", template).retry_after(RETRY_AFTER)
}

fn stopped(cause: &JournalError) -> api::Error {
    let reason = if matches!(cause, JournalError::Rewound(_)) { "JOURNAL_REWOUND" } else { "JOURNAL_STOPPED" };
    let remedy = "an operator must mend it and start the server again";
    api::Error::failed_precondition(reason, "{cause}").with("cause", cause).precondition(reason, "journal", remedy)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ChainFault, Head, Rewound};

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    #[test]
    fn each_refusal_has_its_reason() {
        let closed = || Arc::new(JournalError::Closed { journal: "toy".to_owned() });
        let source = ChainFault::Altered { position: 3 };
        let broken = Arc::new(JournalError::Broken { journal: "toy".to_owned(), source });
        let (known, found) = (Head::genesis("toy"), Head::genesis("other"));
        let rewound =
            Rewound { journal: "toy".to_owned(), known, found, common_position: None, witness: "we".to_owned() };
        let cases: [(SubmitError<No>, &str); 6] = [
            (SubmitError::Rejected(No), "NO"),
            (SubmitError::RequestIdReused { request_id: "r-1".to_owned() }, "REQUEST_ID_REUSED"),
            (SubmitError::Unavailable(closed()), "JOURNAL_UNAVAILABLE"),
            (SubmitError::Stopped(broken), "JOURNAL_STOPPED"),
            (SubmitError::Stopped(Arc::new(JournalError::Rewound(Box::new(rewound)))), "JOURNAL_REWOUND"),
            (SubmitError::Fault { journal: "toy", what: "a panic".to_owned() }, "INTERNAL"),
        ];
        for (error, reason) in cases {
            let refusal = refusal(error, |No| api::Error::aborted("NO", "no"));
            assert_eq!(refusal.reason(), reason);
        }
    }

    #[test]
    fn a_read_gives_up_before_its_caller_does() {
        let deadline = Instant::now() + Duration::from_secs(2);
        let _entered = api::deadline::enter(Some(deadline));
        assert!(patience() < deadline);
    }
}
