//! From a request to what the journal records with it, and from the engine's refusals to statuses.

use std::error::Error;
use std::time::Duration;

use identity::Caller;

use crate::{Meta, SubmitError};

/// When to try again after the store failed: long enough for a fail-over to begin, short enough for a person to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Meta {
    /// What a mutation brings: its caller, its common fields, and the trace that it runs in. The cause is the handler's
    /// to say.
    pub fn of(caller: &Caller, mutation: &api::Mutation) -> Self {
        Self {
            actor: caller.account.to_string(),
            request_id: mutation.request_id.clone(),
            body_digest: mutation.body_digest,
            cause: String::new(),
            traceparent: telemetry::traceparent().map(|parent| parent.to_string()).unwrap_or_default(),
            reason_code: mutation.reason_code.clone(),
            note: mutation.note.clone(),
        }
    }
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
        SubmitError::Unavailable(cause) => {
            tracing::warn!(error = &*cause as &(dyn Error + 'static), "a command was not recorded");
            api::Error::unavailable(
                "JOURNAL_UNAVAILABLE",
                "the journal is unavailable; send the same request again, it takes effect at most once",
            )
            .retry_after(RETRY_AFTER)
        }
        SubmitError::Stopped(cause) => api::Error::failed_precondition("JOURNAL_STOPPED", "{cause}")
            .with("cause", &cause)
            .precondition("JOURNAL", "journal", "an operator must mend it and start the server again"),
        SubmitError::Fault { .. } => api::Error::internal(&error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::JournalError;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    #[test]
    fn each_refusal_has_its_code_and_reason() {
        let closed = || Arc::new(JournalError::Closed { journal: "toy".to_owned() });
        let cases: [(SubmitError<No>, &str); 5] = [
            (SubmitError::Rejected(No), "NO"),
            (SubmitError::RequestIdReused { request_id: "r-1".to_owned() }, "REQUEST_ID_REUSED"),
            (SubmitError::Unavailable(closed()), "JOURNAL_UNAVAILABLE"),
            (SubmitError::Stopped(closed()), "JOURNAL_STOPPED"),
            (SubmitError::Fault { journal: "toy", what: "a panic".to_owned() }, "INTERNAL"),
        ];
        for (error, reason) in cases {
            let refusal = refusal(error, |No| api::Error::aborted("NO", "no"));
            assert_eq!(refusal.reason(), reason);
        }
    }
}
