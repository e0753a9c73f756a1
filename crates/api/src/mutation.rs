//! What every mutation has in common: request id, reason, note, dry run.

use crate::validate::{self, FREE_TEXT_CHARS_MAX};
use crate::{Digest, Error, nhs_number};

/// Longest request id: room for a command key (capability, practice, direction, generation) and an event id of a world.
pub const REQUEST_ID_BYTES_MAX: usize = 200;

/// Longest reason code.
pub const REASON_CODE_BYTES_MAX: usize = 64;

/// The checked common fields of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Never empty. A replay with the same body returns the first reply.
    pub request_id: String,
    /// What a replay is compared with: the same request id with another body is refused.
    pub body_digest: Digest,
    /// Why, as a code; empty where none was given.
    pub reason_code: String,
    /// Why, in words; holds no NHS number (rule 16). Empty where none was given.
    pub note: String,
    /// Say what would happen, and do nothing.
    pub dry_run: bool,
}

/// The fields as they came, for [`Mutation::check`]. The macro [`mutation!`](crate::mutation) fills it from a request.
#[derive(Clone, Copy, Debug)]
pub struct MutationFields<'a> {
    /// Field 50.
    pub request_id: &'a str,
    /// Field 52.
    pub reason_code: &'a str,
    /// Field 53.
    pub note: &'a str,
    /// Field 54.
    pub dry_run: bool,
    /// [`digest`](crate::digest) of the whole request.
    pub body_digest: Digest,
}

impl Mutation {
    /// Checks the common fields; the error names the one that is wrong.
    pub fn check(fields: MutationFields<'_>) -> Result<Self, Error> {
        check_request_id(fields.request_id)?;
        validate::reason_code("reason_code", fields.reason_code)?;
        validate::free_text("note", fields.note, FREE_TEXT_CHARS_MAX)?;
        Ok(Self {
            request_id: fields.request_id.to_owned(),
            body_digest: fields.body_digest,
            reason_code: fields.reason_code.to_owned(),
            note: fields.note.to_owned(),
            dry_run: fields.dry_run,
        })
    }

    /// Refuses where no reason code was given; for acts that must say why.
    pub fn with_reason(self) -> Result<Self, Error> {
        validate::required("reason_code", &self.reason_code)?;
        Ok(self)
    }
}

/// `mutation!(request)` → `Result<Mutation, Error>`, from the fields `request_id`, `reason_code`, `note` and `dry_run`
/// and the digest of the whole message.
#[macro_export]
macro_rules! mutation {
    ($request:expr) => {{
        let request = &$request;
        $crate::Mutation::check($crate::MutationFields {
            request_id: &request.request_id,
            reason_code: &request.reason_code,
            note: &request.note,
            dry_run: request.dry_run,
            body_digest: $crate::digest(request),
        })
    }};
}

fn check_request_id(id: &str) -> Result<(), Error> {
    if id.is_empty() {
        return Err(Error::invalid(
            "request_id",
            "REQUEST_ID_REQUIRED",
            "{field} is empty; send a new unique id, and the same one when you repeat the call",
        ));
    }
    if id.len() > REQUEST_ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(
            "request_id",
            "REQUEST_ID_INVALID",
            "{field} must be 1 to {bytes_max} printable ASCII characters without spaces",
        )
        .with("bytes_max", REQUEST_ID_BYTES_MAX));
    }
    // In one piece only: ids are full of digits and dashes, and a new one must not be refused by chance.
    if nhs_number::is_a_word_of(id) {
        return Err(Error::invalid(
            "request_id",
            "NHS_NUMBER_IN_TEXT",
            "{field} has an NHS number in it, or ten digits that could be one; it is kept with the reply: send another",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct PauseRequest {
        #[prost(string, tag = "1")]
        practice: String,
        #[prost(string, tag = "50")]
        request_id: String,
        #[prost(string, tag = "52")]
        reason_code: String,
        #[prost(string, tag = "53")]
        note: String,
        #[prost(bool, tag = "54")]
        dry_run: bool,
    }

    fn request() -> PauseRequest {
        PauseRequest { practice: "practices/A81001".into(), request_id: "letter-17".into(), ..PauseRequest::default() }
    }

    #[test]
    fn the_common_fields_of_a_request_are_read() {
        let request =
            PauseRequest { reason_code: "staff-not-trained".into(), note: "after Easter".into(), ..request() };
        let mutation = mutation!(request).unwrap();
        assert_eq!(mutation.request_id, "letter-17");
        assert_eq!(mutation.reason_code, "staff-not-trained");
        assert_eq!(mutation.note, "after Easter");
        assert_eq!(mutation.body_digest, crate::digest(&request));
        assert!(!mutation.dry_run);
    }

    #[test]
    fn another_body_has_another_digest() {
        let other = PauseRequest { practice: "practices/A81002".into(), ..request() };
        assert_ne!(mutation!(request()).unwrap().body_digest, mutation!(other).unwrap().body_digest);
    }

    #[test]
    fn a_request_id_is_demanded_and_bounded() {
        for (id, reason) in [("", "REQUEST_ID_REQUIRED"), ("a b", "REQUEST_ID_INVALID"), ("é", "REQUEST_ID_INVALID")] {
            let pause = PauseRequest { request_id: id.into(), ..request() };
            assert_eq!(mutation!(pause).unwrap_err().reason(), reason, "{id:?}");
        }
        let longest = PauseRequest { request_id: "x".repeat(REQUEST_ID_BYTES_MAX), ..request() };
        assert!(mutation!(longest).is_ok());
        let too_long = PauseRequest { request_id: "x".repeat(REQUEST_ID_BYTES_MAX + 1), ..request() };
        assert_eq!(mutation!(too_long).unwrap_err().reason(), "REQUEST_ID_INVALID");
    }

    /// Rule 16.
    #[test]
    fn a_note_with_an_nhs_number_is_refused() {
        let pause = PauseRequest { note: "see patient 943 476 5919".into(), ..request() };
        assert_eq!(mutation!(pause).unwrap_err().reason(), "NHS_NUMBER_IN_TEXT");
        let pause = PauseRequest { reason_code: "943-476-5919".into(), ..request() };
        assert_eq!(mutation!(pause).unwrap_err().reason(), "NHS_NUMBER_IN_TEXT", "a code is text, too");
    }

    /// Rule 16.
    #[test]
    fn a_request_id_is_no_place_for_an_nhs_number() {
        let pause = PauseRequest { request_id: "patient/9434765919/pause".into(), ..request() };
        assert_eq!(mutation!(pause).unwrap_err().reason(), "NHS_NUMBER_IN_TEXT");
        let pause = PauseRequest { request_id: "94347659-1900-4000-8000-000000000000".into(), ..request() };
        assert!(mutation!(pause).is_ok(), "digits of a UUID are none");
    }

    #[test]
    fn a_reason_is_demanded_only_where_asked_for() {
        let mutation = mutation!(request()).unwrap();
        assert_eq!(mutation.with_reason().unwrap_err().reason(), "FIELD_REQUIRED");
    }
}
