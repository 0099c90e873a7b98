//! What a stage gives back for a batch: records, dead letters and counts that reconcile.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::wire::Writer;

/// An encoded `TelemetryBatch` for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The partition to write it to.
    pub partition: u32,
    /// How many observations it holds.
    pub observations: u32,
    /// The encoded batch.
    pub value: Vec<u8>,
}

/// An encoded `DeadLetter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Index of the input record among those of the call.
    pub record: u32,
    /// How many observations it stands for.
    pub observations: u32,
    /// The encoded dead letter.
    pub value: Vec<u8>,
}

/// Where a batch comes from; it is copied into dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The topic that was read.
    pub topic: &'a str,
    /// Its partition.
    pub partition: u32,
    /// The stage that reads it.
    pub stage: &'a str,
    /// The stage's clock.
    pub process_time_us: i64,
}

/// The outcome of a batch: `observations_in = observations_out + dead_lettered`, always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What to write, in order per partition.
    pub records: Vec<Record>,
    /// What could not be processed.
    pub dead_letters: Vec<Dead>,
    /// Observations read.
    pub observations_in: u64,
    /// Observations in `records`.
    pub observations_out: u64,
    /// Observations in `dead_letters`.
    pub dead_lettered: u64,
    /// Bounded names with counts.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Outcome {
    /// Counts `n` of `name`.
    #[inline]
    pub fn count(&mut self, name: &'static str, n: u64) {
        *self.counts.entry(name).or_insert(0) += n;
    }

    /// Adds a dead letter for `original` (an encoded batch or observation of the record `record`).
    #[allow(clippy::too_many_arguments)] // a dead letter's own fields
    pub fn dead_letter(
        &mut self,
        source: Source<'_>,
        record: u32,
        offset: i64,
        original: &[u8],
        observations: u32,
        event_id: &[u8],
        error: &Error,
    ) {
        let mut w = Writer::with_capacity(original.len() + 128);
        w.bytes(1, original);
        w.bytes(2, source.topic.as_bytes());
        w.varint(3, u64::from(source.partition));
        w.varint(4, offset as u64);
        w.bytes(5, source.stage.as_bytes());
        w.bytes(6, error.code.code().as_bytes());
        w.bytes(7, error.message.as_bytes());
        w.bytes(8, error.field.as_bytes());
        w.varint(9, source.process_time_us as u64);
        w.varint(10, u64::from(observations));
        w.bytes(11, event_id);
        self.dead_lettered += u64::from(observations);
        self.dead_letters.push(Dead {
            record,
            observations,
            value: w.into_vec(),
        });
    }
}
