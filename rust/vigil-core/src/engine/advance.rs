//! A patient's state moves on by one observation.

use crate::features::Reading;
use crate::observation::{quality, VitalValue};
use crate::rules::moment::Value;
use crate::rules::window::clean;

use super::patient::PatientState;

/// Event time, but never ahead of ingest: a device whose clock is in the future must not make all that follows
/// look late.
#[inline]
pub fn effective_time(event_time_us: i64, ingest_time_us: i64) -> i64 {
    if ingest_time_us > 0 {
        event_time_us.min(ingest_time_us)
    } else {
        event_time_us
    }
}

/// Notes the usable values and the disconnected sensors of an observation. A value older than what is known of
/// its sign (from another device) is not evaluated; returns how many.
#[inline]
pub fn take_values(
    state: &mut PatientState,
    vitals: &[VitalValue],
    now_us: i64,
    values: &mut Vec<Value>,
) -> u64 {
    let mut superseded = 0;
    for vital in vitals {
        let connected = vital.usable();
        if !connected && vital.quality & quality::DISCONNECTED == 0 {
            continue;
        }
        let previous_us = state.known.get(vital.sign).time_us;
        if now_us < previous_us {
            superseded += u64::from(connected);
            continue;
        }
        let value = clean(vital.value);
        if connected {
            let reading = Reading {
                value,
                time_us: now_us,
            };
            state.known.set(vital.sign, reading);
        }
        values.push(Value {
            sign: vital.sign,
            value,
            connected,
            previous_us,
        });
    }
    superseded
}
