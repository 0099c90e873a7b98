//! A borrowing reader of protobuf fields.

use crate::error::{Error, ErrorCode};

/// One field's value, borrowed from the message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: a string, bytes, message or packed field.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// A field number with its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// The number in the `.proto`.
    pub number: u32,
    /// The value.
    pub value: Value<'a>,
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited field; an error for another wire type.
    #[inline]
    pub fn bytes(self) -> Result<&'a [u8], Error> {
        match self {
            Value::Bytes(b) => Ok(b),
            _ => Err(malformed("expected a length-delimited field")),
        }
    }

    /// The text of a string field.
    #[inline]
    pub fn text(self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| malformed("a string field is not UTF-8"))
    }

    /// The integer of a varint field.
    #[inline]
    pub fn varint(self) -> Result<u64, Error> {
        match self {
            Value::Varint(v) => Ok(v),
            _ => Err(malformed("expected a varint field")),
        }
    }

    /// The number of a `double` field.
    #[inline]
    pub fn double(self) -> Result<f64, Error> {
        match self {
            Value::Fixed64(v) => Ok(f64::from_bits(v)),
            _ => Err(malformed("expected a double field")),
        }
    }

    /// The number of a `float` field.
    #[inline]
    pub fn float(self) -> Result<f32, Error> {
        match self {
            Value::Fixed32(v) => Ok(f32::from_bits(v)),
            _ => Err(malformed("expected a float field")),
        }
    }
}

/// Reads a message field by field. Groups (wire types 3 and 4) are refused.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `message` from its start.
    #[inline]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The bytes that were not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A bare varint, as in packed fields; `None` at the end.
    #[inline]
    pub fn next_varint(&mut self) -> Result<Option<u64>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    /// A bare little-endian double, as in packed fields; `None` at the end.
    #[inline]
    pub fn next_double(&mut self) -> Result<Option<f64>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(f64::from_bits(u64::from_le_bytes(self.array()?))))
    }

    /// The next field, or `None` at the end of the message.
    #[inline(always)]
    #[allow(clippy::inline_always)] // measured: 20 calls an observation, and its result is wide
    pub fn next_field(&mut self) -> Result<Option<Field<'a>>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = (tag >> 3) as u32;
        if number == 0 || tag >> 32 != 0 {
            return Err(malformed("field number out of range"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?)
                    .map_err(|_| malformed("length out of range"))?;
                let (head, rest) = self
                    .rest
                    .split_at_checked(length)
                    .ok_or_else(|| malformed("truncated field"))?;
                self.rest = rest;
                Value::Bytes(head)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(malformed("unsupported wire type")),
        };
        Ok(Some(Field { number, value }))
    }

    #[inline(always)]
    #[allow(clippy::inline_always)] // as `next_field`
    fn varint(&mut self) -> Result<u64, Error> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Error> {
        // Up to eight bytes at once, where that many are left: times take eight.
        if let Some(chunk) = self.rest.first_chunk::<8>() {
            let word = u64::from_le_bytes(*chunk);
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                let length = (ends.trailing_zeros() / 8) as usize + 1;
                self.rest = self.rest.get(length..).unwrap_or_default();
                return Ok(joined(word & (u64::MAX >> (64 - 8 * length))));
            }
        }
        self.longest_varint()
    }

    fn longest_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for (i, &byte) in self.rest.iter().take(10).enumerate() {
            if i == 9 && byte > 1 {
                return Err(malformed("varint too long"));
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = self.rest.get(i + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(malformed("truncated varint"))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| malformed("truncated field"))?;
        self.rest = rest;
        Ok(*head)
    }
}

/// The low seven bits of eight bytes, side by side.
#[inline]
fn joined(word: u64) -> u64 {
    let word = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = (word & 0x0000_3fff_0000_3fff) | (word & 0x3fff_0000_3fff_0000) >> 2;
    (word & 0x0fff_ffff) | (word & 0x0fff_ffff_0000_0000) >> 4
}

#[cold]
#[inline(never)]
fn malformed(message: &'static str) -> Error {
    Error::new(ErrorCode::MalformedProtobuf, "", message)
}
