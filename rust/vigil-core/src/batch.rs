//! What every stage does with batches: reads each observation or dead-letters it, and writes what
//! comes out merged per partition.

use crate::error::{Error, ErrorCode};
use crate::observation::HeaderView;
use crate::outcome::{Outcome, Record, Source};
use crate::wire::{Reader, Writer};

/// Field of `TelemetryBatch` with raw observations.
pub const RAW: u32 = 1;
/// Field of `TelemetryBatch` with observations of all later stages.
pub const OBSERVATIONS: u32 = 2;
/// Field of `TelemetryBatch` with controls: telemetry.enriched only, all others pass them by.
pub const CONTROLS: u32 = 3;
/// A record is closed at this size, whatever its count: well below the 1 MiB that a log takes by default.
pub const RECORD_BYTES_MAX: usize = 768 * 1024;

/// Calls `each` with every encoded observation (field `number`) of the batches `values`, in order, as
/// [`read_record`] does.
pub fn read_each<'a>(
    outcome: &mut Outcome,
    source: Source<'_>,
    offsets: &[i64],
    values: &[&'a [u8]],
    number: u32,
    mut each: impl FnMut(&mut Outcome, &'a [u8]) -> Result<(), Error>,
) {
    for (record, value) in values.iter().enumerate() {
        let offset = offsets.get(record).copied().unwrap_or(-1);
        let position = (record as u32, offset);
        read_record(outcome, source, position, value, number, &mut each);
    }
}

/// Calls `each` with every encoded observation (field `number`) of one batch; `position` is the record's
/// index among those of the call and its offset.
///
/// An observation that `each` refuses becomes a dead letter of its own, as a batch of one that can be
/// replayed; a value that is not a batch of field `number` becomes one as a whole. `each` must refuse
/// before it writes anything. Counts `observations_in`; the caller's writing counts `observations_out`.
pub fn read_record<'a>(
    outcome: &mut Outcome,
    source: Source<'_>,
    position: (u32, i64),
    value: &'a [u8],
    number: u32,
    mut each: impl FnMut(&mut Outcome, &'a [u8]) -> Result<(), Error>,
) {
    read_fields(
        outcome,
        source,
        position,
        value,
        number,
        |outcome, field, bytes| {
            if field == number {
                return each(outcome, bytes);
            }
            Ok(())
        },
    );
}

/// As [`read_record`], with the record's controls in their place among the observations: `each` is told the
/// field. A control that it refuses becomes a dead letter that stands for no observation.
pub fn read_fields<'a>(
    outcome: &mut Outcome,
    source: Source<'_>,
    position: (u32, i64),
    value: &'a [u8],
    number: u32,
    mut each: impl FnMut(&mut Outcome, u32, &'a [u8]) -> Result<(), Error>,
) {
    let (record, offset) = position;
    let counted = count(value, number);
    let (Ok(observations) | Err((observations, _))) = counted;
    outcome.observations_in += u64::from(observations);
    if let Err((_, error)) = counted {
        outcome.dead_letter(source, record, offset, value, observations, &[], &error);
        return;
    }
    let mut reader = Reader::new(value);
    // The frame was read before: there is no error in it.
    while let Ok(Some(field)) = reader.next_field() {
        if field.number != number && field.number != CONTROLS {
            continue;
        }
        let Ok(message) = field.value.bytes() else {
            continue;
        };
        if let Err(error) = each(outcome, field.number, message) {
            let mut original = Writer::with_capacity(message.len() + 8);
            original.bytes(field.number, message);
            let original = original.as_slice();
            let (observations, event_id) = if field.number == number {
                (1, event_id(message))
            } else {
                (0, control_id(message))
            };
            outcome.dead_letter(
                source,
                record,
                offset,
                original,
                observations,
                event_id,
                &error,
            );
        }
    }
}

/// The number of observations of a batch that holds field `number` and not the other one; with an
/// error, how many could be read before it.
pub fn count(value: &[u8], number: u32) -> Result<u32, (u32, Error)> {
    let mut observations = 0;
    let mut reader = Reader::new(value);
    let mut next = || -> Result<bool, Error> {
        let Some(field) = reader.next_field()? else {
            return Ok(false);
        };
        if field.number == RAW || field.number == OBSERVATIONS {
            field.value.bytes()?;
            if field.number != number {
                return Err(Error::new(
                    ErrorCode::MalformedProtobuf,
                    "",
                    "a batch of another stage",
                ));
            }
            observations += 1;
        } else if field.number == CONTROLS {
            field.value.bytes()?;
        }
        Ok(true)
    };
    loop {
        match next() {
            Ok(true) => {}
            Ok(false) => return Ok(observations),
            Err(error) => return Err((observations, error)),
        }
    }
}

/// The event id of a damaged observation, when it can be read.
fn event_id(observation: &[u8]) -> &[u8] {
    let mut reader = Reader::new(observation);
    while let Ok(Some(field)) = reader.next_field() {
        if let (1, Ok(header)) = (field.number, field.value.bytes()) {
            return HeaderView::read(header).map_or(&[], |h| h.event_id);
        }
    }
    &[]
}

/// The event id of a damaged control, when it can be read.
fn control_id(control: &[u8]) -> &[u8] {
    let mut reader = Reader::new(control);
    while let Ok(Some(field)) = reader.next_field() {
        if let (1, Ok(id)) = (field.number, field.value.bytes()) {
            return id;
        }
    }
    &[]
}

#[derive(Debug, Default)]
struct Open {
    writer: Writer,
    observations: u32,
}

/// Encoded observations on their way out, merged into one record per partition as long as it is not full.
#[derive(Debug)]
pub struct Batches {
    observations_max: u32,
    bytes_hint: usize,
    open: Vec<Open>,
    full: Vec<Record>,
}

impl Batches {
    /// Records for `partitions` partitions with at most `observations_max` observations each.
    pub fn new(partitions: u32, observations_max: u32) -> Self {
        let mut open = Vec::new();
        open.resize_with(partitions.max(1) as usize, Open::default);
        Self {
            observations_max: observations_max.max(1),
            bytes_hint: 0,
            open,
            full: Vec::new(),
        }
    }

    /// Expects about `bytes` in all, evenly spread: memory is made ready for them at once.
    #[must_use]
    pub fn expecting(mut self, bytes: usize) -> Self {
        self.bytes_hint = (bytes / self.open.len().max(1)).min(RECORD_BYTES_MAX);
        self
    }

    /// Appends one encoded `TelemetryBatch` field (tag, length and message), as `write` writes it.
    /// A partition beyond those there are is a defect of the caller and goes to the last one.
    #[inline]
    pub fn push(&mut self, partition: u32, write: impl FnOnce(&mut Writer)) {
        let partition = partition.min(self.open.len() as u32 - 1);
        if let Some(open) = self.open.get_mut(partition as usize) {
            if open.observations == 0 {
                open.writer = Writer::with_capacity(self.bytes_hint);
            }
            write(&mut open.writer);
            open.observations += 1;
            if open.observations >= self.observations_max || open.writer.len() >= RECORD_BYTES_MAX {
                // The next one will be as large; a little more, and it does not grow.
                self.bytes_hint = self
                    .bytes_hint
                    .min(open.writer.len() + open.writer.len() / 16);
                self.full.push(close(partition, std::mem::take(open)));
            }
        }
    }

    /// Moves all records to `outcome` and counts `observations_out`.
    pub fn finish(self, outcome: &mut Outcome) {
        outcome.records = self.full;
        for (partition, open) in self.open.into_iter().enumerate() {
            if open.observations > 0 {
                outcome.records.push(close(partition as u32, open));
            }
        }
        outcome.observations_out += outcome
            .records
            .iter()
            .map(|r| u64::from(r.observations))
            .sum::<u64>();
    }
}

fn close(partition: u32, open: Open) -> Record {
    Record {
        partition,
        observations: open.observations,
        value: open.writer.into_vec(),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const SOURCE: Source<'_> = Source {
        topic: "t",
        partition: 0,
        stage: "s",
        process_time_us: 1,
    };

    fn run(values: &[&[u8]], refuse: &[u8]) -> Outcome {
        let mut outcome = Outcome::default();
        let mut batches = Batches::new(2, 2);
        let offsets: Vec<i64> = (0..values.len() as i64).collect();
        read_each(&mut outcome, SOURCE, &offsets, values, 2, |_, bytes| {
            if bytes == refuse {
                return Err(Error::new(ErrorCode::Internal, "", "refused"));
            }
            batches.push(1, |w| w.bytes(2, bytes));
            Ok(())
        });
        batches.finish(&mut outcome);
        assert_eq!(
            outcome.observations_in,
            outcome.observations_out + outcome.dead_lettered
        );
        outcome
    }

    fn batch(items: &[&[u8]]) -> Vec<u8> {
        let mut w = Writer::default();
        for item in items {
            w.bytes(2, item);
        }
        w.into_vec()
    }

    #[test]
    fn records_are_merged_up_to_their_limit_in_order() {
        let out = run(&[&batch(&[b"a", b"b"]), &batch(&[b"c"])], b"-");
        assert_eq!(out.records.len(), 2);
        assert_eq!(out.records[0].value, batch(&[b"a", b"b"]));
        assert_eq!(out.records[1].value, batch(&[b"c"]));
    }

    #[test]
    fn a_refused_observation_is_a_dead_letter_of_its_own() {
        let out = run(&[&batch(&[b"a", b"x", b"c"])], b"x");
        assert_eq!((out.observations_out, out.dead_lettered), (2, 1));
        let mut reader = Reader::new(&out.dead_letters[0].value);
        let original = reader.next_field().unwrap().unwrap().value.bytes().unwrap();
        assert_eq!(original, batch(&[b"x"]), "a batch that can be replayed");
    }

    #[test]
    fn a_broken_or_foreign_batch_is_dead_lettered_whole() {
        let mut cut = batch(&[b"a", b"b"]);
        cut.pop();
        let mut raw = Writer::default();
        raw.bytes(1, b"raw");
        let out = run(&[&cut, raw.as_slice(), &[0xff], &batch(&[b"c"])], b"-");
        assert_eq!((out.observations_in, out.observations_out), (2, 1));
        assert_eq!(out.dead_letters.len(), 3);
        assert_eq!(out.dead_letters[0].observations, 1);
    }
}
