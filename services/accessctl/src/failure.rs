//! How a failure is told, and by which exit code: what went wrong, where, and what to do next.
//!
//! | code | means |
//! |---|---|
//! | 1 | anything else |
//! | 2 | the command line, or what it was given, is wrong |
//! | 3 | there is no such thing |
//! | 4 | refused: by rule, state or role |
//! | 5 | somebody else changed it first: read it again and repeat |
//! | 6 | the service cannot be reached or is overloaded: try again later |
//! | 7 | a journal is not what it was: records, notes or its head were altered, removed or lost |
//! | 8 | something that is promised to practices was not kept |

use std::process::ExitCode;

use anstream::eprintln;
use owo_colors::OwoColorize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What tonic says where a connection in the clear met a server that speaks TLS, or none of ours.
const OTHER_PROTOCOL: &str = "h2 protocol error";

/// Something that this tool itself found wrong with what it was given.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Journals that do not verify.
#[derive(Debug)]
pub(crate) struct Tampered(pub(crate) String);

impl std::fmt::Display for Tampered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "not what was recorded: {}", self.0)
    }
}

impl std::error::Error for Tampered {}

/// Promises that were not kept, by how many breaches were found.
#[derive(Debug)]
pub(crate) struct PromiseBroken(pub(crate) usize);

impl std::fmt::Display for PromiseBroken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} breaches were found; each is told above with where it lies and what to do", self.0)
    }
}

impl std::error::Error for PromiseBroken {}

/// Prints `error` on standard error and gives the exit code.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    let status = error.chain().find_map(|cause| cause.downcast_ref::<Status>());
    let Some(status) = status else {
        eprintln!("{} {error:#}", "error:".red().bold());
        return ExitCode::from(exit_code_of_ours(error));
    };
    eprintln!("{} {}", "error:".red().bold(), status.message());
    let details = status.get_error_details();
    for violation in details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default() {
        eprintln!("  {} {}", format!("{}:", violation.field).bold(), violation.description);
    }
    for violation in details.precondition_failure().map(|failure| failure.violations.as_slice()).unwrap_or_default() {
        eprintln!("  {} {}", format!("{}:", violation.subject).bold(), violation.description);
    }
    if let Some(info) = details.error_info() {
        eprintln!("  reason {}", info.reason.yellow());
    }
    if status.message().contains(OTHER_PROTOCOL) {
        eprintln!(
            "  What answers there speaks another protocol: where it is served over TLS, its address is https://."
        );
    }
    if let Some(next) = next_step(status.code()) {
        eprintln!("  {next}");
    }
    ExitCode::from(exit_code(status.code()))
}

/// Of a failure that no service told us of.
fn exit_code_of_ours(error: &anyhow::Error) -> u8 {
    if error.chain().any(<dyn std::error::Error>::is::<BadInput>) {
        2
    } else if error.chain().any(<dyn std::error::Error>::is::<Tampered>) {
        7
    } else if error.chain().any(<dyn std::error::Error>::is::<PromiseBroken>) {
        8
    } else {
        1
    }
}

fn exit_code(code: Code) -> u8 {
    match code {
        Code::InvalidArgument | Code::OutOfRange => 2,
        Code::NotFound => 3,
        Code::FailedPrecondition | Code::PermissionDenied | Code::Unauthenticated | Code::AlreadyExists => 4,
        Code::Aborted => 5,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => 6,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => 1,
    }
}

fn next_step(code: Code) -> Option<&'static str> {
    match code {
        Code::Aborted => Some("Somebody changed it first: read it again and repeat."),
        Code::Unavailable => Some("Is the service running there? See --endpoint, and `citizens-access serve`."),
        Code::Unauthenticated => {
            Some("Over https:// a token says who calls: see --token-file. Over http:// it is --account.")
        }
        Code::PermissionDenied => Some("Who may do what is in docs/operations/authority.md."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_failures_apart() {
        assert_eq!(exit_code(Code::NotFound), 3);
        assert_eq!(exit_code(Code::FailedPrecondition), 4);
        assert_eq!(exit_code(Code::Aborted), 5);
        assert_eq!(exit_code(Code::Unavailable), 6);
        assert_eq!(exit_code(Code::Internal), 1);
        assert_eq!(exit_code_of_ours(&Tampered("journals/registry".to_owned()).into()), 7);
        assert_eq!(exit_code_of_ours(&PromiseBroken(1).into()), 8);
        assert_eq!(exit_code_of_ours(&BadInput("no such file".to_owned()).into()), 2);
        assert_eq!(exit_code_of_ours(&anyhow::anyhow!("something else")), 1);
    }
}
