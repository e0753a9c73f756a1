//! NHS numbers: read, checked, and never shown.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroize;

/// Digits of an NHS number, the check digit included.
pub(crate) const DIGITS: usize = 10;

/// A person's NHS number: ten digits of which the last fits the others (NHS Data Dictionary, "NHS NUMBER"). It is overwritten
/// when it is dropped, and says nothing of itself.
pub struct NhsNumber([u8; DIGITS]);

/// Why a text is no NHS number. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NhsNumberError {
    /// Another count of digits, or something beside digits, spaces and dashes.
    #[error("expected ten digits, with spaces or dashes between them or without")]
    Form,
    /// The last digit does not fit the others: one was mistyped.
    #[error("the last digit does not fit the others; one of them is wrong")]
    CheckDigit,
}

impl NhsNumber {
    /// The digits as text.
    pub(crate) fn digits(&self) -> &[u8; DIGITS] {
        &self.0
    }

    /// Whether these are the digits, 0 to 9, of a number: the last is 11 less the weighted sum of the others modulo 11, with 11
    /// written as 0; where it would be 10 there is no number.
    #[must_use]
    pub fn is_valid(digits: &[u8]) -> bool {
        let [first @ .., check] = digits else { return false };
        if digits.len() != DIGITS {
            return false;
        }
        let weighted = first.iter().zip((2..=DIGITS as u32).rev()).map(|(digit, weight)| u32::from(*digit) * weight);
        let expected = (11 - weighted.sum::<u32>() % 11) % 11;
        // Ten zeroes satisfy the sum and stand for "no number" in forms.
        expected == u32::from(*check) && digits.iter().any(|digit| *digit != 0)
    }
}

impl FromStr for NhsNumber {
    type Err = NhsNumberError;

    fn from_str(text: &str) -> Result<Self, NhsNumberError> {
        let mut digits = [0; DIGITS];
        let mut count = 0;
        for byte in text.trim().bytes() {
            match byte {
                b'0'..=b'9' if count < DIGITS => {
                    digits[count] = byte - b'0';
                    count += 1;
                }
                b' ' | b'-' => {}
                _ => return Err(NhsNumberError::Form),
            }
        }
        if count != DIGITS {
            return Err(NhsNumberError::Form);
        }
        if !Self::is_valid(&digits) {
            return Err(NhsNumberError::CheckDigit);
        }
        digits.iter_mut().for_each(|digit| *digit += b'0');
        Ok(Self(digits))
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(…)")
    }
}

impl Drop for NhsNumber {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 943 476 5919 is the example of the NHS Data Dictionary.
    #[test]
    fn a_number_is_read_however_it_is_grouped_and_says_nothing_of_itself() {
        for text in ["9434765919", "943 476 5919", " 943-476-5919\n"] {
            let number: NhsNumber = text.parse().unwrap();
            assert_eq!(number.digits(), b"9434765919");
            assert_eq!(format!("{number:?}"), "NhsNumber(…)");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_without_being_repeated() {
        for text in ["", "943476591", "94347659190", "943.476.5919", "practices/A81001", "９434765919"] {
            assert_eq!(text.parse::<NhsNumber>().unwrap_err(), NhsNumberError::Form, "{text:?}");
        }
        for text in ["9434765918", "0000000000"] {
            let error = text.parse::<NhsNumber>().unwrap_err();
            assert_eq!(error, NhsNumberError::CheckDigit, "{text:?}");
            assert!(!error.to_string().contains(text));
        }
    }
}
