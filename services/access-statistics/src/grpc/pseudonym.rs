//! Pseudonyms as they come in: anything that may be an NHS number is refused, whatever the form.

use tally::{EventFault, Person};

/// Shortest pseudonym: with fewer bytes, people share one by chance.
const BYTES_MIN: usize = 8;

/// Longest: an HMAC-SHA-256.
const BYTES_MAX: usize = 32;

/// Digits of an NHS number, and the least number that has more.
const NHS_NUMBER_DIGITS: usize = 10;
const NHS_NUMBER_END: u64 = 10_000_000_000;

/// The person that a pseudonym stands for; nobody for an empty one.
pub(super) fn person(pseudonym: &[u8]) -> Result<Person, EventFault> {
    if pseudonym.is_empty() {
        return Ok(Person::NONE);
    }
    if !(BYTES_MIN..=BYTES_MAX).contains(&pseudonym.len()) {
        return Err(EventFault::PseudonymLength);
    }
    if looks_like_nhs_number(pseudonym) {
        return Err(EventFault::NhsNumber);
    }
    Ok(Person::of_pseudonym(pseudonym))
}

/// Text with an NHS number in it, ten digits that are nothing else, or the number itself as an integer.
///
/// A real pseudonym (bytes of a keyed hash) has ten digits among sixteen bytes once in 10^11, so that the slow look is
/// for suspects only.
fn looks_like_nhs_number(pseudonym: &[u8]) -> bool {
    let digit_count = digit_count(pseudonym);
    if digit_count >= NHS_NUMBER_DIGITS {
        let separated = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || b"-./\0".contains(byte);
        if digit_count == NHS_NUMBER_DIGITS && pseudonym.iter().all(separated) {
            return true;
        }
        return api::nhs_number::contains(&String::from_utf8_lossy(pseudonym));
    }
    let Ok(bytes) = <[u8; 8]>::try_from(pseudonym) else { return false };
    [u64::from_be_bytes(bytes), u64::from_le_bytes(bytes)]
        .into_iter()
        .any(|number| number < NHS_NUMBER_END && api::nhs_number::contains(&format!("{number:010}")))
}

/// Sixteen at a time, as many as most pseudonyms have: that is a handful of instructions.
fn digit_count(bytes: &[u8]) -> usize {
    let digits = |bytes: &[u8]| bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let (sixteens, rest) = bytes.as_chunks::<16>();
    sixteens
        .iter()
        .map(|sixteen| sixteen.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>())
        .map(usize::from)
        .sum::<usize>()
        + digits(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Valid by its check digit, and of the range that is never given to a person.
    const NHS_NUMBER: u64 = 9_990_000_069;

    #[test]
    fn keyed_hashes_are_pseudonyms() {
        assert_eq!(person(b""), Ok(Person::NONE));
        for length in BYTES_MIN..=BYTES_MAX {
            let bytes: Vec<u8> = (0..length).map(|index| (index * 89 + 7) as u8).collect();
            assert_eq!(person(&bytes), Ok(Person::of_pseudonym(&bytes)));
        }
        assert_eq!(person(b"0f3ac81b5e"), Ok(Person::of_pseudonym(b"0f3ac81b5e")));
    }

    #[test]
    fn an_nhs_number_is_refused_in_every_form() {
        assert!(api::nhs_number::contains(&NHS_NUMBER.to_string()), "the number of this test is valid");
        let forms: [&[u8]; 9] = [
            b"9990000069",
            b"999 000 0069",
            b"999-000-0069",
            b"nhs:9990000069",
            b"\xff\x009990000069\xfe",
            b"\x009990000069\0\0",
            b"1234567890",
            &NHS_NUMBER.to_be_bytes(),
            &NHS_NUMBER.to_le_bytes(),
        ];
        for form in forms {
            assert_eq!(person(form), Err(EventFault::NhsNumber), "{form:?}");
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for length in [1, BYTES_MIN - 1, BYTES_MAX + 1, 1_000] {
            assert_eq!(person(&vec![0x8f; length]), Err(EventFault::PseudonymLength));
        }
    }
}
