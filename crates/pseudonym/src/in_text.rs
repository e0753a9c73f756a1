//! Finds NHS numbers in free text, so that none gets into a record that is kept for ever, nor into an error, a log or a span
//! (rule 16).
//!
//! An NHS number has ten digits, of which the last checks the others ([`NhsNumber::is_valid`]).
//! One in eleven other numbers of ten digits passes by chance; refusing it is the lesser harm, and the caller is told.
//! It does not find numbers spelt in words or broken up by letters.

use crate::NhsNumber;
use crate::nhs_number::DIGITS;

/// Stands for a text with an NHS number in it, whatever it was sent as.
pub const WITHHELD: &str = "[withheld: it has an NHS number in it, or ten digits that could be one]";

/// Between two groups of digits of one number: enough for ` - `, too few to join the columns of a table.
const SEPARATORS_MAX: usize = 3;

/// The text as an error or a log may tell it: [`WITHHELD`] where it holds an NHS number. To be asked before a text is cut, since a
/// part of a number is not found.
#[must_use]
pub fn told(text: &str) -> &str {
    if contains(text) { WITHHELD } else { text }
}

/// True where one of the words of `text` (letters and digits without anything between them) is a valid NHS number.
#[must_use]
pub fn is_a_word_of(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    words.any(|word| word.len() == DIGITS && word.bytes().all(|byte| byte.is_ascii_digit()) && contains(word))
}

/// True where `text` holds a valid NHS number, written together or in groups with spaces, dashes, dots, slashes or
/// brackets between them. A date followed by an hour is not taken for one; nor is part of a longer unbroken number.
#[must_use]
pub fn contains(text: &str) -> bool {
    // Most texts have no ten digits, and cells of files are many. In UTF-8 a digit of any width takes a byte or more.
    if text.len() < DIGITS || text.is_ascii() && text.bytes().filter(u8::is_ascii_digit).count() < DIGITS {
        return false;
    }
    let mut groups: Vec<Vec<u8>> = Vec::new();
    let mut separators = SEPARATORS_MAX + 1;
    for character in text.chars() {
        if let Some(digit) = digit_of(character) {
            if separators > SEPARATORS_MAX {
                groups.clear();
            }
            match groups.last_mut() {
                Some(group) if separators == 0 => group.push(digit),
                _ => groups.push(vec![digit]),
            }
            separators = 0;
            continue;
        }
        // The group that just ended may complete a number with those before it.
        if separators == 0 && ends_in_number(&groups) {
            return true;
        }
        separators = if is_separator(character) { separators.saturating_add(1) } else { SEPARATORS_MAX + 1 };
    }
    ends_in_number(&groups)
}

/// True where the last groups, taken whole, are together a valid number.
fn ends_in_number(groups: &[Vec<u8>]) -> bool {
    let mut count = 0;
    for (start, group) in groups.iter().enumerate().rev() {
        count += group.len();
        if count >= DIGITS {
            return count == DIGITS
                && !starts_with_date(&groups[start..])
                && NhsNumber::is_valid(&groups[start..].concat());
        }
    }
    false
}

/// `2031-05-17 09` and `17/05/2031 09` are ten digits in groups, and no number.
fn starts_with_date(groups: &[Vec<u8>]) -> bool {
    let is_year = |group: &[u8]| matches!(group, [1, 9, _, _] | [2, 0, _, _]);
    match groups {
        [year, month, day, _] => {
            (is_year(year) && month.len() == 2 && day.len() == 2)
                || (is_year(day) && year.len() == 2 && month.len() == 2)
        }
        _ => false,
    }
}

fn digit_of(character: char) -> Option<u8> {
    // Full-width digits as well: they are what some input methods write.
    let plain = match character {
        '\u{ff10}'..='\u{ff19}' => u32::from(character) - 0xff10,
        _ => character.to_digit(10)?,
    };
    u8::try_from(plain).ok()
}

fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '-' | '.' | '/' | '_' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // 943 476 5919 is the example of the NHS Data Dictionary.
    #[test]
    fn a_valid_number_is_found_however_it_is_grouped() {
        for text in [
            "9434765919",
            "943 476 5919",
            "943-476-5919",
            "943 - 476 - 5919",
            "(943) 476.5919",
            "943\u{a0}476\u{2013}5919",
            "9 4 3 4 7 6 5 9 1 9",
            "NHS no 9434765919.",
            "patient9434765919asked",
            "on 12 9434765919 17 of them",
            "room 12, 943 476 5919",
            "9434765910 or rather 9434765919",
            "\u{ff19}434765919",
        ] {
            assert!(contains(text), "{text:?}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "9434765918",
            "943 476 5918",
            "19434765919",
            "94347659190",
            "943 476\t\t\t\t5919",
            "943 x 476 5919",
            "0000000000",
            "practices/A81001, 6129 of them",
            "0113 496 0000",
        ] {
            assert!(!contains(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_told_is_the_text_or_nothing_of_it() {
        assert_eq!(told("practices/A81001"), "practices/A81001");
        assert_eq!(told("practices/943-476-5919, and more"), WITHHELD);
    }

    #[test]
    fn a_date_and_an_hour_are_no_number() {
        for day in 1..=28 {
            for hour in 0..24 {
                let iso = format!("until 2031-05-{day:02} {hour:02}:00");
                let british = format!("until {day:02}/05/2031 {hour:02}:00");
                assert!(!contains(&iso) && !contains(&british), "{iso}");
            }
        }
    }

    proptest! {
        #[test]
        fn exactly_one_check_digit_makes_nine_digits_valid_or_none(nine in 1u64..1_000_000_000) {
            let valid = (0..10).filter(|check| contains(&format!("{nine:09}{check}"))).count();
            prop_assert!(valid <= 1);
        }

        #[test]
        fn changing_one_digit_of_a_valid_number_makes_it_invalid(nine in 1u64..1_000_000_000, place in 0usize..10, by in 1u8..10) {
            for check in 0..10 {
                let number = format!("{nine:09}{check}");
                if contains(&number) {
                    let mut digits = number.into_bytes();
                    digits[place] = b'0' + (digits[place] - b'0' + by) % 10;
                    let changed = String::from_utf8(digits).unwrap();
                    prop_assert!(!contains(&changed), "{}", changed);
                }
            }
        }

        #[test]
        fn any_text_is_survived(text in ".*") {
            prop_assert!([text.as_str(), WITHHELD].contains(&told(&text)));
        }
    }
}
