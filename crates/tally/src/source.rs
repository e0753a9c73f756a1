//! Sources of events and their sequences: what makes counting exactly once.
//!
//! Each life of a source (its incarnation) numbers its events 1, 2, 3, … . What is durable is always a beginning of that
//! sequence, so one number per life tells it, and an event is identified by its place, not by an id of its own: that
//! costs nothing to look up and nothing to keep (I29).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A source's name for itself: 1 to 64 of `a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(Box<str>);

/// Longest name of a source.
pub const SOURCE_NAME_BYTES_MAX: usize = 64;

/// Not the name of a source.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("not a source's name: expected 1 to {SOURCE_NAME_BYTES_MAX} of a-z 0-9 . _ -")]
pub struct SourceNameError;

impl SourceName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceName {
    type Err = SourceNameError;

    fn from_str(text: &str) -> Result<Self, SourceNameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let well_formed = (1..=SOURCE_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
        if well_formed { Ok(Self(text.into())) } else { Err(SourceNameError) }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One life of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Who.
    pub name: SourceName,
    /// Which life.
    pub incarnation: u64,
}

/// Where a batch stands against what is durable of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It follows at once: all of it is new.
    Next,
    /// Its first `durable_count` events are durable, the rest is new.
    Overlapping {
        /// How many are not new; at least one and fewer than the batch has.
        durable_count: usize,
    },
    /// All of it is durable.
    Durable,
}

/// A batch that cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// Events before it are missing.
    #[error("sequence {found} does not follow: {expected} is next")]
    Gap {
        /// What must come next.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Numbering begins at 1 and ends where 63 bits do, which is where the stores' integers do.
    #[error("a batch of {count} events cannot begin at sequence {first}")]
    Range {
        /// The first event's number.
        first: u64,
        /// How many.
        count: usize,
    },
}

/// Places a batch of `count` events, the first numbered `first`, against a source of which `durable` is durable.
///
/// # Errors
/// Where events before it are missing, or there are no such numbers.
pub fn standing(durable: u64, first: u64, count: usize) -> Result<Standing, SequenceError> {
    let range_error = SequenceError::Range { first, count };
    let last = first.checked_add(count as u64).ok_or(range_error)?.saturating_sub(1);
    if first == 0 || last > i64::MAX as u64 {
        return Err(range_error);
    }
    if first > durable + 1 {
        return Err(SequenceError::Gap { expected: durable + 1, found: first });
    }
    let durable_count = durable + 1 - first;
    match usize::try_from(durable_count) {
        Ok(0) => Ok(Standing::Next),
        Ok(durable_count) if durable_count < count => Ok(Standing::Overlapping { durable_count }),
        _ => Ok(Standing::Durable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_an_old_batch_and_an_overlap_are_told_apart() {
        assert_eq!(standing(0, 1, 3), Ok(Standing::Next));
        assert_eq!(standing(3, 4, 1), Ok(Standing::Next));
        assert_eq!(standing(3, 1, 3), Ok(Standing::Durable));
        assert_eq!(standing(9, 1, 3), Ok(Standing::Durable));
        assert_eq!(standing(3, 3, 2), Ok(Standing::Overlapping { durable_count: 1 }));
        assert_eq!(standing(3, 5, 1), Err(SequenceError::Gap { expected: 4, found: 5 }));
    }

    #[test]
    fn numbers_that_do_not_exist_are_refused() {
        for (first, count) in [(0, 1), (0, 0), (u64::MAX, 1), (u64::MAX, 2), (i64::MAX as u64, 2)] {
            assert_eq!(standing(0, first, count), Err(SequenceError::Range { first, count }));
        }
    }

    #[test]
    fn names_of_sources_are_plain() {
        assert_eq!("emis.gateway-1".parse::<SourceName>().unwrap().as_str(), "emis.gateway-1");
        for text in ["", "Emis", "a b", "a/b", &"x".repeat(65)] {
            assert_eq!(text.parse::<SourceName>(), Err(SourceNameError), "{text:?}");
        }
    }
}
