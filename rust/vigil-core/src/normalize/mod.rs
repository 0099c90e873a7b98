//! What the device said becomes what it means: canonical signs, units and qualities.
//!
//! Per observation: `raw` reads it, `interpret` finds signs and units, `sensor` and `zero` tell a missing sensor
//! from a dying patient, `agreement` compares what was said twice, `encode` writes it. Values are never clamped
//! and nothing is dropped: what is not understood stays as unmapped or as an issue with its original.

mod agreement;
mod encode;
mod interpret;
mod number;
mod raw;
mod sensor;
mod zero;

use crate::batch::{read_each, Batches, OBSERVATIONS, RAW};
use crate::error::{Error, ErrorCode};
use crate::ids::stage;
use crate::observation::quality;
use crate::outcome::{Outcome, Source};
use crate::time::SKEW_US;
use crate::wire::Writer;

use interpret::Meaning;
use raw::Raw;

/// Normalizes raw batches. Keeps nothing but memory between calls.
#[derive(Debug)]
pub struct Normalizer {
    observations_max: u32,
    meaning: Meaning,
    body: Writer,
    counts: Counts,
}

impl Normalizer {
    /// Writes records of at most `observations_max` observations.
    pub fn new(observations_max: u32) -> Self {
        Self {
            observations_max,
            meaning: Meaning::default(),
            body: Writer::default(),
            counts: Counts::default(),
        }
    }

    /// Raw batches of one partition in; normalized batches of the same partition out, merged and in order.
    pub fn process(
        &mut self,
        topic: &str,
        partition: u32,
        offsets: &[i64],
        values: &[&[u8]],
        process_time_us: i64,
    ) -> Outcome {
        let source = Source {
            topic,
            partition,
            stage: stage::NORMALIZER,
            process_time_us,
        };
        let mut outcome = Outcome::default();
        let bytes: usize = values.iter().map(|value| value.len()).sum();
        let mut batches = Batches::new(1, self.observations_max).expecting(bytes + bytes / 8);
        let mut measurements = Vec::new();
        let mut metadata = Vec::new();
        self.counts = Counts::default();
        read_each(&mut outcome, source, offsets, values, RAW, |_, bytes| {
            let raw = Raw::read(bytes, &mut measurements, &mut metadata)?;
            let id = raw.header.id()?;
            self.understand(&measurements, &metadata)?;
            self.counts.add(&self.meaning, &raw);
            self.body.clear();
            encode::observation(
                &mut self.body,
                &raw,
                &id,
                &measurements,
                &self.meaning,
                process_time_us,
            );
            batches.push(0, |w| w.bytes(OBSERVATIONS, self.body.as_slice()));
            Ok(())
        });
        batches.finish(&mut outcome);
        for record in &mut outcome.records {
            record.partition = partition;
        }
        self.counts.report(&mut outcome);
        outcome
    }

    #[inline]
    fn understand(
        &mut self,
        measurements: &[raw::Measurement<'_>],
        metadata: &[(&str, &str)],
    ) -> Result<(), Error> {
        let meaning = &mut self.meaning;
        meaning.clear();
        for (from, measurement) in measurements.iter().enumerate() {
            if measurement.metric.is_empty() {
                return Err(Error::new(
                    ErrorCode::MissingField,
                    "measurements.metric",
                    "a measurement has a name",
                ));
            }
            meaning.add(from, measurement);
        }
        if !metadata.is_empty() {
            sensor::mark(metadata, meaning);
        }
        zero::judge(&mut meaning.columns);
        agreement::check(meaning, measurements);
        Ok(())
    }
}

/// Counts per call, in an array and not in a map: the map is filled once at the end.
#[derive(Debug, Default)]
struct Counts {
    issues: [u64; ErrorCode::ALL.len()],
    converted: u64,
    clock_skew: u64,
}

impl Counts {
    #[inline]
    fn add(&mut self, meaning: &Meaning, raw: &Raw<'_>) {
        for column in &meaning.columns {
            if column.quality != 0 {
                self.converted += u64::from(column.quality & quality::CONVERTED != 0);
                encode::codes(column.quality).for_each(|code| self.one(code));
            }
        }
        for notice in &meaning.notices {
            self.one(notice.code);
        }
        for _ in &meaning.unmapped {
            self.one(ErrorCode::UnmappedMetric);
        }
        let lead = raw.header.event_time_us - raw.header.ingest_time_us;
        self.clock_skew += u64::from(lead > SKEW_US);
    }

    fn one(&mut self, code: ErrorCode) {
        if let Some(count) = self.issues.get_mut(code as usize) {
            *count += 1;
        }
    }

    fn report(&self, outcome: &mut Outcome) {
        let issues = ErrorCode::ALL
            .iter()
            .map(|code| code.code())
            .zip(self.issues);
        for (name, n) in issues.chain([
            ("converted", self.converted),
            ("clock_skew", self.clock_skew),
        ]) {
            if n > 0 {
                outcome.count(name, n);
            }
        }
    }
}

#[cfg(test)]
mod tests;
