//! The reading side of [`compact`](super): a deserializer.

use std::io::Read;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{CompactError, FIELDS_IN_BYTE};

/// Seven bits each, so a number has at most so many bytes.
const NUMBER_BYTES_MAX: u32 = 10;

/// Bytes that are asked for at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// Elements for which room is made before they are read: a length that was made up must not take memory.
const ROOM_MAX: usize = 4_096;

pub(super) struct Reader<R> {
    input: R,
    /// What was read of the input and not taken yet lies between `at` and `end`.
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// What does not lie in the buffer as a whole.
    gathered: Vec<u8>,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: vec![0; BUFFER_BYTES].into(), at: 0, end: 0, gathered: Vec::new() }
    }

    /// Reads to the end. How many bytes nobody has taken.
    pub(super) fn rest(&mut self) -> Result<usize, CompactError> {
        let mut rest = self.end - self.at;
        while self.fill()? {
            rest += self.end;
        }
        self.at = self.end;
        Ok(rest)
    }

    /// Drops the buffer for what comes next. False at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool, CompactError> {
        self.at = 0;
        self.end = 0;
        self.end = self.input.read(&mut self.buffer).map_err(|error| CompactError::Unread(error.to_string()))?;
        Ok(self.end > 0)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, CompactError> {
        if self.at == self.end && !self.fill()? {
            return Err(CompactError::Ended);
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&[u8], CompactError> {
        if self.end - self.at < length {
            return self.gather(length);
        }
        let from = self.at;
        self.at += length;
        Ok(&self.buffer[from..self.at])
    }

    fn gather(&mut self, length: usize) -> Result<&[u8], CompactError> {
        self.gathered.clear();
        while self.gathered.len() < length {
            if self.at == self.end && !self.fill()? {
                return Err(CompactError::Ended);
            }
            let wanted = (length - self.gathered.len()).min(self.end - self.at);
            self.gathered.extend_from_slice(&self.buffer[self.at..self.at + wanted]);
            self.at += wanted;
        }
        Ok(&self.gathered)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CompactError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Most numbers are small.
    #[inline]
    fn number(&mut self) -> Result<u64, CompactError> {
        match self.byte()? {
            small @ 0..0x80 => Ok(small.into()),
            first => self.rest_of_number(u64::from(first & 0x7F)),
        }
    }

    fn rest_of_number(&mut self, mut number: u64) -> Result<u64, CompactError> {
        for place in 1..NUMBER_BYTES_MAX {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if place == NUMBER_BYTES_MAX - 1 && byte > 1 {
                return Err(CompactError::Malformed("a number of more than 64 bits", bits));
            }
            number |= bits << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        Ok(number)
    }

    #[inline]
    fn number_as<T: TryFrom<u64>>(&mut self) -> Result<T, CompactError> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| CompactError::Malformed("an integer of this size", number))
    }

    #[inline]
    fn signed_as<T: TryFrom<i64>>(&mut self) -> Result<T, CompactError> {
        let number = self.number()?;
        let signed = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
        T::try_from(signed).map_err(|_| CompactError::Malformed("an integer of this size", number))
    }

    #[inline]
    fn flag(&mut self, what: &'static str) -> Result<bool, CompactError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CompactError::Malformed(what, other.into())),
        }
    }

    #[inline]
    fn text(&mut self) -> Result<&str, CompactError> {
        let length = self.number_as()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|error| CompactError::Malformed("a text", error.valid_up_to() as u64))
    }
}

macro_rules! integers {
    ($($name:ident: $visit:ident, $read:ident;)+) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
            visitor.$visit(self.$read()?)
        }
    )+};
}

macro_rules! arrays {
    ($($name:ident: $visit:ident, $type:ty;)+) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
            visitor.$visit(<$type>::from_le_bytes(self.array()?))
        }
    )+};
}

macro_rules! undescribed {
    ($($name:ident),+) => {$(
        fn $name<V: Visitor<'de>>(self, _: V) -> Result<V::Value, CompactError> {
            Err(CompactError::NotSelfDescribing)
        }
    )+};
}

impl<'de, R: Read> Deserializer<'de> for &mut Reader<R> {
    type Error = CompactError;

    undescribed!(deserialize_any, deserialize_identifier, deserialize_ignored_any);

    integers! {
        deserialize_u8: visit_u8, number_as;
        deserialize_u16: visit_u16, number_as;
        deserialize_u32: visit_u32, number_as;
        deserialize_u64: visit_u64, number;
        deserialize_i8: visit_i8, signed_as;
        deserialize_i16: visit_i16, signed_as;
        deserialize_i32: visit_i32, signed_as;
        deserialize_i64: visit_i64, signed_as;
    }

    arrays! {
        deserialize_i128: visit_i128, i128;
        deserialize_u128: visit_u128, u128;
        deserialize_f32: visit_f32, f32;
        deserialize_f64: visit_f64, f64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        visitor.visit_bool(self.flag("a bool")?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        let number = self.number_as::<u32>()?;
        visitor.visit_char(char::from_u32(number).ok_or(CompactError::Malformed("a character", number.into()))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        let length = self.number_as()?;
        visitor.visit_bytes(self.take(length)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        if self.flag("whether there is a value")? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, CompactError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CompactError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        let left = self.number_as()?;
        visitor.visit_seq(Elements { reader: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, CompactError> {
        visitor.visit_seq(Elements { reader: self, left: length })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, CompactError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CompactError> {
        let left = self.number_as()?;
        visitor.visit_map(Elements { reader: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CompactError> {
        visitor.visit_seq(Fields { reader: self, count: 0, told: 0 })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CompactError> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a list, tuple or map.
struct Elements<'a, R> {
    reader: &'a mut Reader<R>,
    left: usize,
}

impl<R> Elements<'_, R> {
    fn is_over(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                false
            }
            None => true,
        }
    }
}

impl<'de, R: Read> SeqAccess<'de> for Elements<'_, R> {
    type Error = CompactError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, CompactError> {
        if self.is_over() { Ok(None) } else { seed.deserialize(&mut *self.reader).map(Some) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(ROOM_MAX))
    }
}

impl<'de, R: Read> MapAccess<'de> for Elements<'_, R> {
    type Error = CompactError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CompactError> {
        if self.is_over() { Ok(None) } else { seed.deserialize(&mut *self.reader).map(Some) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, CompactError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(ROOM_MAX))
    }
}

/// The fields of a struct, in the order of its declaration. To serde one that was left out is the end of a list, at which
/// it takes the default; it asks for the next all the same.
struct Fields<'a, R> {
    reader: &'a mut Reader<R>,
    /// How many were asked for.
    count: u32,
    /// Which of the last eight are there.
    told: u8,
}

impl<'de, R: Read> SeqAccess<'de> for Fields<'_, R> {
    type Error = CompactError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, CompactError> {
        let place = self.count % FIELDS_IN_BYTE;
        if place == 0 {
            self.told = self.reader.byte()?;
        }
        self.count += 1;
        if self.told & (1 << place) == 0 {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de, R: Read> EnumAccess<'de> for &mut Reader<R> {
    type Error = CompactError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), CompactError> {
        let index: u32 = self.number_as()?;
        let variant = seed.deserialize(IntoDeserializer::<CompactError>::into_deserializer(index))?;
        Ok((variant, self))
    }
}

impl<'de, R: Read> VariantAccess<'de> for &mut Reader<R> {
    type Error = CompactError;

    fn unit_variant(self) -> Result<(), CompactError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, CompactError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, CompactError> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CompactError> {
        self.deserialize_struct("", fields, visitor)
    }
}
