//! The limits of a server as its operator knows them: by name, in whole numbers, within bounds.
//!
//! [`ServerConfig`] says why each is as it is. Here stands which names there are, and how far each may be moved before the server
//! would no longer work, or no longer be protected.

use std::time::Duration;

use crate::config::ServerConfig;

/// A limit of [`ServerConfig`].
#[derive(Clone, Copy)]
pub struct Limit {
    /// As the field; times end in `_ms`.
    pub name: &'static str,
    /// The least value that is taken.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    read: fn(&ServerConfig) -> u64,
    write: fn(&mut ServerConfig, u64),
}

/// Why limits are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// There is none of that name.
    #[error("there is no limit {name}; there are: {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// All names.
        known: String,
    },
    /// Outside its bounds.
    #[error("{name} is {value}; it must be {min} to {max}")]
    OutOfBounds {
        /// Which limit.
        name: &'static str,
        /// What was given.
        value: u64,
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// Two limits that do not go together.
    #[error("{lesser} is {lesser_value}, more than {greater}, {greater_value}")]
    Contradiction {
        /// The limit that must not be greater,
        lesser: &'static str,
        /// which is this,
        lesser_value: u64,
        /// than this limit,
        greater: &'static str,
        /// which is this.
        greater_value: u64,
    },
}

macro_rules! count {
    ($field:ident: $type:ty, $min:expr, $max:expr) => {
        Limit {
            name: stringify!($field),
            min: $min,
            max: $max,
            read: |config| config.$field as u64,
            // Within its bounds, which fit the field's type.
            write: |config, value| config.$field = value as $type,
        }
    };
}

macro_rules! time {
    ($field:ident, $min_ms:expr, $max_ms:expr) => {
        Limit {
            name: concat!(stringify!($field), "_ms"),
            min: $min_ms,
            max: $max_ms,
            read: |config| u64::try_from(config.$field.as_millis()).unwrap_or(u64::MAX),
            write: |config, value| config.$field = Duration::from_millis(value),
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const HOUR_MS: u64 = 3_600_000;

/// Every limit there is.
pub const LIMITS: [Limit; 27] = [
    // tonic decodes no more by itself, and below it a page of a hundred practices would not fit.
    count!(message_bytes_max: usize, 64 * KIB, 4 * MIB),
    count!(calls_in_flight_max: usize, 1, 1 << 20),
    count!(reads_in_flight_max: usize, 1, 1 << 20),
    count!(streams_open_max: usize, 1, 1 << 20),
    count!(request_bytes_in_flight_max: usize, MIB, 1 << 36),
    count!(account_calls_per_second: u32, 0, 10_000_000),
    count!(account_calls_burst: u32, 1, 100_000_000),
    time!(shed_retry_after, 1, 60_000),
    time!(deadline_default, 100, HOUR_MS),
    time!(deadline_max, 100, HOUR_MS),
    count!(connections_max: usize, 1, 1 << 20),
    time!(handshake_timeout, 100, 60_000),
    count!(handshakes_max: usize, 1, 1 << 16),
    count!(connection_streams_max: u32, 1, 1 << 16),
    // A caller's headers with trace and token take about two.
    count!(header_list_bytes_max: u32, 4 * KIB, MIB),
    // HTTP/2's own bounds (RFC 9113, 4.2).
    count!(frame_bytes_max: u32, 16 * KIB, (16 * MIB) - 1),
    // And of windows (6.9.1).
    count!(stream_window_bytes: u32, 64 * KIB - 1, (1 << 31) - 1),
    count!(connection_window_bytes: u32, 64 * KIB - 1, (1 << 31) - 1),
    count!(send_buffer_bytes_max: usize, 16 * KIB, 1 << 30),
    count!(pending_reset_streams_max: usize, 1, 1 << 16),
    count!(local_error_reset_streams_max: usize, 1, 1 << 16),
    time!(keepalive_interval, 1_000, HOUR_MS),
    time!(keepalive_timeout, 100, HOUR_MS),
    time!(connection_age_max, 1_000, 24 * HOUR_MS),
    time!(connection_age_grace, 100, HOUR_MS),
    time!(drain_delay, 0, 60_000),
    time!(drain_grace, 100, HOUR_MS),
];

/// Which limit must not be above which.
const ORDERED: [(&str, &str); 3] = [
    ("deadline_default_ms", "deadline_max_ms"),
    ("stream_window_bytes", "connection_window_bytes"),
    ("message_bytes_max", "request_bytes_in_flight_max"),
];

impl Limit {
    /// The limit of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LIMITS.iter().find(|limit| limit.name == name)
    }

    /// What it is in `config`.
    pub fn of(&self, config: &ServerConfig) -> u64 {
        (self.read)(config)
    }
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limit").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerConfig {
    /// Moves one limit, by its name.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), LimitError> {
        let Some(limit) = Limit::named(name) else {
            let known: Vec<&str> = LIMITS.iter().map(|limit| limit.name).collect();
            return Err(LimitError::Unknown { name: name.to_owned(), known: known.join(", ") });
        };
        if !(limit.min..=limit.max).contains(&value) {
            return Err(LimitError::OutOfBounds { name: limit.name, value, min: limit.min, max: limit.max });
        }
        (limit.write)(self, value);
        Ok(())
    }

    /// Whether the limits go together, once all that are to be moved were.
    pub fn check(&self) -> Result<(), LimitError> {
        for (lesser, greater) in ORDERED {
            let [lesser, greater] =
                [lesser, greater].map(|name| Limit::named(name).expect("the names are of the table"));
            let (lesser_value, greater_value) = (lesser.of(self), greater.of(self));
            if lesser_value > greater_value {
                let (lesser, greater) = (lesser.name, greater.name);
                return Err(LimitError::Contradiction { lesser, lesser_value, greater, greater_value });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_limit_is_moved_by_its_name_within_its_bounds_and_no_other_with_it() {
        let usual = ServerConfig::default();
        for limit in LIMITS {
            assert!((limit.min..=limit.max).contains(&limit.of(&usual)), "{limit:?} as it usually is");
            for value in [limit.min, limit.max] {
                let mut config = usual.clone();
                config.set(limit.name, value).unwrap();
                assert_eq!(limit.of(&config), value, "{limit:?}");
                let others = LIMITS.iter().filter(|other| other.name != limit.name);
                assert!(
                    others.into_iter().all(|other| other.of(&config) == other.of(&usual)),
                    "{limit:?} moves another"
                );
            }
            let above = usual.clone().set(limit.name, limit.max + 1);
            assert!(matches!(above, Err(LimitError::OutOfBounds { .. })), "{limit:?}");
        }
        assert!(usual.check().is_ok());
        let unknown = usual.clone().set("patience_ms", 5).unwrap_err();
        assert!(unknown.to_string().contains("connections_max"), "{unknown}");
    }

    #[test]
    fn every_field_of_the_configuration_is_a_limit() {
        let shown = format!("{:?}", ServerConfig::default());
        let fields =
            shown.split_once('{').unwrap().1.split(", ").filter_map(|field| Some(field.split_once(':')?.0.trim()));
        let fields: BTreeSet<&str> = fields.collect();
        let named: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.name.trim_end_matches("_ms")).collect();
        assert_eq!(fields, named);
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused() {
        let mut config = ServerConfig::default();
        config.set("deadline_default_ms", 400_000).unwrap();
        let refused = config.check().unwrap_err();
        assert_eq!(refused.to_string(), "deadline_default_ms is 400000, more than deadline_max_ms, 300000");
    }

    /// The page for operators has each limit with its value and its bounds.
    #[test]
    fn every_limit_is_described() {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/limits.md")).unwrap();
        let usual = ServerConfig::default();
        for limit in LIMITS {
            let row = format!("| `{}` | {} | {} to {} |", limit.name, limit.of(&usual), limit.min, limit.max);
            assert!(page.contains(&row), "docs/operations/limits.md lacks {row}");
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), LIMITS.len());
    }
}
