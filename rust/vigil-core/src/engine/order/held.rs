//! Observations that wait for an earlier one of their device.

use std::sync::Arc;

use crate::engine::device::{Device, NO_SEQUENCE};
use crate::rules::order::{Hold, Order};

/// Observations held per device; beyond it the oldest is let go.
pub const HELD_MAX: usize = 32;
/// Their bytes, of all devices of a patient; beyond it a device's oldest are let go.
pub const HELD_BYTES_MAX: usize = 64 * 1024;

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Hash of the device id.
    pub device: u64,
    /// Hash of the event id.
    pub id: u64,
    /// The time that rules will count with.
    pub time_us: i64,
    /// The device's own number for it, or [`NO_SEQUENCE`].
    pub sequence: u64,
    /// When the gateway took it.
    pub ingest_us: i64,
    /// Offset of the input record that it came in.
    pub offset: i64,
    /// Flags that this stage gives it.
    pub flags: u32,
    /// The encoded observation.
    pub bytes: Arc<[u8]>,
}

/// Adds one, in the order of time.
pub fn insert(held: &mut Vec<Held>, new: Held) {
    let at = held.partition_point(|h| (h.time_us, h.sequence) <= (new.time_us, new.sequence));
    held.insert(at, new);
}

/// Whether one of `device` waits.
#[inline]
pub fn any(held: &[Held], device: u64) -> bool {
    held.iter().any(|h| h.device == device)
}

/// Whether the observation of `id` waits already.
#[inline]
pub fn contains(held: &[Held], id: u64) -> bool {
    held.iter().any(|h| h.id == id)
}

/// Takes the oldest of `device`, if there is no reason left for it to wait.
pub fn take_ready(order: &Order, held: &mut Vec<Held>, device: &Device) -> Option<Held> {
    let of_device = || held.iter().filter(|h| h.device == device.key);
    let newest_us = of_device().next_back()?.time_us;
    let first = held.iter().position(|h| h.device == device.key)?;
    let oldest = held.get(first)?;
    let bytes: usize = held.iter().map(|h| h.bytes.len()).sum();
    let ready = is_next(order, device, oldest.time_us, oldest.sequence)
        || newest_us.saturating_sub(oldest.time_us) >= order.window_us
        || of_device().count() > HELD_MAX
        || bytes > HELD_BYTES_MAX;
    ready.then(|| held.remove(first))
}

/// Takes the oldest of the device of the first one that has waited until `ingest_us` or longer.
pub fn take_due(held: &mut Vec<Held>, ingest_us: i64) -> Option<Held> {
    let device = held.iter().find(|h| h.ingest_us <= ingest_us)?.device;
    take_oldest(held, device)
}

/// Takes the oldest of `device`.
pub fn take_oldest(held: &mut Vec<Held>, device: u64) -> Option<Held> {
    let first = held.iter().position(|h| h.device == device)?;
    Some(held.remove(first))
}

/// Whether an observation that is not late need not wait for another one.
#[inline]
pub fn is_next(order: &Order, device: &Device, time_us: i64, sequence: u64) -> bool {
    if order.window_us == 0 {
        return true;
    }
    match order.hold {
        Hold::Never => true,
        Hold::Always => false,
        Hold::OnGap => {
            // A number that is not beyond the last one: the device has begun to count anew. After a long silence
            // what is missing would be late if it came.
            sequence == NO_SEQUENCE
                || device.sequence == NO_SEQUENCE
                || sequence <= device.sequence.saturating_add(1)
                || time_us.saturating_sub(device.last_us) > order.late_after_us
        }
    }
}
