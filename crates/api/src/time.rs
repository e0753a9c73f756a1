//! Moments and dates between the wire and the domain.
//!
//! The domain counts microseconds. What the wire says more finely is cut down to the microsecond it lies in, so that
//! "by 17:00" never becomes later by rounding.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::Error;

/// 0001-01-01T00:00:00Z, where protobuf's timestamps begin; jiff's begin earlier.
const FIRST_SECOND: i64 = -62_135_596_800;

/// A moment for the wire.
pub fn to_wire(moment: Timestamp) -> prost_types::Timestamp {
    // Protobuf counts nanoseconds forward from the second, also before 1970; jiff gives both with the sign.
    let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
    if nanos < 0 {
        return prost_types::Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 };
    }
    prost_types::Timestamp { seconds, nanos }
}

/// The moment in the field at `path`, or None where it is absent.
pub fn moment(path: &str, wire: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Error> {
    let Some(wire) = wire else { return Ok(None) };
    let out_of_range = || {
        Error::invalid(
            path,
            "TIMESTAMP_OUT_OF_RANGE",
            "{field} ({seconds} s, {nanos} ns) is not a moment of the years 1 to 9999",
        )
        .with("seconds", wire.seconds)
        .with("nanos", wire.nanos)
    };
    if wire.seconds < FIRST_SECOND || !(0..1_000_000_000).contains(&wire.nanos) {
        return Err(out_of_range());
    }
    let whole_microseconds = i64::from(wire.nanos / 1_000);
    let microseconds = wire.seconds.checked_mul(1_000_000).and_then(|whole| whole.checked_add(whole_microseconds));
    let moment = microseconds.and_then(|count| Timestamp::from_microsecond(count).ok());
    moment.map(Some).ok_or_else(out_of_range)
}

/// As [`moment`], where the field must be there.
pub fn required_moment(path: &str, wire: Option<&prost_types::Timestamp>) -> Result<Timestamp, Error> {
    moment(path, wire)?.ok_or_else(|| Error::invalid(path, "FIELD_REQUIRED", "{field} is required"))
}

/// The date in the field at `path`, written `YYYY-MM-DD`; None where it is empty.
pub fn date(path: &str, wire: &str) -> Result<Option<Date>, Error> {
    if wire.is_empty() {
        return Ok(None);
    }
    // jiff also reads dates with times and signed years; the contract knows one form.
    let in_form = wire.len() == 10 && wire.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date = if in_form { wire.parse().ok() } else { None };
    date.map(Some).ok_or_else(|| {
        Error::invalid(path, "DATE_INVALID", "{field} is `{value}`; it must be a date like 2031-05-17")
            .with("value", wire)
    })
}

/// As [`date`], where the field must be there.
pub fn required_date(path: &str, wire: &str) -> Result<Date, Error> {
    date(path, wire)?.ok_or_else(|| Error::invalid(path, "FIELD_REQUIRED", "{field} is required"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    #[test]
    fn a_moment_is_cut_down_to_its_microsecond_on_both_sides_of_1970() {
        assert_eq!(required_moment("at", Some(&wire(1, 1_999))).unwrap().as_microsecond(), 1_000_001);
        assert_eq!(required_moment("at", Some(&wire(-1, 999_999_999))).unwrap().as_microsecond(), -1);
        assert_eq!(required_moment("at", Some(&wire(-1, 999_999_000))).unwrap().as_microsecond(), -1);
    }

    #[test]
    fn a_moment_out_of_range_is_refused_with_its_path() {
        for bad in [
            wire(0, -1),
            wire(0, 1_000_000_000),
            wire(i64::MAX, 0),
            wire(i64::MIN, 0),
            wire(FIRST_SECOND - 1, 0),
            wire(253_402_300_800, 0),
        ] {
            let error = moment("pause.until", Some(&bad)).unwrap_err();
            assert_eq!(error.reason(), "TIMESTAMP_OUT_OF_RANGE");
            assert!(error.to_string().starts_with("pause.until ("), "{error}");
        }
        assert!(moment("at", Some(&wire(FIRST_SECOND, 0))).is_ok());
    }

    #[test]
    fn an_absent_moment_is_none_unless_required() {
        assert_eq!(moment("at", None).unwrap(), None);
        assert_eq!(required_moment("at", None).unwrap_err().reason(), "FIELD_REQUIRED");
    }

    #[test]
    fn only_real_dates_in_the_one_form_are_dates() {
        assert_eq!(date("on", "").unwrap(), None);
        assert_eq!(required_date("on", "").unwrap_err().reason(), "FIELD_REQUIRED");
        assert_eq!(required_date("on", "2032-02-29").unwrap(), jiff::civil::date(2032, 2, 29));
        for bad in [
            "2031-02-29",
            "2031-13-01",
            "2031-1-1",
            "20310101",
            "2031-05-17T10:00",
            "17/05/2031",
            "2031-W20-6",
            "soon",
            "２０31-05-1",
        ] {
            assert_eq!(date("on", bad).unwrap_err().reason(), "DATE_INVALID", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn moments_come_back_as_they_went(microseconds in FIRST_SECOND * 1_000_000..253_402_207_200_000_000) {
            let moment = Timestamp::from_microsecond(microseconds).unwrap();
            let wire = to_wire(moment);
            prop_assert!((0..1_000_000_000).contains(&wire.nanos));
            prop_assert_eq!(required_moment("at", Some(&wire)).unwrap(), moment);
        }

        #[test]
        fn no_timestamp_breaks_the_reader(seconds: i64, nanos: i32) {
            let _ = moment("at", Some(&wire(seconds, nanos)));
        }
    }
}
