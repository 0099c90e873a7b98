//! Checkpoints: what is damaged or out of order is refused.

use super::*;
use crate::engine::device::{Device, NO_SEQUENCE};
use crate::engine::order::clock::{Clock, Run};
use crate::engine::order::held::Held;
use crate::engine::patient::PatientState;
use crate::features::{Reading, NEVER};
use crate::sign::Sign;

fn state(value: f64, time_us: i64) -> PatientState {
    let mut state = PatientState::default();
    state.known.set(Sign::Spo2, Reading { value, time_us });
    state.history.baselines[1].value = value;
    state.history.baselines[1].count = 3;
    state.history.baselines[1].time_us = time_us;
    state.history.trends[1].update(Reading { value, time_us });
    state.history.first_us = time_us;
    state.warned_us = time_us;
    state.devices.push(Device {
        last_us: time_us,
        recent: [0, 0, 0, 0, 0, 0, 1, 2],
        sequence: 7,
        ingest_us: time_us.saturating_add(9),
        cadence_us: 4,
        clock: Clock {
            live: true,
            behind_us: value as i64,
            run: Run {
                count: 2,
                since_us: time_us,
                low_us: -3,
                high_us: i64::MAX,
            },
        },
        ..Device::new(5)
    });
    state.held.push(Held {
        device: 5,
        id: 3,
        time_us,
        sequence: NO_SEQUENCE,
        ingest_us: time_us,
        offset: 8,
        flags: 16,
        bytes: [1, 2, 3].as_slice().into(),
    });
    state
}

fn put(partition: &mut Partition, key: u128, state: PatientState) {
    partition.put(key, partition.find(key), Box::new(state), None, i64::MAX);
}

fn states(partition: &Partition) -> Vec<(u128, PatientState)> {
    let mut all: Vec<_> = partition
        .iter()
        .map(|(key, state)| {
            let mut state = state.clone();
            state.dirty = false;
            (key, state)
        })
        .collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

#[test]
fn a_snapshot_and_deltas_restore_the_state() {
    let mut partition = Partition::default();
    put(&mut partition, 1, state(97.5, 1_000));
    put(&mut partition, 2, state(-3.25, i64::MAX));
    put(&mut partition, 3, state(0.0, NEVER + 1));
    let snapshot = write(&mut partition, 10, true);
    put(&mut partition, 2, state(91.0, 5));
    put(&mut partition, 4, state(90.0, 6));
    let delta = write(&mut partition, 20, false);
    assert!(delta.len() < snapshot.len());
    let (restored, next_offset) = restore(&[&snapshot, &delta]).unwrap();
    assert_eq!(next_offset, 20);
    assert_eq!(states(&restored), states(&partition));
    assert_eq!(restored.bytes() > 0, partition.bytes() > 0);
    let nothing = write(&mut partition, 20, false);
    assert!(nothing.len() < 40, "nothing changed since");
}

#[test]
fn what_is_damaged_or_missing_is_refused() {
    let mut partition = Partition::default();
    put(&mut partition, 1, state(97.0, 1_000));
    let snapshot = write(&mut partition, 10, true);
    put(&mut partition, 1, state(96.0, 2_000));
    let first = write(&mut partition, 20, false);
    let second = write(&mut partition, 30, false);
    let refused = |segments: &[&[u8]]| {
        let error = restore(segments).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidCheckpoint);
        error
    };
    refused(&[]);
    refused(&[b""]);
    refused(&[&first]);
    refused(&[&snapshot, &second]);
    assert_eq!(refused(&[&snapshot, &first, &first]).field, "segments[2]");
    for i in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[i] ^= 0x10;
        refused(&[&damaged]);
        refused(&[&snapshot[..i]]);
    }
    assert!(restore(&[&snapshot, &first, &second]).is_ok());
}
