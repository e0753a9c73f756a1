//! The statuses that the server itself gives, and the details that tonic's own statuses lack.

use std::time::Duration;

use api::Error;
use http::{HeaderMap, HeaderValue};
use identity::{ACCOUNT_HEADER, Refusal, TokenError, TokenRefusal};
use tonic::{Code, Status};

use crate::held::Full;
use crate::lengths::TooLong;

/// The caller may not; the error says why and, where there is one, the way to be let in.
pub(crate) fn of_caller(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::AccountMissing => Error::new(
            Code::Unauthenticated,
            "ACCOUNT_MISSING",
            "nobody is named as the caller: send the header {header}",
        )
        .with("header", ACCOUNT_HEADER),
        Refusal::CredentialsMissing => unauthenticated(
            "CREDENTIALS_MISSING",
            "nobody is named as the caller: send a token (`authorization: Bearer …`), or call with a service's certificate",
        ),
        Refusal::Token(refusal) => of_token(refusal),
        Refusal::SpiffeIdMissing => unauthenticated(
            "SPIFFE_ID_MISSING",
            "the certificate names no service: its subject alternative names must hold one URI, a SPIFFE id",
        ),
        Refusal::ServiceUnknown { spiffe_id } => {
            unauthenticated("SERVICE_UNKNOWN", "{spiffe_id} is no service here: name it with --service on the server")
                .with("spiffe_id", spiffe_id)
        }
        Refusal::AccountInvalid => Error::new(
            Code::Unauthenticated,
            "ACCOUNT_INVALID",
            "the header {header} must be an account, or an account and its roles: `alice;roles=auditor,operator`",
        )
        .with("header", ACCOUNT_HEADER),
        Refusal::RoleUnknown { role } => {
            Error::new(Code::Unauthenticated, "ROLE_UNKNOWN", "`{role}` is no role").with("role", role)
        }
        Refusal::OrganisationUnknown { organisation } => Error::new(
            Code::Unauthenticated,
            "ORGANISATION_UNKNOWN",
            "`{organisation}` is no organisation: name one such as practices/A81001, icbs/QWE, regions/Y56, suppliers/EMIS",
        )
        .with("organisation", organisation),
        Refusal::RpcWithoutRoles { rpc } => {
            Error::permission_denied("RPC_WITHOUT_ROLES", "nobody may call {rpc}: the role matrix has no row for it")
                .with("rpc", rpc)
        }
        Refusal::RoleMissing { account, rpc, needed } => {
            Error::permission_denied("ROLE_MISSING", "{account} may not call {rpc}: it takes one of {roles}")
                .with("account", account)
                .with("rpc", rpc)
                .with("roles", needed)
        }
    }
}

/// What is wrong with a token, and what its bearer can do.
fn of_token(refusal: &TokenRefusal) -> Error {
    match refusal {
        TokenRefusal::NotTaken => {
            unauthenticated("TOKENS_NOT_TAKEN", "tokens are not taken here: the server was given no --token-issuer")
        }
        TokenRefusal::Scheme => {
            unauthenticated("TOKEN_MALFORMED", "there must be one header authorization, and it must be `Bearer TOKEN`")
        }
        TokenRefusal::Token(problem) => {
            let reason = match problem {
                TokenError::Malformed(_) => "TOKEN_MALFORMED",
                TokenError::Algorithm { .. } | TokenError::OtherAlgorithm { .. } => "TOKEN_ALGORITHM_REFUSED",
                TokenError::Signature => "TOKEN_SIGNATURE_WRONG",
            };
            unauthenticated(reason, "the token is not believed: {problem}").with("problem", problem)
        }
        TokenRefusal::Claim { claim, wanted } => {
            unauthenticated("TOKEN_CLAIM_INVALID", "the token's claim `{claim}` is missing or is not {wanted}")
                .with("claim", claim)
                .with("wanted", wanted)
        }
        TokenRefusal::Issuer { issuer } => {
            unauthenticated("TOKEN_ISSUER_UNKNOWN", "`{issuer}` is no issuer that is believed here")
                .with("issuer", issuer)
        }
        TokenRefusal::Audience { audience } => {
            unauthenticated("TOKEN_AUDIENCE_OTHER", "the token is for another audience; `{audience}` is wanted here")
                .with("audience", audience)
        }
        TokenRefusal::Expired { ago_s } => {
            unauthenticated("TOKEN_EXPIRED", "the token expired {ago_s} s ago: get another").with("ago_s", ago_s)
        }
        TokenRefusal::NotYetValid { in_s } => unauthenticated(
            "TOKEN_NOT_YET_VALID",
            "the token is valid only in {in_s} s: the clocks of its issuer and of this server differ",
        )
        .with("in_s", in_s),
        TokenRefusal::Key { key } => {
            unauthenticated("TOKEN_KEY_UNKNOWN", "the token's issuer publishes no key `{key}`: get another token")
                .with("key", key)
        }
        TokenRefusal::KeyBeingFetched { retry_after } => Error::unavailable(
            "TOKEN_KEY_BEING_FETCHED",
            "the token's key is not known yet and is being fetched; try again in {retry_after_ms} ms",
        )
        .with("retry_after_ms", retry_after.as_millis())
        .retry_after(*retry_after),
        TokenRefusal::KeysStale { age_s } => Error::unavailable(
            "TOKEN_KEYS_STALE",
            "the issuer's keys could not be fetched for {age_s} s, so no token of it is believed: tell the operator",
        )
        .with("age_s", age_s),
        TokenRefusal::AccountReserved { account } => unauthenticated(
            "TOKEN_ACCOUNT_RESERVED",
            "the account `{account}` belongs to a service, which calls with its certificate and not with a token",
        )
        .with("account", account),
    }
}

fn unauthenticated(reason: &'static str, template: &'static str) -> Error {
    Error::new(Code::Unauthenticated, reason, template)
}

/// One account calls more often than it may.
pub(crate) fn too_often(account: &str, calls_per_second: u32, wait: Duration) -> Error {
    Error::resource_exhausted(
        "RATE_EXCEEDED",
        "{account} may make {calls_per_second} calls a second; try again in {retry_after_ms} ms",
    )
    .with("account", account)
    .with("calls_per_second", calls_per_second)
    .with("retry_after_ms", wait.as_millis())
    .retry_after(wait)
}

/// Requests that have not come whole hold as much memory as they may.
pub(crate) fn memory_full(full: Full, wait: Duration) -> Error {
    Error::resource_exhausted(
        "REQUESTS_HOLD_TOO_MUCH",
        "requests under way hold the {bytes_max} bytes that they may; try again in {retry_after_ms} ms",
    )
    .with("bytes_max", full.bytes_max)
    .with("retry_after_ms", wait.as_millis())
    .retry_after(wait)
}

pub(crate) fn request_too_large(found: TooLong) -> Error {
    Error::resource_exhausted("MESSAGE_TOO_LARGE", "the message has {bytes} bytes; at most {bytes_max} are taken")
        .with("bytes", found.bytes)
        .with("bytes_max", found.bytes_max)
}

pub(crate) fn reply_too_large(found: TooLong) -> Error {
    Error::resource_exhausted(
        "REPLY_TOO_LARGE",
        "the reply has {bytes} bytes, more than the {bytes_max} that are sent; ask for less at a time",
    )
    .with("bytes", found.bytes)
    .with("bytes_max", found.bytes_max)
}

/// The number in `grpc-status`; None where there is no such header, 2 (UNKNOWN) where it is no number.
pub(crate) fn code(headers: &HeaderMap) -> Option<u8> {
    let value = headers.get(Status::GRPC_STATUS)?;
    Some(value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(2))
}

/// Gives a status without details the one `ErrorInfo` that each error of ours has. Such statuses come from tonic itself:
/// a body that is no message of the expected type, an unknown compression, a name that its health service does not know.
pub(crate) fn complete(headers: &mut HeaderMap) {
    spell_plainly(headers);
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return;
    }
    let Some(bare) = Status::from_header_map(headers).filter(|bare| bare.code() != Code::Ok) else { return };
    let error = if bare.code() == Code::Internal && bare.message().contains("failed to decode Protobuf message") {
        Error::new(Code::InvalidArgument, "MESSAGE_INVALID", "the request is no message of the expected type: {cause}")
            .with("cause", bare.message())
    } else {
        let reason = telemetry::CODES.get(bare.code() as usize).copied().unwrap_or("UNKNOWN");
        Error::new(bare.code(), reason, "{cause}").with("cause", bare.message())
    };
    for name in [Status::GRPC_STATUS, Status::GRPC_MESSAGE] {
        headers.remove(name);
    }
    write(error, headers);
}

/// The trailers of a reply that is as it should be.
pub(crate) fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// Writes the error into headers or trailers.
pub(crate) fn write(error: Error, headers: &mut HeaderMap) {
    let code = error.code() as i32;
    if Status::from(error).add_header(headers).is_err() {
        // The text did not fit a header; the code always does.
        headers.insert(Status::GRPC_STATUS, HeaderValue::from(code));
    }
    spell_plainly(headers);
}

/// Spells `?` and `#` in the message as they are. tonic escapes them although gRPC does not ask for it, and Node's client,
/// which decodes by `decodeURI`, would show `%3F` to its users. A `%` of the text itself is `%25`, so nothing else is met.
pub(crate) fn spell_plainly(headers: &mut HeaderMap) {
    let Some(escaped) = headers.get(Status::GRPC_MESSAGE).and_then(|message| message.to_str().ok()) else { return };
    if !escaped.contains("%3F") && !escaped.contains("%23") {
        return;
    }
    if let Ok(plain) = HeaderValue::from_str(&escaped.replace("%3F", "?").replace("%23", "#")) {
        headers.insert(Status::GRPC_MESSAGE, plain);
    }
}

#[cfg(test)]
mod tests {
    use api::Explained;

    use super::*;

    fn completed(status: &Status) -> Status {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        complete(&mut headers);
        Status::from_header_map(&headers).unwrap()
    }

    #[test]
    fn a_bare_status_gets_its_error_info() {
        let status = completed(&Status::unimplemented("Content is compressed with `zstd`, which isn't supported"));
        assert_eq!(status.code(), Code::Unimplemented);
        assert_eq!(status.message(), "Content is compressed with `zstd`, which isn't supported");
        assert_eq!(Explained::from(&status).reason, "UNIMPLEMENTED");
    }

    #[test]
    fn bytes_that_are_no_message_are_the_callers_fault() {
        let status = completed(&Status::internal("failed to decode Protobuf message: invalid tag value: 0"));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(Explained::from(&status).reason, "MESSAGE_INVALID");
    }

    #[test]
    fn a_question_mark_is_spelt_as_one_and_a_percent_sign_stays_escaped() {
        let mut headers = HeaderMap::new();
        write(Error::aborted("X", "did you mean 50 %3F, #1 or “é”?"), &mut headers);
        assert_eq!(
            headers[Status::GRPC_MESSAGE],
            "did%20you%20mean%2050%20%253F,%20#1%20or%20%E2%80%9C%C3%A9%E2%80%9D?"
        );
        let status = Status::from_header_map(&headers).unwrap();
        assert_eq!(status.message(), "did you mean 50 %3F, #1 or “é”?");
    }

    #[test]
    fn a_status_with_details_and_an_ok_stay_as_they_are() {
        let detailed = Status::from(Error::aborted("ETAG_MISMATCH", "changed"));
        assert_eq!(Explained::from(&completed(&detailed)).reason, "ETAG_MISMATCH");
        let mut ok = HeaderMap::new();
        Status::ok("").add_header(&mut ok).unwrap();
        let before = ok.clone();
        complete(&mut ok);
        assert_eq!(ok, before);
    }
}
