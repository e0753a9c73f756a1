//! The names of things: practices, PCNs, sub-ICBs, ICBs and regions by their ODS codes.
//!
//! Codes are short ASCII, held inline and copied freely; a value of these types is always well formed. That a code is
//! well formed says nothing about whether such an organisation exists: only a directory knows that. Suppliers and
//! capabilities, which are named by words, are in [`crate::supplier`] and [`crate::capability`].

use std::fmt;
use std::str::FromStr;

use pseudonym::in_text;

/// Text that is not a well-formed name of its kind: what was given, and what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {kind}: expected {expected}")]
pub struct CodeError {
    /// What it should have been, with its article: `a practice code`.
    pub kind: &'static str,
    /// What was given, cut to [`GIVEN_CHARS_MAX`] characters.
    pub given: String,
    /// The shape that would have been right, with an example.
    pub expected: &'static str,
}

/// Longest piece of unusable input that an error repeats, so that a wrong file cannot flood a log. Nothing of one with an NHS
/// number in it is repeated (rule 16).
pub const GIVEN_CHARS_MAX: usize = 40;

impl CodeError {
    pub(crate) fn new(kind: &'static str, given: &str, expected: &'static str) -> Self {
        Self { kind, given: excerpt(given), expected }
    }
}

/// The beginning of `text`, at most [`GIVEN_CHARS_MAX`] characters, marked where it was cut. Of a text with an NHS number in it,
/// nothing: faults are reported, logged and shown (rule 16).
pub(crate) fn excerpt(text: &str) -> String {
    if in_text::contains(text) {
        return in_text::WITHHELD.to_owned();
    }
    match text.char_indices().nth(GIVEN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// At most `N` ASCII characters, padded with zero bytes, so that the derived order is the order of the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Short<const N: usize>([u8; N]);

impl<const N: usize> Short<N> {
    /// `text` must have been checked to be at most `N` ASCII characters, none of them NUL.
    fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self(bytes)
    }

    /// The text as a number that has its place among the others' numbers; for at most eight characters.
    fn number(self) -> u64 {
        const { assert!(N <= 8) };
        self.0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// The text of such a number.
    fn of_number(number: u64) -> Self {
        const { assert!(N <= 8) };
        Self(std::array::from_fn(|index| number.to_be_bytes()[8 - N + index]))
    }

    fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(N);
        std::str::from_utf8(&self.0[..length]).expect("only checked ASCII is ever stored")
    }
}

/// Does `text` have this shape? In a pattern `A` stands for a capital letter, `9` for a digit, `*` for either; anything
/// else stands for itself.
fn has_shape(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, shape)| match shape {
            b'A' => byte.is_ascii_uppercase(),
            b'9' => byte.is_ascii_digit(),
            b'*' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            exact => byte == exact,
        })
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $size:literal, $kind:literal, [$($shape:literal),+], $expected:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Short<$size>);

        impl $name {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = CodeError;

            fn from_str(text: &str) -> Result<Self, CodeError> {
                if [$($shape),+].iter().any(|shape| has_shape(text, shape)) {
                    Ok(Self(Short::new(text)))
                } else {
                    Err(CodeError::new($kind, text, $expected))
                }
            }
        }

        text_impls!($name);
    )+};
}

/// What every type that is written as text has in common; the type brings `as_str` and `FromStr`.
macro_rules! text_impls {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = crate::code::CodeError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::code::TextVisitor(std::marker::PhantomData))
            }
        }
    };
}
pub(crate) use text_impls;

/// Reads any of these types from a string, borrowed or not, without a copy in between.
pub(crate) struct TextVisitor<T>(pub(crate) std::marker::PhantomData<T>);

impl<T: FromStr<Err = CodeError>> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

codes! {
    /// A GP practice: a capital letter and five digits, `A81001`.
    PracticeCode: 6, "a practice code", ["A99999"], "a capital letter and five digits, such as A81001";

    /// A primary care network: `U` and five digits, or [`PcnCode::UNALLOCATED`].
    PcnCode: 6, "a PCN code", ["U99999", "U"], "`U` and five digits, such as U12345, or `U` alone for a practice in no PCN";

    /// A sub-ICB location (formerly a clinical commissioning group): `16C` or `A3A8R`.
    SubIcbCode: 5, "a sub-ICB code", ["99A", "A9A9A"], "two digits and a letter, such as 16C, or five characters, such as A3A8R";

    /// An integrated care board: `QHM` or, since the mergers, `Z9B2Z`. Never assume a length.
    IcbCode: 5, "an ICB code", ["Q**", "A9A9A"], "`Q` and two characters, such as QHM, or five characters, such as Z9B2Z";

    /// An NHS commissioning region: `Y63`.
    RegionCode: 3, "a region code", ["Y99"], "`Y` and two digits, such as Y63";

    /// The Office for National Statistics' code of an English area: `E54000050`. Boundary files are keyed by it.
    OnsCode: 9, "an ONS code", ["E99999999"], "`E` and eight digits, such as E54000050";
}

impl PracticeCode {
    /// Sorts a nation's codes, as numbers: that takes a quarter of the time that comparing texts does, and a hold waits for it.
    pub fn sort(codes: &mut [Self]) {
        let mut numbers: Vec<u64> = codes.iter().map(|code| code.0.number()).collect();
        numbers.sort_unstable();
        for (code, number) in codes.iter_mut().zip(numbers) {
            *code = Self(Short::of_number(number));
        }
    }
}

impl PcnCode {
    /// The publishers' code for "in no PCN". Practices that share it share nothing else.
    pub const UNALLOCATED: Self = Self(Short(*b"U\0\0\0\0\0"));

    /// Is this [`PcnCode::UNALLOCATED`]?
    #[must_use]
    pub fn is_unallocated(self) -> bool {
        self == Self::UNALLOCATED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_of_every_shape_are_read_and_printed() {
        assert_eq!("A81001".parse::<PracticeCode>().unwrap().to_string(), "A81001");
        assert_eq!("U12345".parse::<PcnCode>().unwrap().as_str(), "U12345");
        assert_eq!("U".parse::<PcnCode>().unwrap(), PcnCode::UNALLOCATED);
        assert!(!"U00000".parse::<PcnCode>().unwrap().is_unallocated());
        for text in ["16C", "A3A8R"] {
            assert_eq!(text.parse::<SubIcbCode>().unwrap().as_str(), text);
        }
        for text in ["QHM", "QE1", "Z9B2Z"] {
            assert_eq!(text.parse::<IcbCode>().unwrap().as_str(), text);
        }
        assert_eq!("Y63".parse::<RegionCode>().unwrap().as_str(), "Y63");
        assert_eq!("E54000050".parse::<OnsCode>().unwrap().as_str(), "E54000050");
    }

    proptest! {
        #[test]
        fn many_codes_are_sorted_as_their_texts_are(texts in prop::collection::vec("[A-Z][0-9]{5}", 0..50)) {
            let mut codes: Vec<PracticeCode> = texts.iter().map(|text| text.parse().unwrap()).collect();
            PracticeCode::sort(&mut codes);
            let mut texts = texts;
            texts.sort();
            prop_assert_eq!(codes.iter().map(PracticeCode::as_str).collect::<Vec<_>>(), texts);
        }
    }

    #[test]
    fn a_bad_code_says_what_was_wrong_and_what_is_expected() {
        let error = "a81001".parse::<PracticeCode>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a81001` is not a practice code: expected a capital letter and five digits, such as A81001"
        );
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["", "A8100", "A810011", "A8100١", "A81O01", " A81001", "A81001\0"] {
            assert!(text.parse::<PracticeCode>().is_err(), "{text:?}");
        }
        for text in ["U1234", "u", "UU", "U\0"] {
            assert!(text.parse::<PcnCode>().is_err(), "{text:?}");
        }
        for text in ["7A6", "QH", "QHMM", "Y6", "Y6A", "W00"] {
            assert!(text.parse::<SubIcbCode>().is_err(), "{text:?}");
            assert!(text.parse::<RegionCode>().is_err(), "{text:?}");
            assert!(text.parse::<IcbCode>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_error_repeats_only_the_beginning_of_what_was_given() {
        let error = "é".repeat(1_000).parse::<IcbCode>().unwrap_err();
        assert_eq!(error.given.chars().count(), GIVEN_CHARS_MAX + 1);
    }

    /// Rule 16.
    #[test]
    fn an_error_repeats_nothing_of_what_has_an_nhs_number_in_it() {
        for given in ["9434765919", "943 476 5919", &format!("{}9434765919", "a ".repeat(18))] {
            let error = given.parse::<PracticeCode>().unwrap_err();
            assert_eq!(error.given, in_text::WITHHELD, "{given}");
        }
    }

    #[test]
    fn codes_are_strings_in_json_also_as_keys() {
        let by_code = std::collections::BTreeMap::from([(PcnCode::UNALLOCATED, 52)]);
        let json = serde_json::to_string(&by_code).unwrap();
        assert_eq!(json, r#"{"U":52}"#);
        assert_eq!(serde_json::from_str::<std::collections::BTreeMap<PcnCode, i32>>(&json).unwrap(), by_code);
        assert!(serde_json::from_str::<PracticeCode>("\"81001\"").is_err());
    }

    proptest! {
        #[test]
        fn codes_order_as_their_text(a in "U([0-9]{5})?", b in "U([0-9]{5})?") {
            let (left, right): (PcnCode, PcnCode) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(code) = text.parse::<IcbCode>() {
                prop_assert_eq!(code.as_str(), text);
            }
        }
    }
}
