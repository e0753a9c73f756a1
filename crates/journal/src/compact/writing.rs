//! The writing side of [`compact`](super): a serializer.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{CompactError, FIELDS_IN_BYTE};

#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            // The cast keeps the lowest seven bits; the eighth says that more follow.
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn length(&mut self, length: Option<usize>) -> Result<(), CompactError> {
        self.number(length.ok_or(CompactError::LengthUnknown)? as u64);
        Ok(())
    }
}

/// The fields of a struct: which of them are there is said before each eight.
pub(super) struct Fields<'a> {
    writer: &'a mut Writer,
    /// How many came, written or left out.
    count: u32,
    /// Where the byte is that tells of the last of them.
    told_at: usize,
}

impl<'a> Fields<'a> {
    fn new(writer: &'a mut Writer) -> Self {
        Self { writer, count: 0, told_at: 0 }
    }

    /// Passes on to the next field, and returns its bit.
    fn next(&mut self) -> u8 {
        let place = self.count % FIELDS_IN_BYTE;
        if place == 0 {
            self.told_at = self.writer.bytes.len();
            self.writer.bytes.push(0);
        }
        self.count += 1;
        1 << place
    }

    fn write(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), CompactError> {
        let bit = self.next();
        self.writer.bytes[self.told_at] |= bit;
        value.serialize(&mut *self.writer)
    }
}

macro_rules! numbers {
    ($($name:ident: $type:ty => $as:ty, $how:expr;)+) => {$(
        fn $name(self, value: $type) -> Result<(), CompactError> {
            let zigzag_or_plain: fn($as) -> u64 = $how;
            self.number(zigzag_or_plain(value.into()));
            Ok(())
        }
    )+};
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = CompactError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Fields<'a>;

    numbers! {
        serialize_bool: bool => u64, |value| value;
        serialize_u8: u8 => u64, |value| value;
        serialize_u16: u16 => u64, |value| value;
        serialize_u32: u32 => u64, |value| value;
        serialize_u64: u64 => u64, |value| value;
        serialize_char: char => u64, |value| value;
        serialize_i8: i8 => i64, zigzag;
        serialize_i16: i16 => i64, zigzag;
        serialize_i32: i32 => i64, zigzag;
        serialize_i64: i64 => i64, zigzag;
    }

    fn serialize_i128(self, value: i128) -> Result<(), CompactError> {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), CompactError> {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CompactError> {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), CompactError> {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), CompactError> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CompactError> {
        self.number(value.len() as u64);
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), CompactError> {
        self.serialize_bool(false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CompactError> {
        self.number(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CompactError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CompactError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), CompactError> {
        self.serialize_u32(index)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), CompactError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), CompactError> {
        self.number(index.into());
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, CompactError> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, CompactError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, CompactError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, CompactError> {
        self.number(index.into());
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self, CompactError> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, CompactError> {
        Ok(Fields::new(self))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'a>, CompactError> {
        self.number(index.into());
        Ok(Fields::new(self))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! elements {
    ($($compound:ident: $method:ident;)+) => {$(
        impl $compound for &mut Writer {
            type Ok = ();
            type Error = CompactError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CompactError> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), CompactError> {
                Ok(())
            }
        }
    )+};
}

elements! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

impl SerializeMap for &mut Writer {
    type Ok = ();
    type Error = CompactError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CompactError> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CompactError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), CompactError> {
        Ok(())
    }
}

macro_rules! fields {
    ($($compound:ident),+) => {$(
        impl $compound for Fields<'_> {
            type Ok = ();
            type Error = CompactError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), CompactError> {
                self.write(value)
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), CompactError> {
                self.next();
                Ok(())
            }

            fn end(self) -> Result<(), CompactError> {
                Ok(())
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);
