//! Scored batches as columns, for the analytics: one array a field instead of one object an observation.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::batch::{count, OBSERVATIONS};
use crate::error::{Error, ErrorCode};
use crate::observation::{for_each, read_vitals, ObservationView, VitalValue};
use crate::scores::Risk;
use crate::wire::Reader;

/// `EarlyWarning.name` of NEWS2.
const NEWS2: &str = "news2";
/// `EarlyWarning.risk` of a score that must not be used for the patient.
const NOT_APPLICABLE: &str = "not_applicable";
/// … of one of which no input is known: its total of 0 says nothing.
const UNKNOWN: &str = Risk::Unknown.text();

/// Distinct texts in the order of their first appearance; an observation holds an index.
#[derive(Debug, Default)]
pub struct Names {
    all: Vec<String>,
    index: HashTable<u32>,
    last: u32,
}

impl Names {
    fn starting_with(first: &str) -> Self {
        let mut names = Self::default();
        names.index_of(first);
        names
    }

    /// All names; a column's number is an index into it.
    pub fn all(&self) -> &[String] {
        &self.all
    }

    #[inline]
    fn index_of(&mut self, name: &str) -> u32 {
        let Self { all, index, last } = self;
        let is = |at: u32, all: &[String]| all.get(at as usize).is_some_and(|n| n == name);
        if is(*last, all) {
            return *last;
        }
        let hash = xxh3_64(name.as_bytes());
        if let Some(at) = index.find(hash, |at| is(*at, all)) {
            *last = *at;
            return *at;
        }
        *last = all.len() as u32;
        all.push(name.to_owned());
        index.insert_unique(hash, *last, |at| {
            all.get(*at as usize).map_or(0, |n| xxh3_64(n.as_bytes()))
        });
        *last
    }
}

/// The columns. Those named `value_*` have an entry a vital value, the others one an observation.
#[derive(Debug)]
pub struct ScoredColumns {
    /// Patient ids; 0 is "" (orphans).
    pub patients: Names,
    /// Device ids.
    pub devices: Names,
    /// Wards; 0 is "" (not known).
    pub wards: Names,
    /// Versions of the models that scored; 0 is "" (none did).
    pub models: Names,
    record: Vec<u32>,
    patient: Vec<u32>,
    device: Vec<u32>,
    ward: Vec<u32>,
    model: Vec<u32>,
    event_time_us: Vec<i64>,
    ingest_time_us: Vec<i64>,
    process_time_us: Vec<i64>,
    flags: Vec<u32>,
    source_offset: Vec<u64>,
    risk: Vec<f32>,
    anomaly: Vec<f32>,
    news2: Vec<i32>,
    value_observation: Vec<u32>,
    value_sign: Vec<u8>,
    value_quality: Vec<u32>,
    value: Vec<f64>,
}

impl ScoredColumns {
    /// Reads scored batches, all or none.
    pub fn read(values: &[&[u8]]) -> Result<Self, Error> {
        let mut observations = 0;
        for value in values {
            observations += count(value, OBSERVATIONS).map_err(|(_, error)| error)? as usize;
        }
        let mut columns = Self::with_capacity(observations);
        let mut vitals = Vec::with_capacity(32);
        for (value, record) in values.iter().zip(0..) {
            for_each(value, OBSERVATIONS, |bytes| {
                columns.push(record, bytes, &mut vitals)
            })?;
        }
        Ok(columns)
    }

    /// How many observations there are.
    pub fn observations(&self) -> usize {
        self.patient.len()
    }

    /// How many vital values there are over all observations.
    pub fn values(&self) -> usize {
        self.value.len()
    }

    /// A column's numbers, little endian.
    pub fn column(&self, name: &str) -> Result<Vec<u8>, Error> {
        Ok(match name {
            "record" => little_endian(&self.record, u32::to_le_bytes),
            "patient" => little_endian(&self.patient, u32::to_le_bytes),
            "device" => little_endian(&self.device, u32::to_le_bytes),
            "ward" => little_endian(&self.ward, u32::to_le_bytes),
            "model" => little_endian(&self.model, u32::to_le_bytes),
            "event_time_us" => little_endian(&self.event_time_us, i64::to_le_bytes),
            "ingest_time_us" => little_endian(&self.ingest_time_us, i64::to_le_bytes),
            "process_time_us" => little_endian(&self.process_time_us, i64::to_le_bytes),
            "flags" => little_endian(&self.flags, u32::to_le_bytes),
            "source_offset" => little_endian(&self.source_offset, u64::to_le_bytes),
            "risk" => little_endian(&self.risk, f32::to_le_bytes),
            "anomaly" => little_endian(&self.anomaly, f32::to_le_bytes),
            "news2" => little_endian(&self.news2, i32::to_le_bytes),
            "value_observation" => little_endian(&self.value_observation, u32::to_le_bytes),
            "value_sign" => self.value_sign.clone(),
            "value_quality" => little_endian(&self.value_quality, u32::to_le_bytes),
            "value" => little_endian(&self.value, f64::to_le_bytes),
            _ => return Err(Error::new(ErrorCode::InvalidText, "name", "no such column")),
        })
    }

    fn with_capacity(n: usize) -> Self {
        let values = n * 6;
        Self {
            patients: Names::starting_with(""),
            devices: Names::default(),
            wards: Names::starting_with(""),
            models: Names::starting_with(""),
            record: Vec::with_capacity(n),
            patient: Vec::with_capacity(n),
            device: Vec::with_capacity(n),
            ward: Vec::with_capacity(n),
            model: Vec::with_capacity(n),
            event_time_us: Vec::with_capacity(n),
            ingest_time_us: Vec::with_capacity(n),
            process_time_us: Vec::with_capacity(n),
            flags: Vec::with_capacity(n),
            source_offset: Vec::with_capacity(n),
            risk: Vec::with_capacity(n),
            anomaly: Vec::with_capacity(n),
            news2: Vec::with_capacity(n),
            value_observation: Vec::with_capacity(values),
            value_sign: Vec::with_capacity(values),
            value_quality: Vec::with_capacity(values),
            value: Vec::with_capacity(values),
        }
    }

    #[inline]
    fn push(
        &mut self,
        record: u32,
        bytes: &[u8],
        vitals: &mut Vec<VitalValue>,
    ) -> Result<(), Error> {
        let observation = ObservationView::read(bytes)?;
        let vital_flags = read_vitals(observation.vitals, vitals)?.flags;
        let scores = Scores::read(observation.scores)?;
        let ward = ward(observation.context)?;
        let at = self.patient.len() as u32;
        let header = observation.header;
        self.record.push(record);
        self.patient.push(self.patients.index_of(header.patient_id));
        self.device.push(self.devices.index_of(header.device_id));
        self.ward.push(self.wards.index_of(ward));
        self.model.push(self.models.index_of(scores.model_version));
        self.event_time_us.push(header.event_time_us);
        self.ingest_time_us.push(header.ingest_time_us);
        self.process_time_us.push(header.process_time_us);
        self.flags
            .push(observation.flags | vital_flags | scores.flags);
        self.source_offset.push(scores.source_offset);
        self.risk.push(scores.risk);
        self.anomaly.push(scores.anomaly);
        self.news2.push(scores.news2);
        for vital in vitals {
            self.value_observation.push(at);
            self.value_sign.push(vital.sign as u8);
            self.value_quality.push(vital.quality);
            self.value.push(vital.value);
        }
        Ok(())
    }
}

/// What the analytics need of encoded `Scores`.
struct Scores<'a> {
    /// Empty when no model answered.
    model_version: &'a str,
    /// NaN when the model did not answer.
    risk: f32,
    /// NaN when the model did not answer.
    anomaly: f32,
    /// -1 when there is no applicable NEWS2.
    news2: i32,
    flags: u32,
    source_offset: u64,
}

impl<'a> Scores<'a> {
    #[inline]
    fn read(scores: &'a [u8]) -> Result<Self, Error> {
        let mut read = Self {
            model_version: "",
            risk: f32::NAN,
            anomaly: f32::NAN,
            news2: -1,
            flags: 0,
            source_offset: 0,
        };
        let mut reader = Reader::new(scores);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => read.risk = field.value.float()?,
                2 => read.anomaly = field.value.float()?,
                6 => {
                    if let Some(total) = news2(field.value.bytes()?)? {
                        read.news2 = total;
                    }
                }
                7 => read.model_version = field.value.text()?,
                9 => read.flags = field.value.varint()? as u32,
                10 => read.source_offset = field.value.varint()?,
                _ => {}
            }
        }
        Ok(read)
    }
}

/// The total of an encoded `EarlyWarning`, when it is a NEWS2 of something known that applies to the patient.
#[inline]
fn news2(early_warning: &[u8]) -> Result<Option<i32>, Error> {
    let (mut name, mut total, mut risk) = (&[][..], 0, &[][..]);
    let mut reader = Reader::new(early_warning);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => name = field.value.bytes()?,
            2 => total = field.value.varint()? as i32,
            7 => risk = field.value.bytes()?,
            _ => {}
        }
    }
    let says = ![NOT_APPLICABLE.as_bytes(), UNKNOWN.as_bytes()].contains(&risk);
    Ok((name == NEWS2.as_bytes() && says).then_some(total))
}

/// The ward of an encoded `Context`.
#[inline]
fn ward(context: &[u8]) -> Result<&str, Error> {
    let mut ward = "";
    let mut reader = Reader::new(context);
    while let Some(field) = reader.next_field()? {
        if field.number == 9 {
            ward = field.value.text()?;
        }
    }
    Ok(ward)
}

fn little_endian<T: Copy, const N: usize>(column: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut all = Vec::with_capacity(column.len() * N);
    for x in column {
        all.extend_from_slice(&bytes(*x));
    }
    all
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
