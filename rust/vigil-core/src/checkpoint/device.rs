//! A device, and what of it waits.

use super::bytes::{broken, signed, time, Bytes};
use crate::engine::device::{Device, NO_SEQUENCE, RECENT_IDS};
use crate::engine::order::clock::{Clock, Run};
use crate::engine::order::held::Held;
use crate::error::Error;
use crate::wire::Writer;

/// Bits that say what follows.
const LIVE: u8 = 1;
const BEHIND: u8 = 2;
const RUN: u8 = 4;

/// Writes a device.
pub fn write(w: &mut Writer, device: &Device, base_us: i64) {
    let Clock {
        live,
        behind_us,
        run,
    } = device.clock;
    w.raw(&device.key.to_le_bytes());
    time(w, device.last_us, base_us);
    time(w, device.ingest_us, base_us);
    w.raw_varint(device.cadence_us as u64);
    w.raw_varint(device.sequence.wrapping_sub(NO_SEQUENCE));
    let mut bits = if live { LIVE } else { 0 };
    bits |= if behind_us == 0 { 0 } else { BEHIND };
    bits |= if run.count == 0 { 0 } else { RUN };
    w.raw(&[bits]);
    if behind_us != 0 {
        signed(w, behind_us);
    }
    if run.count != 0 {
        w.raw(&[run.count]);
        time(w, run.since_us, base_us);
        signed(w, run.low_us);
        signed(w, run.high_us);
    }
    for id in device.recent.iter().filter(|id| **id != 0) {
        w.raw(&id.to_le_bytes());
    }
}

/// Reads what [`write`] wrote.
pub fn read(bytes: &mut Bytes<'_>, base_us: i64) -> Result<Device, Error> {
    let mut device = Device {
        key: u64::from_le_bytes(bytes.fixed()?),
        last_us: bytes.time(base_us)?,
        ingest_us: bytes.time(base_us)?,
        cadence_us: bytes.varint()? as i64,
        sequence: bytes.varint()?.wrapping_add(NO_SEQUENCE),
        recent: [0; RECENT_IDS],
        clock: Clock::default(),
    };
    let [bits] = bytes.fixed()?;
    device.clock.live = bits & LIVE != 0;
    if bits & BEHIND != 0 {
        device.clock.behind_us = bytes.signed()?;
    }
    if bits & RUN != 0 {
        let [count] = bytes.fixed()?;
        device.clock.run = Run {
            count,
            since_us: bytes.time(base_us)?,
            low_us: bytes.signed()?,
            high_us: bytes.signed()?,
        };
    }
    let count = bytes.0.len() / 8;
    let empty = RECENT_IDS.checked_sub(count).ok_or_else(broken)?;
    for slot in device.recent.iter_mut().skip(empty) {
        *slot = u64::from_le_bytes(bytes.fixed()?);
    }
    Ok(device)
}

/// Writes an observation that waits.
pub fn write_held(w: &mut Writer, held: &Held, base_us: i64) {
    w.raw(&held.device.to_le_bytes());
    w.raw(&held.id.to_le_bytes());
    time(w, held.time_us, base_us);
    w.raw_varint(held.sequence.wrapping_sub(NO_SEQUENCE));
    time(w, held.ingest_us, base_us);
    w.raw_varint(held.offset as u64);
    w.raw_varint(u64::from(held.flags));
    w.raw(&held.bytes);
}

/// Reads what [`write_held`] wrote.
pub fn read_held(bytes: &mut Bytes<'_>, base_us: i64) -> Result<Held, Error> {
    Ok(Held {
        device: u64::from_le_bytes(bytes.fixed()?),
        id: u64::from_le_bytes(bytes.fixed()?),
        time_us: bytes.time(base_us)?,
        sequence: bytes.varint()?.wrapping_add(NO_SEQUENCE),
        ingest_us: bytes.time(base_us)?,
        offset: bytes.varint()? as i64,
        flags: u32::try_from(bytes.varint()?).map_err(|_| broken())?,
        bytes: bytes.rest().into(),
    })
}
