//! The normalized observation, written.

use super::interpret::Meaning;
use super::raw::{Measurement, Raw};
use crate::decode::trace;
use crate::error::ErrorCode;
use crate::ids::{derive_stage, stage, Id};
use crate::observation::{event_type, flag, quality, HeaderView};
use crate::time::SKEW_US;
use crate::wire::Writer;

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
    let event_id = derive_stage(source, stage::NORMALIZER);
    let made_trace_id;
    let trace_id = if header.trace_id.len() == 16 {
        header.trace_id
    } else {
        made_trace_id = trace::of_event(source);
        &made_trace_id
    };
    let normalized = HeaderView {
        event_id: &event_id,
        source_event_id: source,
        trace_id,
        process_time_us,
        patient_id: "",
        ..*header
    };
    normalized.write(w, 1, event_type::TELEMETRY_NORMALIZED);
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
            w.text(1, measurement.metric);
            w.text(2, measurement.value);
            w.text(3, measurement.unit);
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
    w.text(8, raw.firmware);
    w.text(9, raw.device_type);
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
        w.text(1, measurement.metric);
        w.text(2, code.code());
        let value = if measurement.value.is_empty() {
            "null"
        } else {
            measurement.value
        };
        if measurement.unit.is_empty() {
            w.text(3, value);
        } else {
            w.header(3, value.len() + 1 + measurement.unit.len());
            w.raw(value.as_bytes());
            w.raw(b" ");
            w.raw(measurement.unit.as_bytes());
        }
    });
}
