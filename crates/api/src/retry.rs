//! Who tries again what was UNAVAILABLE: whoever is nearest to it, and nobody above.
//!
//! `client` tries again and notes here when it gives up. `server`, around each poll of the RPC that made the call, hears of it and
//! tells the RPC's own caller not to try again, by the header that gRPC has for that (gRFC A6). Else each layer would multiply the
//! attempts of the one below, and most where everything is down already.

use std::cell::Cell;

use http::{HeaderMap, HeaderName, HeaderValue};

const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

thread_local! {
    static GIVEN_UP: Cell<bool> = const { Cell::new(false) };
}

/// Runs one poll of an RPC, and says whether a call that it made was given up meanwhile.
pub fn watch<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let previous = GIVEN_UP.replace(false);
    let polled = poll();
    (polled, GIVEN_UP.replace(previous))
}

/// Notes that a call was given up, for the RPC that this code is polled for; nothing outside one.
pub fn give_up() {
    GIVEN_UP.set(true);
}

/// Tells the caller not to try again.
pub fn forbid(headers: &mut HeaderMap) {
    headers.insert(PUSHBACK, HeaderValue::from_static("-1"));
}

/// Whether the server says not to try again: a negative number, or what is no number.
pub fn is_forbidden(headers: &HeaderMap) -> bool {
    let said = headers.get(PUSHBACK).map(|value| value.to_str().ok().and_then(|text| text.parse::<u64>().ok()));
    said == Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rpc_hears_of_its_own_calls() {
        let (inner, outer) = watch(|| watch(give_up));
        assert_eq!((inner, outer), (((), true), false));
        let (inner, outer) = watch(|| {
            give_up();
            watch(|| ())
        });
        assert_eq!((inner, outer), (((), false), true));
    }

    #[test]
    fn a_number_of_milliseconds_forbids_nothing() {
        let said = |value: &str| is_forbidden(&HeaderMap::from_iter([(PUSHBACK, value.parse().unwrap())]));
        assert!(!is_forbidden(&HeaderMap::new()) && !said("0") && !said("250"));
        assert!(said("-1") && said("") && said("never"));
        let mut headers = HeaderMap::new();
        forbid(&mut headers);
        assert!(is_forbidden(&headers));
    }
}
