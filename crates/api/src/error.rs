//! The refusal of a call, on its way to a [`tonic::Status`].

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

use crate::nhs_number;

/// The domain of every `google.rpc.ErrorInfo` of ours.
pub const DOMAIN: &str = "citizens-access";

/// Longest value in a message and its metadata, in characters. A status travels in a header, and clients allow some
/// 8 KiB for all of them; what a caller sent is recognised by its beginning.
const VALUE_CHARS_MAX: usize = 200;

/// Fields and conditions that one error names; for the same reason, and since nobody mends more at a time.
const VIOLATIONS_MAX: usize = 10;

/// Why a call is refused.
///
/// The message is a template: `{practice}` in it stands for the metadata of that key. So every variable of a message is
/// in the metadata too, where programs read it, and no other way to put one there exists.
///
/// ```
/// use api::Error;
/// let error = Error::not_found("PRACTICE_NOT_FOUND", "{practice} is not in the register").with("practice", "practices/A81001");
/// assert_eq!(error.to_string(), "practices/A81001 is not in the register");
/// ```
#[derive(Debug)]
pub struct Error(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    code: Code,
    reason: &'static str,
    template: &'static str,
    metadata: BTreeMap<&'static str, String>,
    fields: Vec<FieldViolation>,
    preconditions: Vec<PreconditionViolation>,
    retry_after: Option<Duration>,
}

impl Error {
    /// A refusal with `code` and an UPPER_SNAKE `reason`; each `{key}` in `template` is filled from [`with`](Self::with).
    pub fn new(code: Code, reason: &'static str, template: &'static str) -> Self {
        debug_assert!(reason.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{reason}");
        Self(Box::new(Refusal {
            code,
            reason,
            template,
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            retry_after: None,
        }))
    }

    /// INVALID_ARGUMENT for the field at `path` (dotted, with indexes: `rows[3].ods_code`); the metadata has it as `field`.
    pub fn invalid(path: impl Into<String>, reason: &'static str, template: &'static str) -> Self {
        let path = path.into();
        Self::new(Code::InvalidArgument, reason, template).with("field", &path).field(path, "")
    }

    /// NOT_FOUND: what the call names does not exist.
    pub fn not_found(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::NotFound, reason, template)
    }

    /// ALREADY_EXISTS: what the call creates is there already.
    pub fn already_exists(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::AlreadyExists, reason, template)
    }

    /// PERMISSION_DENIED: the caller is known and may not.
    pub fn permission_denied(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::PermissionDenied, reason, template)
    }

    /// FAILED_PRECONDITION: right call, wrong state. Say what is wrong with [`precondition`](Self::precondition).
    pub fn failed_precondition(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::FailedPrecondition, reason, template)
    }

    /// ABORTED: somebody else changed it meanwhile; read again, then decide again.
    pub fn aborted(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::Aborted, reason, template)
    }

    /// RESOURCE_EXHAUSTED: a named limit is reached; always with [`retry_after`](Self::retry_after) where waiting helps.
    pub fn resource_exhausted(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::ResourceExhausted, reason, template)
    }

    /// UNAVAILABLE: nothing was done, the same call may be sent again.
    pub fn unavailable(reason: &'static str, template: &'static str) -> Self {
        Self::new(Code::Unavailable, reason, template)
    }

    /// INTERNAL: a fault of ours. The cause goes to the log, with the trace id; the caller gets a fixed text and that id.
    pub fn internal(cause: &(dyn StdError + 'static)) -> Self {
        let trace_id = current_trace_id();
        tracing::error!(error = cause, trace_id, "internal error");
        Self::new(Code::Internal, "INTERNAL", "internal error; quote trace {trace_id} to the operator")
            .with("trace_id", trace_id)
    }

    /// Adds metadata; the value also replaces `{key}` in the message.
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        let mut value = told(value.to_string());
        if let Some((end, _)) = value.char_indices().nth(VALUE_CHARS_MAX) {
            value.truncate(end);
            value.push('…');
        }
        self.0.metadata.insert(key, value);
        self
    }

    /// Adds a `BadRequest` violation of the field at `path`; an empty description means: the message says it. The first
    /// ten are kept.
    pub fn field(mut self, path: impl Into<String>, description: impl Into<String>) -> Self {
        if self.0.fields.len() < VIOLATIONS_MAX {
            self.0.fields.push(FieldViolation::new(told(path.into()), told(description.into())));
        }
        self
    }

    /// Adds a `PreconditionFailure` violation: which kind of condition (`kind`, UPPER_SNAKE), of what (`subject`, a
    /// resource name), and what would satisfy it. The first ten are kept.
    pub fn precondition(
        mut self,
        kind: &'static str,
        subject: impl fmt::Display,
        description: impl fmt::Display,
    ) -> Self {
        if self.0.preconditions.len() < VIOLATIONS_MAX {
            let (subject, description) = (told(subject.to_string()), told(description.to_string()));
            self.0.preconditions.push(PreconditionViolation::new(kind, subject, description));
        }
        self
    }

    /// Adds `RetryInfo`: when the same call may succeed.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// The status code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The UPPER_SNAKE reason.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }
}

/// A value as an error may tell it: errors are logged, kept and shown (rule 16).
fn told(value: String) -> String {
    if nhs_number::contains(&value) { nhs_number::WITHHELD.to_owned() } else { value }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.template;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            match after.split_once('}').and_then(|(key, tail)| Some((self.0.metadata.get(key)?, tail))) {
                Some((value, tail)) => {
                    f.write_str(value)?;
                    rest = tail;
                }
                // No such variable: the text shows the placeholder rather than hiding the slip.
                None => {
                    f.write_str("{")?;
                    rest = after;
                }
            }
        }
        f.write_str(rest)
    }
}

impl StdError for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let Refusal { code, reason, metadata, mut fields, preconditions, retry_after, .. } = *error.0;
        let metadata: HashMap<_, _> = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        if !fields.is_empty() {
            for violation in &mut fields {
                reason.clone_into(&mut violation.reason);
                if violation.description.is_empty() {
                    violation.description.clone_from(&message);
                }
            }
            details.set_bad_request(fields);
        }
        if !preconditions.is_empty() {
            details.set_precondition_failure(preconditions);
        }
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Self::with_error_details(code, message, details)
    }
}

static TRACE_ID: OnceLock<fn() -> String> = OnceLock::new();

/// Says where INTERNAL errors get the trace id that they quote. `server` sets it to `telemetry::trace_id`, so that
/// neither crate depends on the other; the first call counts.
pub fn internal_errors_quote(trace_id: fn() -> String) {
    // A second server in the same process names the same function.
    let _ = TRACE_ID.set(trace_id);
}

fn current_trace_id() -> String {
    TRACE_ID.get().map_or_else(|| "unknown".to_owned(), |trace_id| trace_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_of_the_message_is_in_the_metadata() {
        let error =
            Error::not_found("PRACTICE_NOT_FOUND", "{practice} is not in {register}; nor is {practice} elsewhere")
                .with("practice", "practices/A81001")
                .with("register", "the register");
        let status = Status::from(error);
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "practices/A81001 is not in the register; nor is practices/A81001 elsewhere");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("PRACTICE_NOT_FOUND", "citizens-access"));
        assert_eq!(info.metadata["practice"], "practices/A81001");
        assert_eq!(info.metadata["register"], "the register");
    }

    #[test]
    fn a_status_has_exactly_one_error_info() {
        let status = Status::from(Error::invalid("practice.ods_code", "ODS_CODE_INVALID", "{field} is no ODS code"));
        let details = status.get_error_details_vec();
        assert_eq!(details.iter().filter(|d| matches!(d, tonic_types::ErrorDetail::ErrorInfo(_))).count(), 1);
    }

    #[test]
    fn an_invalid_field_is_named_with_the_message_and_the_reason() {
        let status = Status::from(Error::invalid("rows[3].ods_code", "ODS_CODE_INVALID", "{field} is no ODS code"));
        assert_eq!(status.code(), Code::InvalidArgument);
        let bad_request = status.get_details_bad_request().unwrap();
        assert_eq!(bad_request.field_violations.len(), 1);
        assert_eq!(bad_request.field_violations[0].field, "rows[3].ods_code");
        assert_eq!(bad_request.field_violations[0].description, "rows[3].ods_code is no ODS code");
        assert_eq!(bad_request.field_violations[0].reason, "ODS_CODE_INVALID");
    }

    #[test]
    fn a_failed_precondition_and_a_retry_are_carried() {
        let status = Status::from(
            Error::failed_precondition("WAVE_OPEN", "{wave} is open")
                .with("wave", "programmes/a/waves/3")
                .precondition("WAVE_STATE", "programmes/a/waves/3", "must be PLANNED")
                .retry_after(Duration::from_secs(7)),
        );
        let failure = status.get_details_precondition_failure().unwrap();
        assert_eq!(failure.violations[0].r#type, "WAVE_STATE");
        assert_eq!(failure.violations[0].subject, "programmes/a/waves/3");
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(7)));
    }

    #[test]
    fn an_internal_error_does_not_tell_its_cause() {
        let cause = std::io::Error::other("password wrong for user postgres");
        let status = Status::from(Error::internal(&cause));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("postgres"), "{}", status.message());
        assert!(status.get_details_error_info().unwrap().metadata.contains_key("trace_id"));
    }

    #[test]
    fn an_error_about_a_huge_input_stays_small_enough_for_a_header() {
        let mut error =
            Error::invalid("name", "NAME_INVALID", "{field} is {value}").with("value", "é".repeat(1_000_000));
        for row in 0..1_000 {
            error = error.field(format!("rows[{row}]"), "is wrong too").precondition("ROW", row, "is wrong too");
        }
        let status = Status::from(error);
        assert!(status.message().len() + status.details().len() < 6_000, "{}", status.details().len());
    }

    /// Rule 16.
    #[test]
    fn an_error_does_not_repeat_an_nhs_number() {
        let status = Status::from(
            Error::invalid("name", "NAME_INVALID", "{field} is `{value}`")
                .with("value", "practices/943-476-5919")
                .field("rows[0]", "943 476 5919 is no code")
                .precondition("X", "practices/9434765919", "must be another"),
        );
        let told = format!("{} {:?}", status.message(), status.get_error_details());
        assert!(!told.contains("5919") && told.contains("withheld"), "{told}");
    }

    #[test]
    fn an_unfilled_placeholder_stays_visible() {
        assert_eq!(Error::aborted("X", "{a} and {b").with("a", 1).to_string(), "1 and {b");
        assert_eq!(Error::aborted("X", "{missing} {a}").with("a", 1).to_string(), "{missing} 1");
    }
}
