//! Keys: what makes pseudonyms, and makes them meaningless to everybody else.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{NhsNumber, Pseudonym, Purpose};

/// Bytes of a key: as many as SHA-256 has, beyond which a longer one is no stronger (RFC 2104).
pub const KEY_BYTES: usize = 32;

/// Bytes of a key's id.
const ID_BYTES: usize = 8;

/// What the first part of every authenticated text is, so that no other use of the same key can be mistaken for this one.
const OF_PSEUDONYMS: &[u8] = b"citizens-access pseudonym 1";
const OF_KEY_IDS: &[u8] = b"citizens-access key id 1";

/// A secret of those who produce events. Made of 32 bytes of chance, written as 64 hexadecimal digits.
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

/// A key's name for itself, by which it can be told which key made something: the same for the same key, and of no help to
/// whoever wants to guess it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; ID_BYTES]);

/// Not a key. It does not repeat what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key is {} hexadecimal digits", 2 * KEY_BYTES)]
pub struct KeyError;

impl Key {
    /// The key of these bytes, which are to be of a generator for secrets.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mac = self.authenticated(&[OF_KEY_IDS]);
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&mac[..ID_BYTES]);
        KeyId(id)
    }

    /// What stands for a person where events are counted for a purpose.
    #[must_use]
    pub fn pseudonym(&self, purpose: &Purpose, person: &NhsNumber) -> Pseudonym {
        Pseudonym(self.authenticated(&[OF_PSEUDONYMS, purpose.as_str().as_bytes(), person.digits()]))
    }

    /// As it is kept, in hexadecimal; overwritten when it is dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// The parts, none of which has a zero byte, are told apart by one.
    fn authenticated(&self, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
            mac.update(&[0]);
        }
        mac.finalize().into_bytes().into()
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), &mut *bytes).map_err(|_| KeyError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn key() -> Key {
        SECRET.parse().unwrap()
    }

    fn number() -> NhsNumber {
        "943 476 5919".parse().unwrap()
    }

    fn purpose(name: &str) -> Purpose {
        name.parse().unwrap()
    }

    /// Worked out by Python's `hmac`: producers are written in other languages, and must come to the same.
    #[test]
    fn a_pseudonym_is_what_another_program_makes_of_the_same() {
        let pseudonym = key().pseudonym(&purpose("record-views"), &number());
        assert_eq!(pseudonym.to_string(), "c8d480101417b074f0a2c81cd4adc9ec6cc01a06803f5cadf3c894cc4d8634ea");
        assert_eq!(key().id().to_string(), "20acb6ed490a1285");
    }

    #[test]
    fn another_key_or_purpose_is_another_pseudonym() {
        let one = key().pseudonym(&purpose("record-views"), &number());
        assert_ne!(one, key().pseudonym(&purpose("record-view"), &number()));
        assert_ne!(one, Key::new([7; KEY_BYTES]).pseudonym(&purpose("record-views"), &number()));
        assert_eq!(one, key().pseudonym(&purpose("record-views"), &"9434765919".parse().unwrap()));
    }

    #[test]
    fn a_key_is_read_back_as_written_and_does_not_show_itself() {
        assert_eq!(*key().to_text(), SECRET);
        assert!(!format!("{:?}", key()).contains(&SECRET[..8]));
        for text in ["", &SECRET[2..], "not hexadecimal at all, and yet sixty-four characters in length.", "00"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_purposes_meet(one in "[a-z0-9-]{1,12}", other in "[a-z0-9-]{1,12}") {
            let (first, second) = (key().pseudonym(&purpose(&one), &number()), key().pseudonym(&purpose(&other), &number()));
            prop_assert_eq!(first == second, one == other);
        }
    }
}
