//! Purposes: what pseudonyms are made for.

use std::str::FromStr;

use thiserror::Error;

/// Longest purpose.
pub const PURPOSE_BYTES_MAX: usize = 64;

/// What pseudonyms are made for, `record-views`: 1 to 64 of `a-z 0-9 -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose(String);

/// Not the name of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a purpose has 1 to {PURPOSE_BYTES_MAX} of a-z, 0-9 and -")]
pub struct PurposeError;

impl Purpose {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = (1..=PURPOSE_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(PurposeError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_a_plain_name() {
        assert_eq!("record-views".parse::<Purpose>().unwrap().as_str(), "record-views");
        let long = "a".repeat(PURPOSE_BYTES_MAX + 1);
        for text in ["", "Record views", "record\0views", &long] {
            assert_eq!(text.parse::<Purpose>(), Err(PurposeError), "{text:?}");
        }
    }
}
