//! The pause that a service asks for.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The pause that a reply names, in seconds or as a moment. A moment is counted from the reply's own date, by the clock
/// that wrote both.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let from = moment(headers.get(DATE)?)?;
    let until = moment(headers.get(RETRY_AFTER)?)?;
    Some(Duration::try_from(until.duration_since(from)).unwrap_or_default())
}

/// HTTP's form of a moment, which is a strict form of e-mail's.
fn moment(value: &HeaderValue) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &'static str) -> HeaderMap {
        let date = HeaderValue::from_static("Mon, 02 Jun 2031 08:00:00 GMT");
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(retry_after)), (DATE, date)])
    }

    #[test]
    fn a_pause_is_named_in_seconds_or_as_a_moment_by_the_services_clock() {
        let named = |text| retry_after(&headers(text));
        assert_eq!(named("7"), Some(Duration::from_secs(7)));
        assert_eq!(named("Mon, 02 Jun 2031 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(named("Mon, 02 Jun 2031 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(named("soon"), None);
    }
}
