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

use std::process::ExitCode;

use anstream::eprintln;
use owo_colors::OwoColorize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Something that this tool itself found wrong with what it was given.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Prints `error` on standard error and gives the exit code.
pub(crate) fn tell(error: &anyhow::Error) -> ExitCode {
    let status = error.chain().find_map(|cause| cause.downcast_ref::<Status>());
    let Some(status) = status else {
        eprintln!("{} {error:#}", "error:".red().bold());
        let bad_input = error.chain().any(<dyn std::error::Error>::is::<BadInput>);
        return ExitCode::from(if bad_input { 2 } else { 1 });
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
    if let Some(next) = next_step(status.code()) {
        eprintln!("  {next}");
    }
    ExitCode::from(exit_code(status.code()))
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
        Code::Unauthenticated | Code::PermissionDenied => {
            Some("See --account: the roles that may do this are listed in proto/roles.csv.")
        }
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
    }
}
