//! An appending writer of protobuf fields.

/// Bytes that `value` takes as a varint.
#[inline]
pub fn varint_len(value: u64) -> usize {
    ((64 - (value | 1).leading_zeros()) as usize).div_ceil(7)
}

/// The bit that says that another byte follows, in eight bytes.
const CONTINUES: u64 = 0x8080_8080_8080_8080;

/// The low 56 bits of `value`, seven in each byte.
#[inline]
fn spread(value: u64) -> u64 {
    let value = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
    let value = (value & 0x0000_3fff_0000_3fff) | (value & 0x0fff_c000_0fff_c000) << 2;
    (value & 0x007f_007f_007f_007f) | (value & 0x3f80_3f80_3f80_3f80) << 1
}

/// Appends fields to a buffer. proto3 defaults are the caller's business: what is called is written.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// A writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(capacity),
        }
    }

    /// What was written so far.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    /// Gives the bytes away.
    pub fn into_vec(self) -> Vec<u8> {
        self.buffer
    }

    /// Bytes written so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing was written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets everything but the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// A bare varint, as in packed fields.
    #[inline]
    pub fn raw_varint(&mut self, value: u64) {
        if value < 0x80 {
            self.buffer.push(value as u8);
        } else {
            self.long_varint(value);
        }
    }

    /// Two to eight bytes are made and stored at once: times take eight, and there are three in a header.
    fn long_varint(&mut self, mut value: u64) {
        if value < 1 << 56 {
            let length = varint_len(value);
            let spread = spread(value) | (CONTINUES & ((1 << (8 * (length - 1))) - 1));
            let at = self.buffer.len();
            self.buffer.extend_from_slice(&spread.to_le_bytes());
            self.buffer.truncate(at + length);
            return;
        }
        while value >= 0x80 {
            self.buffer.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }

    /// Bare bytes: an already encoded field or message.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A varint field: `uint32`, `uint64`, `bool`, enums, and `int64` as its two's complement.
    #[inline]
    pub fn varint(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.raw_varint(value);
    }

    /// A `double` field.
    #[inline]
    pub fn double(&mut self, number: u32, value: f64) {
        self.tag(number, 1);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A `float` field.
    #[inline]
    pub fn float(&mut self, number: u32, value: f32) {
        self.tag(number, 5);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A `string`, `bytes` or encoded message field.
    #[inline]
    pub fn bytes(&mut self, number: u32, value: &[u8]) {
        self.tag(number, 2);
        self.raw_varint(value.len() as u64);
        self.raw(value);
    }

    /// An id of 16 bytes (then it is no call to copy it), or whatever stands in its place.
    #[inline]
    pub fn id(&mut self, number: u32, id: &[u8]) {
        self.tag(number, 2);
        if let Ok(id) = <&[u8; 16]>::try_from(id) {
            self.buffer.push(16);
            self.buffer.extend_from_slice(id);
        } else {
            self.raw_varint(id.len() as u64);
            self.buffer.extend_from_slice(id);
        }
    }

    /// A `string` field, left out when it is empty, as proto3 does.
    #[inline]
    pub fn text(&mut self, number: u32, value: &str) {
        if !value.is_empty() {
            self.bytes(number, value.as_bytes());
        }
    }

    /// Opens a length-delimited field whose length is known: the caller then writes `length` bytes.
    #[inline]
    pub fn header(&mut self, number: u32, length: usize) {
        self.tag(number, 2);
        self.raw_varint(length as u64);
    }

    /// A nested message written in place; its length is patched in afterwards (at most one move of
    /// its bytes, and none while it is shorter than 128 bytes).
    #[inline]
    pub fn message(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.tag(number, 2);
        let at = self.buffer.len();
        self.buffer.push(0);
        write(self);
        let length = self.buffer.len() - at - 1;
        if let (true, Some(slot)) = (length < 0x80, self.buffer.get_mut(at)) {
            *slot = length as u8;
            return;
        }
        let extra = varint_len(length as u64) - 1;
        let end = self.buffer.len();
        self.buffer.resize(end + extra, 0);
        self.buffer.copy_within(at + 1..end, at + 1 + extra);
        let mut rest = length as u64;
        for byte in self.buffer.iter_mut().skip(at).take(extra) {
            *byte = (rest as u8) | 0x80;
            rest >>= 7;
        }
        if let Some(last) = self.buffer.get_mut(at + extra) {
            *last = rest as u8;
        }
    }

    /// Packed `double`s.
    #[inline]
    pub fn packed_doubles(&mut self, number: u32, values: impl ExactSizeIterator<Item = f64>) {
        self.header(number, values.len() * 8);
        for value in values {
            self.buffer.extend_from_slice(&value.to_le_bytes());
        }
    }

    #[inline]
    fn tag(&mut self, number: u32, wire_type: u32) {
        self.raw_varint(u64::from((number << 3) | wire_type));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reader, Value};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 1u32..5000, value: u64, bytes: Vec<u8>, x: f64) {
            let mut writer = Writer::default();
            writer.varint(number, value);
            writer.message(number, |w| { w.bytes(1, &bytes); w.double(2, x); });
            prop_assert_eq!(varint_len(value), { let mut w = Writer::default(); w.raw_varint(value); w.len() });
            let mut reader = Reader::new(writer.as_slice());
            prop_assert_eq!(reader.next_field().unwrap().unwrap().value, Value::Varint(value));
            let inner = reader.next_field().unwrap().unwrap().value.bytes().unwrap();
            let mut inner = Reader::new(inner);
            prop_assert_eq!(inner.next_field().unwrap().unwrap().value, Value::Bytes(&bytes));
            prop_assert_eq!(inner.next_field().unwrap().unwrap().value.double().unwrap().to_bits(), x.to_bits());
            prop_assert!(reader.next_field().unwrap().is_none());
        }

        #[test]
        fn bytes_and_varints_of_any_length(bytes in proptest::collection::vec(any::<u8>(), 0..40), value: u64, shift in 0u32..64) {
            let mut writer = Writer::default();
            writer.raw(&bytes);
            prop_assert_eq!(writer.as_slice(), &bytes);
            let value = value >> shift;
            let mut expected = bytes.clone();
            let mut rest = value;
            while rest >= 0x80 {
                expected.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            expected.push(rest as u8);
            writer.raw_varint(value);
            prop_assert_eq!(writer.as_slice(), &expected);
            writer.raw(&[0; 3]);
            let mut reader = Reader::new(&writer.as_slice()[bytes.len()..]);
            prop_assert_eq!(reader.next_varint().unwrap(), Some(value));
            prop_assert_eq!(reader.rest(), &[0; 3]);
            let cut = &expected[bytes.len()..expected.len() - 1];
            let mut reader = Reader::new(cut);
            prop_assert!(cut.is_empty() || reader.next_varint().is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(_)) = reader.next_field() {}
        }
    }
}
