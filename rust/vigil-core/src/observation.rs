//! An encoded observation, looked at without copying. Field numbers are those of `events.proto`.

use crate::error::{Error, ErrorCode};
use crate::ids::Id;
use crate::sign::Sign;
use crate::wire::{Reader, Writer};

/// `Header.version` of the events that this code writes.
pub const EVENT_VERSION: u64 = 1;

/// `EventType` of the protos.
pub mod event_type {
    #![allow(missing_docs)]
    pub const TELEMETRY_RAW: u64 = 1;
    pub const TELEMETRY_NORMALIZED: u64 = 2;
    pub const TELEMETRY_ENRICHED: u64 = 3;
    pub const TELEMETRY_SCORED: u64 = 4;
    pub const ALERT: u64 = 5;
}

/// `ObservationFlag` of the protos: bits of `flags`.
pub mod flag {
    #![allow(missing_docs)]
    pub const ORPHAN: u32 = 1;
    pub const CONTEXT_UNAVAILABLE: u32 = 2;
    pub const LATE: u32 = 4;
    pub const DUPLICATE: u32 = 8;
    pub const CLOCK_SKEW: u32 = 16;
    pub const SCORE_UNAVAILABLE: u32 = 32;
    pub const NOT_SCORABLE: u32 = 64;
}

/// `Quality` of the protos: bits of a value's quality.
pub mod quality {
    #![allow(missing_docs)]
    pub const IMPLAUSIBLE: u32 = 1;
    pub const SENTINEL: u32 = 2;
    pub const UNIT_UNKNOWN: u32 = 4;
    pub const MISMATCH: u32 = 8;
    pub const DISCONNECTED: u32 = 16;
    pub const CONVERTED: u32 = 32;
    /// Bits that exclude a value from rules and scores.
    pub const EXCLUDES: u32 = !CONVERTED;
}

/// A `Header`, borrowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeaderView<'a> {
    /// 16 bytes once checked by [`HeaderView::id`].
    pub event_id: &'a [u8],
    /// 16 bytes or none.
    pub source_event_id: &'a [u8],
    /// 16 bytes.
    pub trace_id: &'a [u8],
    /// The device's own time.
    pub event_time_us: i64,
    /// The gateway's time.
    pub ingest_time_us: i64,
    /// The writing stage's time.
    pub process_time_us: i64,
    /// Never empty in a valid event.
    pub device_id: &'a str,
    /// Empty until enrichment, and for an orphan.
    pub patient_id: &'a str,
}

impl<'a> HeaderView<'a> {
    /// Reads an encoded header.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut header = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => header.event_id = field.value.bytes()?,
                2 => header.source_event_id = field.value.bytes()?,
                3 => header.trace_id = field.value.bytes()?,
                6 => header.event_time_us = field.value.varint()? as i64,
                7 => header.ingest_time_us = field.value.varint()? as i64,
                8 => header.process_time_us = field.value.varint()? as i64,
                9 => header.device_id = field.value.text()?,
                10 => header.patient_id = field.value.text()?,
                _ => {}
            }
        }
        Ok(header)
    }

    /// Writes it as field `number`, as an event of `event_type`; proto3 defaults are left out.
    #[inline]
    pub fn write(&self, w: &mut Writer, number: u32, event_type: u64) {
        w.message(number, |w| {
            for (number, bytes) in [
                (1, self.event_id),
                (2, self.source_event_id),
                (3, self.trace_id),
            ] {
                if !bytes.is_empty() {
                    w.id(number, bytes);
                }
            }
            w.varint(4, event_type);
            w.varint(5, EVENT_VERSION);
            for (number, time_us) in [
                (6, self.event_time_us),
                (7, self.ingest_time_us),
                (8, self.process_time_us),
            ] {
                if time_us != 0 {
                    w.varint(number, time_us as u64);
                }
            }
            w.text(9, self.device_id);
            w.text(10, self.patient_id);
        });
    }

    /// Refuses a header without a 16-byte id or without a device.
    pub fn check(&self) -> Result<(), Error> {
        self.id()?;
        if self.device_id.is_empty() {
            return Err(Error::new(
                ErrorCode::MissingField,
                "header.device_id",
                "an observation has a device",
            ));
        }
        Ok(())
    }

    /// The event id; an error when it is not 16 bytes.
    pub fn id(&self) -> Result<Id, Error> {
        Id::try_from(self.event_id).map_err(|_| {
            Error::new(
                ErrorCode::MalformedProtobuf,
                "header.event_id",
                "an event id has 16 bytes",
            )
        })
    }
}

/// An `Observation`, borrowed: parts that a stage does not change stay encoded.
#[derive(Debug, Clone, Copy, Default)]
pub struct ObservationView<'a> {
    /// The header.
    pub header: HeaderView<'a>,
    /// Encoded `Vitals`.
    pub vitals: &'a [u8],
    /// Encoded `Context`; empty before enrichment and for an orphan.
    pub context: &'a [u8],
    /// Encoded `Scores`; empty before the rules engine.
    pub scores: &'a [u8],
    /// Flags of enrichment.
    pub flags: u32,
}

impl<'a> ObservationView<'a> {
    /// Reads an encoded `Observation`; refuses one without a 16-byte id or without a device.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut view = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => view.header = HeaderView::read(field.value.bytes()?)?,
                2 => view.vitals = field.value.bytes()?,
                3 => view.context = field.value.bytes()?,
                4 => view.scores = field.value.bytes()?,
                5 => view.flags = field.value.varint()? as u32,
                _ => {}
            }
        }
        view.header.check()?;
        Ok(view)
    }
}

/// One canonical value of an observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VitalValue {
    /// Which sign.
    pub sign: Sign,
    /// In the sign's canonical unit.
    pub value: f64,
    /// Bits of [`quality`].
    pub quality: u32,
}

impl VitalValue {
    /// Whether rules and scores may use it.
    #[inline]
    pub fn usable(&self) -> bool {
        self.quality & quality::EXCLUDES == 0 && self.value.is_finite()
    }
}

/// What `Vitals` say beside the values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VitalsHead<'a> {
    /// Bits of [`flag`].
    pub flags: u32,
    /// The device's own number for the observation.
    pub sequence: Option<u64>,
    /// Empty when not known.
    pub device_type: &'a [u8],
}

/// Reads the values of encoded `Vitals` into `out` (cleared first); returns the rest of what stages look at.
/// Columns are packed, as every writer of ours and of protobuf makes them; a sign unknown to this version is skipped.
pub fn read_vitals<'a>(
    vitals: &'a [u8],
    out: &mut Vec<VitalValue>,
) -> Result<VitalsHead<'a>, Error> {
    out.clear();
    let (mut signs, mut values, mut qualities) =
        (Reader::new(&[]), Reader::new(&[]), Reader::new(&[]));
    let mut head = VitalsHead::default();
    let mut reader = Reader::new(vitals);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => signs = Reader::new(field.value.bytes()?),
            2 => values = Reader::new(field.value.bytes()?),
            3 => qualities = Reader::new(field.value.bytes()?),
            6 => head.sequence = Some(field.value.varint()?),
            9 => head.device_type = field.value.bytes()?,
            10 => head.flags = field.value.varint()? as u32,
            _ => {}
        }
    }
    while let Some(number) = signs.next_varint()? {
        let (Some(value), Some(quality)) = (values.next_double()?, qualities.next_varint()?) else {
            return Err(Error::new(
                ErrorCode::MalformedProtobuf,
                "vitals",
                "columns of different length",
            ));
        };
        if let Some(sign) = Sign::from_number(number) {
            out.push(VitalValue {
                sign,
                value,
                quality: quality as u32,
            });
        }
    }
    Ok(head)
}

/// The type of the device that encoded `Vitals` name; empty when they name none.
pub fn device_type(vitals: &[u8]) -> &str {
    let mut reader = Reader::new(vitals);
    while let Ok(Some(field)) = reader.next_field() {
        if field.number == 9 {
            return field.value.text().unwrap_or_default();
        }
    }
    ""
}

/// Calls `each` with every encoded message of field `number` of a batch
/// (1 = raw observations, 2 = observations of later stages).
pub fn for_each<'a>(
    batch: &'a [u8],
    number: u32,
    mut each: impl FnMut(&'a [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = Reader::new(batch);
    while let Some(field) = reader.next_field()? {
        if field.number == number {
            each(field.value.bytes()?)?;
        }
    }
    Ok(())
}
