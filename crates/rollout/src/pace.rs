//! How soon things are tried or asked again.
//!
//! Every figure is a compromise between a supplier's peace and a practice's date. None is a rule of the domain; none
//! changes what is allowed, only when it is tried.

use jiff::{SignedDuration, Timestamp};

/// How long a call may take before its key is asked about: several times a slow reply, far less than a window.
pub const REPLY_TIME: SignedDuration = SignedDuration::from_mins(2);

/// How long before its cut-off a list for a booked date may be claimed. The claim is where pauses stop counting as in
/// time, so it is as late as a supplier that works in office hours can use.
pub const CLAIM_TIME: SignedDuration = SignedDuration::from_hours(24);

/// The registry refused a permit: what stands in the way shows in the view by then.
const PERMIT_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// After the first answer that settles nothing the key is asked about again in a minute, then ever more rarely.
const ASK_FIRST: SignedDuration = SignedDuration::from_mins(1);

/// At least this often: UNKNOWN is resolved only by asking (I17).
const ASK_LATEST: SignedDuration = SignedDuration::from_hours(4);

/// After a supplier's refusal that may pass; longer than a hiccup, so that attempts are not spent within one.
const REFUSAL_FIRST: SignedDuration = SignedDuration::from_mins(30);

/// Three refusals then span a working day.
const REFUSAL_LATEST: SignedDuration = SignedDuration::from_hours(8);

/// A switch-off that failed is urgent: a practice that paused is on.
const SWITCH_OFF_AGAIN: SignedDuration = SignedDuration::from_mins(5);

pub(crate) fn permit_again(now: Timestamp) -> Timestamp {
    now.saturating_add(PERMIT_AGAIN).unwrap_or(Timestamp::MAX)
}

/// When a key is asked about again that was asked or sent so often.
pub(crate) fn ask_again(now: Timestamp, attempts: u32) -> Timestamp {
    after(now, ASK_FIRST, attempts, ASK_LATEST)
}

/// When a practice is tried again that was refused so often before.
pub(crate) fn refusal_again(now: Timestamp, refusals: u8) -> Timestamp {
    after(now, REFUSAL_FIRST, u32::from(refusals), REFUSAL_LATEST)
}

pub(crate) fn switch_off_again(now: Timestamp) -> Timestamp {
    now.saturating_add(SWITCH_OFF_AGAIN).unwrap_or(Timestamp::MAX)
}

pub(crate) fn reply_by(now: Timestamp) -> Timestamp {
    now.saturating_add(REPLY_TIME).unwrap_or(Timestamp::MAX)
}

/// `first`, doubled so often, at most `latest`.
fn after(now: Timestamp, first: SignedDuration, doublings: u32, latest: SignedDuration) -> Timestamp {
    let factor = 2_i32.checked_pow(doublings).unwrap_or(i32::MAX);
    let wait = first.checked_mul(factor).map_or(latest, |wait| wait.min(latest));
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_a_limit() {
        let now: Timestamp = "2031-05-05T09:00:00Z".parse().unwrap();
        let minutes = |attempts| now.duration_until(ask_again(now, attempts)).as_mins();
        assert_eq!([minutes(0), minutes(1), minutes(2), minutes(7), minutes(8)], [1, 2, 4, 128, 240]);
        assert_eq!(minutes(u32::MAX), 240);
    }
}
