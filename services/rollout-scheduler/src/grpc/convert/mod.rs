//! The domain's types on the wire and back. Nothing here decides.

pub(crate) mod activation;
pub(crate) mod calendar;
pub(crate) mod concern;
pub(crate) mod dispatch;
pub(crate) mod enrolment;
pub(crate) mod etag;
pub(crate) mod forecast;
pub(crate) mod gate;
pub(crate) mod hold;
pub(crate) mod name;
pub(crate) mod plan;
pub(crate) mod programme;
pub(crate) mod replay;
pub(crate) mod unwinding;
pub(crate) mod wave;

use jiff::Timestamp;

pub(crate) fn moment(moment: Timestamp) -> prost_types::Timestamp {
    api::time::to_wire(moment)
}

/// A count on the wire. None of ours comes near the bound.
pub(crate) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
