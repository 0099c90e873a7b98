//! State as bytes: a snapshot of a partition and the deltas that follow it.
//!
//! A segment is `VGL` and a format version, protobuf-framed fields (1 whole?, 2 next input offset, 3 the
//! offset of the checkpoint it builds on, 4 repeated patient, 5 ids of the last controls, 6 keys of
//! the patients forgotten since), and the XXH3-64 of all before it. A delta names
//! its predecessor, so a lost or repeated one is noticed.

mod alarms;
mod bytes;
mod counted;
mod device;
mod features;
mod patient;
mod windows;

use std::collections::VecDeque;

use crate::engine::partition::Partition;
use crate::error::{Error, ErrorCode};
use crate::wire::{Reader, Writer};

const MAGIC: &[u8; 4] = b"VGL\x04";
const DIGEST_BYTES: usize = 8;

/// Writes the state of `partition` at the input offset `next_offset`: whole, or what changed since the last time.
pub fn write(partition: &mut Partition, next_offset: i64, full: bool) -> Vec<u8> {
    /// What a patient takes, more or less.
    const PATIENT_BYTES: usize = 600;
    let mut w = Writer::with_capacity(64 + partition.changed(full) * PATIENT_BYTES);
    w.raw(MAGIC);
    w.varint(1, u64::from(full));
    w.varint(2, next_offset as u64);
    w.varint(3, partition.checkpointed.unwrap_or(-1) as u64);
    // Before the patients: one that was forgotten may have come again.
    let removed = partition.take_removed();
    if !full {
        let keys: Vec<u8> = removed.iter().flat_map(|key| key.to_le_bytes()).collect();
        w.bytes(6, &keys);
    }
    partition.checkpoint(full, |key, state, identity| {
        w.message(4, |w| patient::write(w, key, state, identity));
    });
    let controls: Vec<u8> = partition
        .controls
        .iter()
        .flat_map(|id| id.to_le_bytes())
        .collect();
    w.bytes(5, &controls);
    partition.checkpointed = Some(next_offset);
    let digest = xxhash_rust::xxh3::xxh3_64(w.as_slice());
    w.raw(&digest.to_le_bytes());
    w.into_vec()
}

/// Reads a snapshot and its deltas, in order; returns the state with the next input offset.
pub fn restore(segments: &[&[u8]]) -> Result<(Partition, i64), Error> {
    let mut partition = Partition::default();
    for (i, segment) in segments.iter().enumerate() {
        apply(&mut partition, segment).map_err(|message| {
            Error::new(
                ErrorCode::InvalidCheckpoint,
                format!("segments[{i}]"),
                message,
            )
        })?;
    }
    match partition.checkpointed {
        Some(next_offset) => Ok((partition, next_offset)),
        None => Err(Error::new(
            ErrorCode::InvalidCheckpoint,
            "segments",
            "there is no segment",
        )),
    }
}

fn apply(partition: &mut Partition, segment: &[u8]) -> Result<(), String> {
    let (content, digest) = segment
        .split_last_chunk::<DIGEST_BYTES>()
        .ok_or("it is cut")?;
    if xxhash_rust::xxh3::xxh3_64(content) != u64::from_le_bytes(*digest) {
        return Err("it is damaged: the digest does not fit".into());
    }
    let content = content
        .strip_prefix(MAGIC)
        .ok_or("it is not a checkpoint of this version")?;
    let broken = |error: Error| error.into_parts().message;
    let (mut full, mut next_offset, mut base) = (false, None, None);
    let (mut patients, mut controls) = (Vec::new(), VecDeque::default());
    let mut removed: &[u8] = &[];
    let mut reader = Reader::new(content);
    while let Some(field) = reader.next_field().map_err(broken)? {
        match field.number {
            1 => full = field.value.varint().map_err(broken)? != 0,
            2 => next_offset = Some(field.value.varint().map_err(broken)? as i64),
            3 => base = Some(field.value.varint().map_err(broken)? as i64),
            4 => patients.push(field.value.bytes().map_err(broken)?),
            5 => {
                let ids = field.value.bytes().map_err(broken)?.chunks_exact(8);
                let ids = ids.filter_map(|id| id.try_into().ok());
                controls = ids.map(u64::from_le_bytes).collect();
            }
            6 => removed = field.value.bytes().map_err(broken)?,
            _ => {}
        }
    }
    let next_offset = next_offset.ok_or("it has no offset")?;
    if full {
        *partition = Partition::default();
    } else if partition.checkpointed.is_none() {
        return Err("a delta needs the snapshot before it".into());
    } else if partition.checkpointed != base {
        return Err("a delta before it is missing".into());
    }
    let keys = removed.chunks_exact(16);
    for key in keys.filter_map(|key| key.try_into().ok()) {
        partition.remove(u128::from_le_bytes(key));
    }
    partition.take_removed();
    for encoded in patients {
        let (key, state, identity) = patient::read(encoded).map_err(broken)?;
        partition.insert(key, Box::new(state), identity);
    }
    partition.controls = controls;
    partition.checkpointed = Some(next_offset);
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
