//! Where one patient's state is kept, and how maps find it.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use super::due::NEVER_DUE;
use super::identity::Identity;
use super::partition::Place;
use super::patient::PatientState;

/// Keys are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// A map by subject key.
pub type ByKey<T> = HashMap<u128, T, BuildHasherDefault<KeyHasher>>;

/// A patient of a partition, or room for one.
#[derive(Debug)]
pub(super) struct Slot {
    pub key: u128,
    /// `None` = the patient was forgotten, the slot is free.
    pub state: Option<Box<PatientState>>,
    pub identity: Option<Box<Identity>>,
    /// The batch (by `Partition::sequence`) that has a copy of the state, and which of its copies it is.
    pub copied: (u64, u32),
}

impl Slot {
    pub fn new(key: u128, state: Box<PatientState>) -> Self {
        Self {
            key,
            state: Some(state),
            identity: None,
            copied: (0, 0),
        }
    }
}

/// What `exact` finds for the patient at `place`.
pub(super) fn time_of(
    slots: &[Slot],
    place: Place,
    exact: impl Fn(&PatientState, &Identity) -> i64,
) -> i64 {
    let nobody = Identity::default();
    let found = slots.get(place as usize).and_then(|slot| {
        let identity = slot.identity.as_deref().unwrap_or(&nobody);
        Some(exact(slot.state.as_deref()?, identity))
    });
    found.unwrap_or(NEVER_DUE)
}
