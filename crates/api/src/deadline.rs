//! Until when the caller of the current RPC waits.
//!
//! `server` sets it around each poll of a handler; `client` passes the remainder on. It runs on real, monotonic time,
//! never on the domain's clock: it is about sockets and patience, not about practices. It does not cancel anything.

use std::cell::Cell;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

/// How a caller says how long it waits (gRPC over HTTP/2, "Requests").
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// `TimeoutValue` has at most 8 digits.
const COUNT_MAX: u64 = 99_999_999;

thread_local! {
    static CURRENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The deadline of the RPC that this code is polled for; None outside an RPC, and where the RPC is open-ended.
pub fn current() -> Option<Instant> {
    CURRENT.get()
}

/// Makes `deadline` the current one until the guard is dropped. For one poll of one future: never held across an await.
#[must_use = "the deadline ends with the guard"]
pub fn enter(deadline: Option<Instant>) -> Entered {
    Entered { previous: CURRENT.replace(deadline) }
}

/// Puts the previous deadline back when dropped.
#[derive(Debug)]
pub struct Entered {
    previous: Option<Instant>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
    }
}

/// How long the headers say that the caller waits. None where they do not, or not in a way that can be read.
pub fn asked(headers: &HeaderMap) -> Option<Duration> {
    let (unit, digits) = headers.get(GRPC_TIMEOUT)?.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |count: u64, digit| count * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(count * 3_600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Says in the headers that the caller waits for `left`, in the finest unit that has room for it and never longer.
pub fn ask(headers: &mut HeaderMap, left: Duration) {
    let text = if left.as_micros() <= u128::from(COUNT_MAX) {
        format!("{}u", left.as_micros())
    } else if left.as_millis() <= u128::from(COUNT_MAX) {
        format!("{}m", left.as_millis())
    } else {
        format!("{}S", left.as_secs().min(COUNT_MAX))
    };
    headers.insert(GRPC_TIMEOUT, HeaderValue::try_from(text).expect("digits and a letter"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, value.parse().unwrap());
        asked(&headers)
    }

    #[test]
    fn each_unit_of_a_timeout_is_read() {
        for (value, nanoseconds) in [
            ("2H", 7_200_000_000_000),
            ("1M", 60_000_000_000),
            ("42S", 42_000_000_000),
            ("99999999m", 99_999_999_000_000),
            ("13u", 13_000),
            ("0n", 0),
        ] {
            assert_eq!(read(value), Some(Duration::from_nanos(nanoseconds)), "{value}");
        }
    }

    #[test]
    fn what_is_no_timeout_is_none() {
        for value in ["", "S", "1", "1s", "123456789S", "-1S", "+1S", "1.5S", "1 S"] {
            assert_eq!(read(value), None, "{value:?}");
        }
        assert_eq!(asked(&HeaderMap::new()), None);
    }

    #[test]
    fn a_timeout_that_is_asked_fits_its_digits_and_is_read_back_never_longer() {
        for (left, text) in [
            (Duration::from_nanos(1_999), "1u"),
            (Duration::from_secs(99), "99000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(1_000_000), "1000000S"),
            (Duration::MAX, "99999999S"),
        ] {
            let mut headers = HeaderMap::new();
            ask(&mut headers, left);
            assert_eq!(headers[GRPC_TIMEOUT], text);
            assert!(asked(&headers).unwrap() <= left);
        }
    }

    #[test]
    fn deadlines_nest_and_come_back() {
        let outer = Instant::now() + Duration::from_secs(5);
        let inner = outer + Duration::from_secs(5);
        assert_eq!(current(), None);
        {
            let _outer = enter(Some(outer));
            {
                let _inner = enter(Some(inner));
                assert_eq!(current(), Some(inner));
                let _open_ended = enter(None);
                assert_eq!(current(), None);
            }
            assert_eq!(current(), Some(outer));
        }
        assert_eq!(current(), None);
    }
}
