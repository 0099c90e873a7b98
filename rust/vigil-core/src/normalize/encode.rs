//! The normalized observation, written.

use super::interpret::Meaning;
use super::raw::{Measurement, Raw};
use crate::decode::trace;
use crate::error::ErrorCode;
use crate::ids::{derive_stage, stage, Id};
use crate::observation::{flag, quality};
use crate::time::SKEW_US;
use crate::wire::Writer;

/// `EventType` of `telemetry.normalized`.
const TYPE_NORMALIZED: u64 = 2;

/// Writes the fields of an `Observation`.
pub fn observation(
    w: &mut Writer,
    raw: &Raw<'_>,
    source: &Id,
    measurements: &[Measurement<'_>],
    meaning: &Meaning,
    process_time_us: i64,
) {
    let header = &raw.header;
    w.message(1, |w| {
        w.bytes(1, &derive_stage(source, stage::NORMALIZER));
        w.bytes(2, source);
        if header.trace_id.len() == 16 {
            w.bytes(3, header.trace_id);
        } else {
            w.bytes(3, &trace::of_event(source));
        }
        w.varint(4, TYPE_NORMALIZED);
        w.varint(5, 1);
        w.varint(6, header.event_time_us as u64);
        w.varint(7, header.ingest_time_us as u64);
        w.varint(8, process_time_us as u64);
        w.bytes(9, header.device_id.as_bytes());
    });
    w.message(2, |w| vitals(w, raw, measurements, meaning));
}

fn vitals(w: &mut Writer, raw: &Raw<'_>, measurements: &[Measurement<'_>], meaning: &Meaning) {
    let columns = &meaning.columns;
    if !columns.is_empty() {
        // Signs are at most 17 and qualities at most 63: a byte each.
        w.header(1, columns.len());
        for column in columns {
            w.raw_varint(column.sign as u64);
        }
        w.packed_doubles(2, columns.iter().map(|c| c.value));
        w.header(3, columns.len());
        for column in columns {
            w.raw_varint(u64::from(column.quality));
        }
    }
    for measurement in meaning.unmapped.iter().filter_map(|i| measurements.get(*i)) {
        w.message(4, |w| {
            text(w, 1, measurement.metric);
            text(w, 2, measurement.value);
            text(w, 3, measurement.unit);
        });
    }
    for column in columns
        .iter()
        .filter(|c| c.quality & quality::EXCLUDES != 0)
    {
        if let Some(measurement) = measurements.get(column.from) {
            for code in codes(column.quality) {
                issue(w, measurement, code);
            }
        }
    }
    for notice in &meaning.notices {
        if let Some(measurement) = measurements.get(notice.from) {
            issue(w, measurement, notice.code);
        }
    }
    if let Some(sequence) = raw.sequence {
        w.varint(6, sequence);
    }
    if let Some(percent) = raw.battery_percent {
        w.double(7, percent);
    }
    text(w, 8, raw.firmware);
    text(w, 9, raw.device_type);
    if raw.header.event_time_us - raw.header.ingest_time_us > SKEW_US {
        w.varint(10, u64::from(flag::CLOCK_SKEW));
    }
}

/// The error codes of a value's quality.
pub fn codes(bits: u32) -> impl Iterator<Item = ErrorCode> {
    [
        (quality::IMPLAUSIBLE, ErrorCode::Implausible),
        (quality::SENTINEL, ErrorCode::Sentinel),
        (quality::UNIT_UNKNOWN, ErrorCode::UnknownUnit),
        (quality::MISMATCH, ErrorCode::Mismatch),
        (quality::DISCONNECTED, ErrorCode::Disconnected),
    ]
    .into_iter()
    .filter(move |(bit, _)| bits & bit != 0)
    .map(|(_, code)| code)
}

fn issue(w: &mut Writer, measurement: &Measurement<'_>, code: ErrorCode) {
    w.message(5, |w| {
        text(w, 1, measurement.metric);
        text(w, 2, code.code());
        let value = if measurement.value.is_empty() {
            "null"
        } else {
            measurement.value
        };
        if measurement.unit.is_empty() {
            text(w, 3, value);
        } else {
            w.header(3, value.len() + 1 + measurement.unit.len());
            w.raw(value.as_bytes());
            w.raw(b" ");
            w.raw(measurement.unit.as_bytes());
        }
    });
}

#[inline]
fn text(w: &mut Writer, number: u32, value: &str) {
    if !value.is_empty() {
        w.bytes(number, value.as_bytes());
    }
}
