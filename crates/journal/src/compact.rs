//! Compact: a state as few bytes that are quickly read back, for snapshots.
//!
//! Nothing in the bytes says what they are: no names, no types. Whoever reads must ask for the very type that was written,
//! which is why the shape of a snapshot names the machine's `STATE_SHAPE`, and why a type that decides by what it finds
//! (`#[serde(tag)]`, `untagged`, `flatten`) cannot be written so and stays with MessagePack. For what is kept for longer
//! than a cache, this is not.
//!
//! No format at hand does it: those without names lose their place where a field is left out by `skip_serializing_if`, which
//! the states do everywhere. serde tells the serializer of each such field, so here a struct says which fields it has:
//!
//! | what | bytes |
//! |---|---|
//! | unsigned integer, length, index of a variant, char | LEB128 |
//! | signed integer | zigzag, then LEB128 |
//! | float | little-endian |
//! | text, bytes | length, then the bytes |
//! | `Option` | 0, or 1 and the value |
//! | list, map | length, then its elements |
//! | tuple, newtype | its elements |
//! | struct | before each eight fields a byte whose bits say which are there, lowest first; each field that is |
//! | variant of an enum | its index, then as a tuple or struct |

mod reading;
mod writing;

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Fields of a struct that one byte tells of.
const FIELDS_IN_BYTE: u32 = 8;

/// Why a value cannot be written or read so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// The type says so itself.
    #[error("{0}")]
    Custom(String),
    /// The bytes end before the value does.
    #[error("the bytes end in the middle of a value")]
    Ended,
    /// The bytes cannot be had.
    #[error("the bytes cannot be read: {0}")]
    Unread(String),
    /// The value ends before the bytes do.
    #[error("there are {0} bytes more than the value has")]
    TooMany(usize),
    /// The bytes are not those of a value of this type.
    #[error("{0} cannot be {1}")]
    Malformed(&'static str, u64),
    /// It is known only at its end how long it is.
    #[error("a list or map whose length is not known before cannot be written so, and so nothing that is flattened")]
    LengthUnknown,
    /// The type wants to know what is there.
    #[error("what is there is not written down: nothing tagged, untagged or flattened can be read")]
    NotSelfDescribing,
}

impl serde::ser::Error for CompactError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

impl serde::de::Error for CompactError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

/// A value as bytes.
///
/// # Errors
/// Where its type cannot be written so.
pub(crate) fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, CompactError> {
    let mut writer = writing::Writer::default();
    value.serialize(&mut writer)?;
    Ok(writer.into_bytes())
}

/// The value that these bytes were written from.
///
/// # Errors
/// Where they cannot be read or were not written from a value of this type; not for certain, since bytes of another may
/// happen to fit.
pub(crate) fn from_reader<T: DeserializeOwned>(bytes: impl Read) -> Result<T, CompactError> {
    let mut reader = reading::Reader::new(bytes);
    let value = T::deserialize(&mut reader)?;
    match reader.rest()? {
        0 => Ok(value),
        rest => Err(CompactError::TooMany(rest)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Sparse {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a: Option<u64>,
        b: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        c: Vec<Shape>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        d: String,
        e: Option<char>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        f: BTreeMap<(String, u8), bool>,
        g: (u16, i8),
        h: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        i: Option<Box<Sparse>>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        j: bool,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        Newtype(i32),
        Tuple(u32, String),
        Struct {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            left_out: Option<i128>,
            there: u8,
        },
    }

    fn shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            Just(Shape::Unit),
            any::<i32>().prop_map(Shape::Newtype),
            any::<(u32, String)>().prop_map(|(number, text)| Shape::Tuple(number, text)),
            any::<(Option<i128>, u8)>().prop_map(|(left_out, there)| Shape::Struct { left_out, there }),
        ]
    }

    fn flat() -> impl Strategy<Value = Sparse> {
        let fields = (
            any::<Option<u64>>(),
            any::<i64>(),
            proptest::collection::vec(shape(), 0..4),
            any::<String>(),
            any::<Option<char>>(),
            proptest::collection::btree_map(any::<(String, u8)>(), any::<bool>(), 0..4),
            any::<(u16, i8)>(),
            -1e300..1e300,
            any::<bool>(),
        );
        fields.prop_map(|(a, b, c, d, e, f, g, h, j)| Sparse { a, b, c, d, e, f, g, h, i: None, j })
    }

    fn sparse() -> impl Strategy<Value = Sparse> {
        (flat(), proptest::option::of(flat())).prop_map(|(outer, inner)| Sparse { i: inner.map(Box::new), ..outer })
    }

    /// Gives so many bytes at a time.
    struct Pieces<'a> {
        bytes: &'a [u8],
        piece: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.bytes.read(&mut into[..self.piece])
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(value in sparse()) {
            let bytes = to_vec(&value).unwrap();
            prop_assert_eq!(from_reader::<Sparse>(bytes.as_slice()), Ok(value));
        }

        #[test]
        fn it_does_not_matter_in_which_pieces_the_bytes_come(value in sparse(), piece in 1_usize..9) {
            let bytes = to_vec(&value).unwrap();
            let pieces = Pieces { bytes: &bytes, piece };
            prop_assert_eq!(from_reader::<Sparse>(pieces), Ok(value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = from_reader::<Sparse>(bytes.as_slice());
            let _ = from_reader::<Vec<u64>>(bytes.as_slice());
        }

        #[test]
        fn bytes_that_are_cut_off_are_refused(value in sparse(), keep in any::<proptest::sample::Index>()) {
            let bytes = to_vec(&value).unwrap();
            let kept = &bytes[..keep.index(bytes.len())];
            prop_assert!(from_reader::<Sparse>(kept).is_err());
        }
    }

    /// Snapshots of earlier builds are read too: what is written must stay as it is, or the name of the encoding change.
    #[test]
    fn the_bytes_stay_as_they_were() {
        let value = Sparse {
            b: -3,
            c: vec![Shape::Tuple(300, "né".to_owned()), Shape::Struct { left_out: None, there: 7 }],
            e: Some('x'),
            ..Sparse::default()
        };
        let (is_there, rest_is_there) = (0b1101_0110, 0);
        let list = [2, 2, 0xAC, 2, 3, b'n', 0xC3, 0xA9, 3, 0b10, 7];
        let mut expected = vec![is_there, 5];
        expected.extend(list);
        expected.extend([1, b'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, rest_is_there]);
        assert_eq!(to_vec(&value).unwrap(), expected);
    }

    #[test]
    fn the_same_value_is_the_same_bytes() {
        let value = Sparse { f: BTreeMap::from([(("a".to_owned(), 1), true)]), ..Sparse::default() };
        assert_eq!(to_vec(&value), to_vec(&value.clone()));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        #[derive(Debug, Deserialize, Serialize)]
        #[serde(tag = "kind")]
        enum Tagged {
            One { number: u32 },
        }
        #[derive(Debug, Serialize)]
        struct Flattened {
            #[serde(flatten)]
            inner: BTreeMap<String, u32>,
        }
        assert_eq!(to_vec(&Flattened { inner: BTreeMap::new() }), Err(CompactError::LengthUnknown));
        let bytes = to_vec(&Tagged::One { number: 1 }).unwrap();
        assert_eq!(from_reader::<Tagged>(bytes.as_slice()).unwrap_err(), CompactError::NotSelfDescribing);
        assert_eq!(from_reader::<u8>(&[1, 2][..]), Err(CompactError::TooMany(1)));
        assert_eq!(from_reader::<u8>(&[0xAC, 2][..]), Err(CompactError::Malformed("an integer of this size", 300)));
        assert_eq!(from_reader::<bool>(&[2][..]), Err(CompactError::Malformed("a bool", 2)));
        assert_eq!(
            from_reader::<u64>(&[0xFF; 11][..]),
            Err(CompactError::Malformed("a number of more than 64 bits", 0x7F))
        );
        assert_eq!(from_reader::<String>(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1][..]), Err(CompactError::Ended));
    }
}
