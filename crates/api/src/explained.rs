//! A refusal as its receiver reads it: the details of a [`Status`], decoded once.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::Status;
use tonic_types::StatusExt;

/// What a status says beyond its code and message. Empty where the status carries no details (a proxy's, say).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// UPPER_SNAKE reason of the `ErrorInfo`.
    pub reason: String,
    /// Every variable of the message.
    pub metadata: BTreeMap<String, String>,
    /// Path and description of each field that is wrong.
    pub fields: Vec<(String, String)>,
    /// Kind, subject and description of each condition that is not met.
    pub preconditions: Vec<(String, String, String)>,
    /// How long to wait before the same call.
    pub retry_after: Option<Duration>,
}

impl From<&Status> for Explained {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let mut explained = Self::default();
        if let Some(info) = details.error_info() {
            explained.reason.clone_from(&info.reason);
            explained.metadata = info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        if let Some(bad_request) = details.bad_request() {
            for violation in &bad_request.field_violations {
                explained.fields.push((violation.field.clone(), violation.description.clone()));
            }
        }
        if let Some(failure) = details.precondition_failure() {
            for violation in &failure.violations {
                let (kind, subject) = (violation.r#type.clone(), violation.subject.clone());
                explained.preconditions.push((kind, subject, violation.description.clone()));
            }
        }
        explained.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        explained
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn what_is_said_is_what_is_read() {
        let said = Error::invalid("name", "NAME_EMPTY", "{field} is empty")
            .precondition("STATE", "practices/A81001", "must be open")
            .retry_after(Duration::from_millis(20));
        let read = Explained::from(&Status::from(said));
        assert_eq!(read.reason, "NAME_EMPTY");
        assert_eq!(read.metadata["field"], "name");
        assert_eq!(read.fields, [("name".to_owned(), "name is empty".to_owned())]);
        assert_eq!(read.preconditions[0].1, "practices/A81001");
        assert_eq!(read.retry_after, Some(Duration::from_millis(20)));
    }

    #[test]
    fn a_status_without_details_explains_nothing() {
        assert_eq!(Explained::from(&Status::unavailable("connection refused")), Explained::default());
    }
}
