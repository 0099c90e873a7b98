//! A device's observations in the order of its time, as far as they come within a window; and which are late.
//!
//! - `arrive`: an observation comes in; `release`: one that waited goes on;
//! - [`clock`]: what a device's time is worth;
//! - [`held`]: those that wait for an earlier one, bounded; [`index`]: which patients have some.
//!
//! Whatever happens here is decided by the input alone, record by record, so that reading it again decides the same.

pub(super) mod arrive;
pub mod clock;
pub mod held;
pub mod index;
pub(super) mod release;

use crate::observation::flag;
use crate::rules::order::Order;

use super::device::Device;
use super::patient::PatientState;

/// An observation of a known device, as far as order is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Hash of the event id.
    pub id: u64,
    /// The device's time.
    pub event_us: i64,
    /// The gateway's time.
    pub ingest_us: i64,
    /// The device's own number for it, or [`super::device::NO_SEQUENCE`].
    pub sequence: u64,
}

/// What is to be done with an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Evaluate it now.
    Evaluate,
    /// Keep it until those before it have come.
    Hold,
    /// Write it with this flag, without evaluating it.
    Refuse(u32),
}

/// Decides about an observation of the device at `index`: what to do, the time that rules count with, and flags.
#[inline]
pub fn receive(
    order: &Order,
    state: &mut PatientState,
    index: usize,
    arrival: &Arrival,
) -> (Verdict, i64, u32) {
    let Arrival {
        event_us,
        ingest_us,
        ..
    } = *arrival;
    let Some(device) = state.devices.get_mut(index) else {
        return (Verdict::Evaluate, event_us, 0);
    };
    device.heard(ingest_us);
    if device.recent.contains(&arrival.id) || held::contains(&state.held, arrival.id) {
        let now_us = super::advance::effective_time(event_us, ingest_us);
        return (Verdict::Refuse(flag::DUPLICATE), now_us, 0);
    }
    let judged = device
        .clock
        .judge(event_us, ingest_us, device.last_us, order.late_after_us);
    if judged.late {
        late(device, arrival.sequence);
        return (Verdict::Refuse(flag::LATE), judged.now_us, 0);
    }
    let flags = if device.clock.behind_us == 0 {
        0
    } else {
        flag::CLOCK_SKEW
    };
    let next = held::is_next(order, device, judged.now_us, arrival.sequence)
        && !held::any(&state.held, device.key);
    let verdict = if next {
        Verdict::Evaluate
    } else {
        Verdict::Hold
    };
    (verdict, judged.now_us, flags)
}

/// What was late fills a gap all the same: nothing waits for it.
fn late(device: &mut Device, sequence: u64) {
    if device.sequence.checked_add(1) == Some(sequence) {
        device.sequence = sequence;
    }
}
