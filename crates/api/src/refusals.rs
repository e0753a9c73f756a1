//! Refusals that several services give: one wording each, so that a client has one to know.

use std::fmt;
use std::time::Duration;

use crate::Error;

/// The reason of [`position_not_reached`], for clients that go by it.
pub const POSITION_NOT_REACHED: &str = "POSITION_NOT_REACHED";

/// A replica hears of a record within milliseconds, so a second is ample.
const POSITION_RETRY_AFTER: Duration = Duration::from_secs(1);

/// UNAVAILABLE: a read that wanted `journal` (`journals/registry`) at `min_position` at least found it at `position`, and
/// has waited for as long as it may.
pub fn position_not_reached(journal: impl fmt::Display, position: u64, min_position: u64) -> Error {
    Error::unavailable(
        POSITION_NOT_REACHED,
        "{journal} is at position {position} here, and {min_position} was not seen in time; try again",
    )
    .with("journal", journal)
    .with("position", position)
    .with("min_position", min_position)
    .retry_after(POSITION_RETRY_AFTER)
}

/// What takes two people is not done by this call: PERMISSION_DENIED to the first person, ABORTED to whoever names no wish that
/// waits. `of` is what it is about, by its resource name.
pub fn second_person(of: impl fmt::Display, refusal: &assent::Refusal) -> Error {
    match refusal {
        assent::Refusal::SamePerson { account } => Error::permission_denied(
            "SECOND_PERSON_REQUIRED",
            "{account} asked for it at {of}; another person completes it",
        )
        .with("account", account),
        assent::Refusal::NothingAwaits => Error::aborted(
            "NOTHING_AWAITS_SECOND_PERSON",
            "nothing waits for a second person at {of}, or its time is over; ask anew without an etag",
        ),
        assent::Refusal::OtherWish { given, actual } => Error::aborted(
            "ETAG_MISMATCH",
            "what waits for a second person at {of} has etag {current}, not {given}; look at who asked, and why",
        )
        .with("current", actual)
        .with("given", given),
    }
    .with("of", of)
}

/// INVALID_ARGUMENT: the CEL in the field at `path` is wrong at this place, both from 1.
pub fn filter_invalid(path: &str, line: usize, column: usize, error: impl fmt::Display) -> Error {
    Error::invalid(path, "FILTER_INVALID", "{field}, line {line}, column {column}: {error}")
        .with("line", line)
        .with("column", column)
        .with("error", error)
}
