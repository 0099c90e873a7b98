//! telemetry.normalized → telemetry.enriched: each observation gets its patient and the patient's context,
//! and moves to its patient's partition. Vitals and context are copied byte for byte.

mod look_ahead;

use std::sync::Arc;

use hashbrown::HashSet;

use crate::batch::{read_record, Batches, OBSERVATIONS};
use crate::context::{ContextTable, Device, Lookup};
use crate::error::Error;
use crate::ids::{derive_stage, partition_of, stage};
use crate::observation::{event_type, flag, HeaderView, ObservationView};
use crate::outcome::{Outcome, Source};
use crate::wire::{varint_len, Writer};
use look_ahead::LookAhead;

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
        let mut ahead = LookAhead::new(&devices);
        let mut rest = values;
        while !rest.is_empty() {
            let read = ahead.read(rest);
            rest = rest.get(read..).unwrap_or_default();
            for (device_id, device) in ahead.all() {
                if !device.is_some_and(Device::is_fresh) && !device_id.is_empty() {
                    missing.insert(device_id);
                }
            }
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
        let bytes: usize = values.iter().map(|value| value.len()).sum();
        let devices = self.table.read();
        let mut ahead = LookAhead::new(&devices);
        let mut records_ahead = 0;
        let mut at = 0;
        let mut join = Join {
            partitions: self.partitions,
            process_time_us,
            batches: Batches::new(self.partitions, self.observations_max)
                .expecting(bytes + bytes / 2),
            header: Writer::with_capacity(256),
            notices: Notices::default(),
        };
        let mut outcome = Outcome::default();
        for (record, value) in values.iter().enumerate() {
            if records_ahead == 0 {
                records_ahead = ahead.read(values.get(record..).unwrap_or_default());
                ahead.touch_contexts();
                at = 0;
            }
            records_ahead -= 1;
            let position = (record as u32, offsets.get(record).copied().unwrap_or(-1));
            read_record(
                &mut outcome,
                source,
                position,
                value,
                OBSERVATIONS,
                |_, bytes| {
                    at += 1;
                    let observation = ObservationView::read(bytes)?;
                    join.write(
                        &observation,
                        ahead.device(at - 1, observation.header.device_id),
                    )
                },
            );
        }
        join.notices.report(&mut outcome);
        join.batches.finish(&mut outcome);
        outcome
    }
}

/// The enriched observations of one call.
struct Join {
    partitions: u32,
    process_time_us: i64,
    batches: Batches,
    header: Writer,
    notices: Notices,
}

impl Join {
    /// Writes `observation` of `device`. Lengths are counted first, so that nothing written moves.
    #[inline]
    fn write(
        &mut self,
        observation: &ObservationView<'_>,
        device: Option<&Device>,
    ) -> Result<(), Error> {
        let header = &observation.header;
        let event_id = derive_stage(&header.id()?, stage::ENRICHMENT);
        let (patient_id, context, flags) = self.notices.whose(device, header.event_time_us);
        let flags = observation.flags | flags;
        let enriched = HeaderView {
            event_id: &event_id,
            source_event_id: header.event_id,
            process_time_us: self.process_time_us,
            patient_id,
            ..*header
        };
        self.header.clear();
        enriched.write(&mut self.header, 1, event_type::TELEMETRY_ENRICHED);
        let field = |bytes: &[u8]| 1 + varint_len(bytes.len() as u64) + bytes.len();
        let mut length = self.header.len() + field(observation.vitals);
        if !context.is_empty() {
            length += field(context);
        }
        if flags != 0 {
            length += 1 + varint_len(u64::from(flags));
        }
        let key = if patient_id.is_empty() {
            header.device_id
        } else {
            patient_id
        };
        self.batches.push(partition_of(key, self.partitions), |w| {
            w.header(OBSERVATIONS, length);
            w.raw(self.header.as_slice());
            w.bytes(2, observation.vitals);
            if !context.is_empty() {
                w.bytes(3, context);
            }
            if flags != 0 {
                w.varint(5, u64::from(flags));
            }
        });
        Ok(())
    }
}

/// What is worth counting.
#[derive(Default)]
struct Notices {
    orphans: u64,
    unavailable: u64,
    stale: u64,
}

impl Notices {
    /// Patient id and encoded context (both may be empty), and the flags that say why they are.
    #[inline]
    fn whose<'t>(
        &mut self,
        device: Option<&'t Device>,
        event_time_us: i64,
    ) -> (&'t str, &'t [u8], u32) {
        let lookup = device.map_or(Lookup::Unavailable, |device| {
            self.stale += u64::from(!device.is_fresh());
            device.at(event_time_us)
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
