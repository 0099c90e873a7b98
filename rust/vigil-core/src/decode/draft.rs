//! One observation as the device said it, borrowed from the request; JSON and gRPC both fill it.

use std::borrow::Cow;

use crate::ids::{self, Id};
use crate::wire::Writer;

/// Text that is borrowed unless it had escapes.
pub type Words<'a> = Cow<'a, str>;

/// One measurement, verbatim.
#[derive(Debug, Clone, Default)]
pub struct Measurement<'a> {
    /// The device's own name.
    pub metric: Words<'a>,
    /// The number's own text or the text value; empty = null.
    pub value: Words<'a>,
    /// The device's own unit; empty = none.
    pub unit: Words<'a>,
    /// Its own time; 0 = the observation's.
    pub time_us: i64,
}

/// One observation; its memory is used again for the next one.
#[derive(Debug, Default)]
pub struct Draft<'a> {
    /// Empty = missing or refused.
    pub device_id: Words<'a>,
    /// Empty = not told.
    pub device_type: Words<'a>,
    /// As sent.
    pub timestamp: Words<'a>,
    /// What `timestamp` means; `None` = missing or refused.
    pub event_time_us: Option<i64>,
    /// The device's own counter.
    pub sequence: Option<u64>,
    /// Charge, 0…100.
    pub battery_percent: Option<f64>,
    /// Empty = not told.
    pub firmware: Words<'a>,
    /// In the order sent.
    pub measurements: Vec<Measurement<'a>>,
    /// Everything else that was told, in the order sent.
    pub metadata: Vec<(Words<'a>, Words<'a>)>,
}

impl<'a> Draft<'a> {
    /// Forgets the last observation but keeps the memory.
    pub fn clear(&mut self) {
        self.device_id = Cow::Borrowed("");
        self.device_type = Cow::Borrowed("");
        self.timestamp = Cow::Borrowed("");
        self.event_time_us = None;
        self.sequence = None;
        self.battery_percent = None;
        self.firmware = Cow::Borrowed("");
        self.measurements.clear();
        self.metadata.clear();
    }

    /// Keeps a metadata entry; those known by name go to their own field. A battery that is no percentage
    /// stays text, so that nothing is lost and nothing is clamped.
    pub fn keep_metadata(&mut self, key: Words<'a>, value: Words<'a>) {
        match key.as_ref() {
            "battery" | "battery_percent" | "batteryPercent" if self.battery_percent.is_none() => {
                match value.parse::<f64>() {
                    Ok(percent) if (0.0..=100.0).contains(&percent) => {
                        self.battery_percent = Some(percent);
                    }
                    _ => self.metadata.push((key, value)),
                }
            }
            "firmware" if self.firmware.is_empty() => self.firmware = value,
            _ => self.metadata.push((key, value)),
        }
    }

    /// The observation's id: of its device, time and sequence where there is one, else of all its content
    /// (`body`), so that a retry is the same fact.
    pub fn event_id(&self, body: &[u8]) -> Id {
        let time = self.event_time_us.unwrap_or_default().to_le_bytes();
        match self.sequence {
            Some(sequence) => ids::derive(
                "observation/sequence",
                &[self.device_id.as_bytes(), &time, &sequence.to_le_bytes()],
            ),
            None => ids::derive(
                "observation/content",
                &[self.device_id.as_bytes(), &time, body],
            ),
        }
    }

    /// Writes the fields of `RawObservation` but its header.
    pub fn encode_body(&self, w: &mut Writer) {
        for measurement in &self.measurements {
            w.message(2, |w| {
                w.text(1, &measurement.metric);
                w.text(2, &measurement.value);
                w.text(3, &measurement.unit);
                if measurement.time_us != 0 {
                    w.varint(4, measurement.time_us as u64);
                }
            });
        }
        w.text(3, &self.timestamp);
        if let Some(sequence) = self.sequence {
            w.varint(4, sequence);
        }
        w.text(5, &self.device_type);
        if let Some(percent) = self.battery_percent {
            w.double(6, percent);
        }
        w.text(7, &self.firmware);
        for (key, value) in &self.metadata {
            w.message(8, |w| {
                w.text(1, key);
                w.text(2, value);
            });
        }
    }
}
