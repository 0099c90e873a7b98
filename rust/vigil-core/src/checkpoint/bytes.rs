//! Numbers and times as a checkpoint holds them.

use crate::error::{Error, ErrorCode};
use crate::features::NEVER;
use crate::wire::{Reader, Writer};

/// Writes a time as its distance from `base_us`; 0 stands for [`NEVER`].
pub fn time(w: &mut Writer, time_us: i64, base_us: i64) {
    if time_us == NEVER {
        w.raw_varint(0);
        return;
    }
    // u64::MAX has no successor: such a distance is written as it is, in nine bytes more.
    if let Some(distance) = zigzag(time_us.wrapping_sub(base_us)).checked_add(2) {
        w.raw_varint(distance);
    } else {
        w.raw_varint(1);
        w.raw(&time_us.to_le_bytes());
    }
}

/// A field's content, read from its start.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next number.
    pub fn varint(&mut self) -> Result<u64, Error> {
        let mut reader = Reader::new(self.0);
        let value = reader.next_varint()?.ok_or_else(broken)?;
        self.0 = reader.rest();
        Ok(value)
    }

    /// The next signed number, as [`signed`] wrote it.
    pub fn signed(&mut self) -> Result<i64, Error> {
        Ok(unzigzag(self.varint()?))
    }

    /// The next time, as [`time`] wrote it.
    pub fn time(&mut self, base_us: i64) -> Result<i64, Error> {
        Ok(match self.varint()? {
            0 => NEVER,
            1 => i64::from_le_bytes(self.fixed()?),
            distance => unzigzag(distance - 2).wrapping_add(base_us),
        })
    }

    /// The next `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(broken)?;
        self.0 = rest;
        Ok(*head)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Writes a signed number.
pub fn signed(w: &mut Writer, value: i64) {
    w.raw_varint(zigzag(value));
}

/// Small numbers of either sign become small ones.
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The error for what cannot be read.
pub fn broken() -> Error {
    Error::new(
        ErrorCode::InvalidCheckpoint,
        "",
        "a patient's state is broken",
    )
}
