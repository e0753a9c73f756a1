//! The names of waves: statistics know of no others, and what is published under one must be nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest id of a programme, in characters: the scheduler's.
const PROGRAMME_CHARS_MAX: usize = 63;

/// A wave's resource name, `programmes/spring-opening/waves/3`. In order of programmes and numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WaveName {
    programme: Box<str>,
    number: u32,
}

/// Not the name of a wave.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is no wave: expected programmes/…/waves/…, such as programmes/spring-opening/waves/3")]
pub struct WaveNameError;

impl FromStr for WaveName {
    type Err = WaveNameError;

    fn from_str(text: &str) -> Result<Self, WaveNameError> {
        let parts = text.strip_prefix("programmes/").and_then(|rest| rest.split_once("/waves/"));
        let (programme, digits) = parts.ok_or(WaveNameError)?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins_well = programme.starts_with(|first: char| first.is_ascii_lowercase());
        let is_id = begins_well && programme.len() <= PROGRAMME_CHARS_MAX && programme.bytes().all(is_plain);
        // One name for each: what would be printed otherwise is not taken.
        let number: u32 =
            digits.parse().ok().filter(|number: &u32| number.to_string() == digits).ok_or(WaveNameError)?;
        if is_id { Ok(Self { programme: programme.into(), number }) } else { Err(WaveNameError) }
    }
}

impl fmt::Display for WaveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "programmes/{}/waves/{}", self.programme, self.number)
    }
}

impl TryFrom<String> for WaveName {
    type Error = WaveNameError;

    fn try_from(text: String) -> Result<Self, WaveNameError> {
        text.parse()
    }
}

impl From<WaveName> for String {
    fn from(name: WaveName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed_and_lie_in_the_order_of_their_numbers() {
        let name = |text: &str| text.parse::<WaveName>().unwrap();
        assert_eq!(name("programmes/spring-opening/waves/3").to_string(), "programmes/spring-opening/waves/3");
        assert!(name("programmes/spring/waves/9") < name("programmes/spring/waves/10"));
    }

    #[test]
    fn what_is_no_wave_is_refused() {
        for text in [
            "",
            "wave 3",
            "programmes/spring",
            "programmes/spring/waves/",
            "programmes/spring/waves/03",
            "programmes/spring/waves/3/enrolments/A81001",
            "programmes/Spring/waves/3",
            "programmes/9434765919/waves/3",
        ] {
            assert_eq!(text.parse::<WaveName>(), Err(WaveNameError), "{text:?}");
        }
    }
}
