//! telemetry.normalized → telemetry.enriched: each observation gets its patient and the patient's context,
//! and moves to its patient's partition. Vitals and context are copied byte for byte.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::batch::{read_each, Batches, OBSERVATIONS};
use crate::context::{ContextTable, Device, Devices, Lookup};
use crate::error::Error;
use crate::ids::{derive_stage, partition_of, stage};
use crate::observation::{event_type, flag, for_each, HeaderView, ObservationView};
use crate::outcome::{Outcome, Source};
use crate::wire::{varint_len, Reader, Writer};

/// Joins observations with a [`ContextTable`].
#[derive(Debug)]
pub struct Enricher {
    table: Arc<ContextTable>,
    partitions: u32,
    observations_max: u32,
}

impl Enricher {
    /// An enricher that writes to `partitions` partitions, at most `observations_max` observations a record.
    pub fn new(table: Arc<ContextTable>, partitions: u32, observations_max: u32) -> Self {
        Self {
            table,
            partitions,
            observations_max,
        }
    }

    /// Devices of these normalized batches that the registry must be asked for, each once, and notes that
    /// they are being asked for. What cannot be read is left to [`Self::process`].
    pub fn missing(&self, values: &[&[u8]]) -> Vec<String> {
        let mut missing: HashSet<&str> = HashSet::new();
        let devices = self.table.read();
        let mut last = "";
        for value in values {
            let _ = for_each(value, OBSERVATIONS, |observation| {
                if let Ok(Some(device_id)) = device_id(observation) {
                    if device_id != last {
                        last = device_id;
                        if !devices.find(device_id).is_some_and(Device::is_fresh) {
                            missing.insert(device_id);
                        }
                    }
                }
                Ok(())
            });
        }
        drop(devices);
        let mut missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
        missing.sort_unstable();
        self.table.ask(&missing);
        missing
    }

    /// Enriches the normalized batches of one input partition. An orphan, and a device of which the
    /// registry has not said whose it is, goes on under its device, marked: its critical values still alarm.
    pub fn process(
        &self,
        topic: &str,
        partition: u32,
        offsets: &[i64],
        values: &[&[u8]],
        process_time_us: i64,
    ) -> Outcome {
        let source = Source {
            topic,
            partition,
            stage: stage::ENRICHMENT,
            process_time_us,
        };
        let devices = self.table.read();
        let mut joined = Join::new(&devices);
        let mut outcome = Outcome::default();
        let mut batches = Batches::new(self.partitions, self.observations_max);
        let mut header = Writer::with_capacity(256);
        read_each(
            &mut outcome,
            source,
            offsets,
            values,
            OBSERVATIONS,
            |_, bytes| {
                let observation = ObservationView::read(bytes)?;
                let event_id = derive_stage(&observation.header.id()?, stage::ENRICHMENT);
                let (patient_id, context, flags) = joined.whose(&observation.header);
                header.clear();
                HeaderView {
                    event_id: &event_id,
                    source_event_id: observation.header.event_id,
                    process_time_us,
                    patient_id,
                    ..observation.header
                }
                .write(&mut header, 1, event_type::TELEMETRY_ENRICHED);
                let key = if patient_id.is_empty() {
                    observation.header.device_id
                } else {
                    patient_id
                };
                let flags = observation.flags | flags;
                batches.push(partition_of(key, self.partitions), |w| {
                    write(w, header.as_slice(), observation.vitals, context, flags);
                });
                Ok(())
            },
        );
        joined.report(&mut outcome);
        batches.finish(&mut outcome);
        outcome
    }
}

/// Writes an `Observation` as a field of a batch; lengths are counted first, so nothing moves.
#[inline]
fn write(w: &mut Writer, header: &[u8], vitals: &[u8], context: &[u8], flags: u32) {
    let field = |bytes: &[u8]| 1 + varint_len(bytes.len() as u64) + bytes.len();
    let mut length = header.len() + field(vitals);
    if !context.is_empty() {
        length += field(context);
    }
    if flags != 0 {
        length += 1 + varint_len(u64::from(flags));
    }
    w.header(OBSERVATIONS, length);
    w.raw(header);
    w.bytes(2, vitals);
    if !context.is_empty() {
        w.bytes(3, context);
    }
    if flags != 0 {
        w.varint(5, u64::from(flags));
    }
}

/// The device of an encoded observation, read past everything else.
#[inline]
fn device_id(observation: &[u8]) -> Result<Option<&str>, Error> {
    let mut reader = Reader::new(observation);
    while let Some(field) = reader.next_field()? {
        if field.number == 1 {
            let mut header = Reader::new(field.value.bytes()?);
            while let Some(field) = header.next_field()? {
                if field.number == 9 {
                    return field.value.text().map(Some);
                }
            }
        }
    }
    Ok(None)
}

/// The table as one batch sees it, with the last device at hand and what is worth counting.
struct Join<'t> {
    devices: &'t Devices,
    last: Option<&'t Device>,
    orphans: u64,
    unavailable: u64,
    stale: u64,
}

impl<'t> Join<'t> {
    fn new(devices: &'t Devices) -> Self {
        Self {
            devices,
            last: None,
            orphans: 0,
            unavailable: 0,
            stale: 0,
        }
    }

    /// Patient id and encoded context (both may be empty), and the flags that say why they are.
    #[inline]
    fn whose(&mut self, header: &HeaderView<'_>) -> (&'t str, &'t [u8], u32) {
        if self.last.is_none_or(|last| last.id() != header.device_id) {
            self.last = self.devices.find(header.device_id);
        }
        let lookup = self.last.map_or(Lookup::Unavailable, |device| {
            self.stale += u64::from(!device.is_fresh());
            device.at(header.event_time_us)
        });
        match lookup {
            Lookup::Patient(patient) => {
                let (patient_id, context) = patient.parts();
                (patient_id, context, 0)
            }
            Lookup::Orphan => {
                self.orphans += 1;
                ("", &[], flag::ORPHAN)
            }
            Lookup::Unavailable => {
                self.unavailable += 1;
                ("", &[], flag::CONTEXT_UNAVAILABLE)
            }
        }
    }

    fn report(&self, outcome: &mut Outcome) {
        for (name, n) in [
            ("orphan", self.orphans),
            ("context_unavailable", self.unavailable),
            ("context_stale", self.stale),
        ] {
            if n > 0 {
                outcome.count(name, n);
            }
        }
    }
}

#[cfg(test)]
mod tests;
