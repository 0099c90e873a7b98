//! A `RawObservation`, looked at without copying.

use crate::error::{Error, ErrorCode};
use crate::observation::HeaderView;
use crate::time;
use crate::wire::Reader;

/// One measurement, as the device said it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measurement<'a> {
    /// The device's own name.
    pub metric: &'a str,
    /// The number's own text or the text value; empty = null.
    pub value: &'a str,
    /// The device's own unit; empty = none.
    pub unit: &'a str,
    /// Its own time; 0 = the observation's.
    pub time_us: i64,
}

/// The observation; its measurements and metadata are in the caller's buffers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw<'a> {
    /// Checked: 16-byte id, a device, a time that a device can report.
    pub header: HeaderView<'a>,
    /// The device's own counter.
    pub sequence: Option<u64>,
    /// Empty = not told.
    pub device_type: &'a str,
    /// Charge, 0…100.
    pub battery_percent: Option<f64>,
    /// Empty = not told.
    pub firmware: &'a str,
}

impl<'a> Raw<'a> {
    /// Reads an encoded observation; its measurements and metadata replace those in the buffers.
    pub fn read(
        bytes: &'a [u8],
        measurements: &mut Vec<Measurement<'a>>,
        metadata: &mut Vec<(&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        measurements.clear();
        metadata.clear();
        let mut raw = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => raw.header = HeaderView::read(field.value.bytes()?)?,
                2 => measurements.push(measurement(field.value.bytes()?)?),
                4 => raw.sequence = Some(field.value.varint()?),
                5 => raw.device_type = field.value.text()?,
                6 => raw.battery_percent = Some(field.value.double()?),
                7 => raw.firmware = field.value.text()?,
                8 => metadata.push(entry(field.value.bytes()?)?),
                _ => {}
            }
        }
        raw.check(measurements)?;
        Ok(raw)
    }

    fn check(&self, measurements: &[Measurement<'_>]) -> Result<(), Error> {
        self.header.check()?;
        if !time::in_range(self.header.event_time_us, self.header.ingest_time_us) {
            return Err(Error::new(
                ErrorCode::TimestampOutOfRange,
                "header.event_time_us",
                "before the year 2000 or more than 24 hours after its ingestion",
            ));
        }
        if measurements.is_empty() {
            return Err(Error::new(
                ErrorCode::NoMetrics,
                "measurements",
                "an observation has a measurement",
            ));
        }
        Ok(())
    }
}

#[inline]
fn measurement(bytes: &[u8]) -> Result<Measurement<'_>, Error> {
    let mut measurement = Measurement::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => measurement.metric = field.value.text()?,
            2 => measurement.value = field.value.text()?,
            3 => measurement.unit = field.value.text()?,
            4 => measurement.time_us = field.value.varint()? as i64,
            _ => {}
        }
    }
    Ok(measurement)
}

fn entry(bytes: &[u8]) -> Result<(&str, &str), Error> {
    let (mut key, mut value) = ("", "");
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => key = field.value.text()?,
            2 => value = field.value.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}
