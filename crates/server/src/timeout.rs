//! The header `grpc-timeout`.

use std::time::Duration;

use http::HeaderMap;

/// How long the client waits from now on. None without the header; one that cannot be read is no header, as tonic has it.
///
/// `TimeoutValue` is at most 8 digits (gRPC over HTTP/2, "Requests").
pub(crate) fn of(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.as_bytes();
    let (unit, digits) = value.split_last()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", value.parse().unwrap());
        of(&headers)
    }

    #[test]
    fn each_unit_is_read() {
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
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
