//! Moments and dates on the command line: what people type, in London's time.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use ods::civil::{day_end, in_london, instant};

use crate::failure::BadInput;

/// Which past a read is of, in both times.
#[derive(Args)]
pub(crate) struct AsOf {
    /// As it was in truth at this moment, or at the end of this day (London's time); without it now
    #[arg(long, value_name = "MOMENT")]
    effective_at: Option<String>,
    /// By what had been recorded at this moment, or by the end of this day; without it now
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

impl AsOf {
    /// What was true then…
    pub(crate) fn effective_at(&self) -> anyhow::Result<Option<prost_types::Timestamp>> {
        self.effective_at.as_deref().map(as_at).transpose()
    }

    /// …by what was known then.
    pub(crate) fn known_at(&self) -> anyhow::Result<Option<prost_types::Timestamp>> {
        self.known_at.as_deref().map(as_at).transpose()
    }
}

/// The moment that `text` names: `2031-03-03T17:00` (London), `2031-03-03` (its first instant) or an RFC 3339 moment.
pub(crate) fn moment(text: &str) -> anyhow::Result<prost_types::Timestamp> {
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let civil: DateTime = text.parse().map_err(|_| expected(text))?;
            instant(civil)
        }
    };
    Ok(to_wire(timestamp))
}

/// The last microsecond of the civil date `text`, or the moment it names: how "as at" is meant.
pub(crate) fn as_at(text: &str) -> anyhow::Result<prost_types::Timestamp> {
    if text.len() != "2031-03-03".len() {
        return moment(text);
    }
    let date: Date = text.parse().map_err(|_| expected(text))?;
    Ok(to_wire(day_end(date)))
}

fn expected(text: &str) -> BadInput {
    BadInput(format!(
        "{text:?} is no moment: write 2031-03-03, 2031-03-03T17:00 (London's time) or 2031-03-03T17:00:00Z"
    ))
}

fn to_wire(timestamp: Timestamp) -> prost_types::Timestamp {
    let seconds = timestamp.as_nanosecond().div_euclid(1_000_000_000);
    let nanos = timestamp.as_nanosecond().rem_euclid(1_000_000_000);
    // Both fit: a Timestamp is within ±10,000 years, and the remainder below a milliard.
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

/// A moment of a reply, in London's time; empty where there is none.
pub(crate) fn shown(moment: Option<&prost_types::Timestamp>) -> String {
    let Some(moment) = moment else { return String::new() };
    let Ok(timestamp) = Timestamp::new(moment.seconds, moment.nanos) else {
        return format!("{} s", moment.seconds);
    };
    let seconds = if timestamp.subsec_nanosecond() == 0 { "%Y-%m-%d %H:%M:%S %Z" } else { "%Y-%m-%d %H:%M:%S%.6f %Z" };
    in_london(timestamp).strftime(seconds).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_moments_are_londons() {
        let summer = moment("2031-07-01T17:00").unwrap();
        assert_eq!(shown(Some(&summer)), "2031-07-01 17:00:00 BST");
        assert_eq!(summer, moment("2031-07-01T16:00:00Z").unwrap());
    }

    #[test]
    fn as_at_a_date_is_its_last_instant() {
        assert_eq!(shown(Some(&as_at("2031-03-03").unwrap())), "2031-03-03 23:59:59.999999 GMT");
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_to_write() {
        let error = moment("yesterday").unwrap_err().to_string();
        assert!(error.contains("2031-03-03T17:00"), "{error}");
    }
}
