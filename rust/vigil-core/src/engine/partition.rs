//! The state of one partition.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

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

/// States kept for reuse at most.
const SPARE_MAX: usize = 8192;

/// Patients of one partition.
#[derive(Debug, Default)]
pub struct Partition {
    patients: ByKey<Box<PatientState>>,
    /// Keys of patients that changed since the last checkpoint, in the order they did.
    dirty: Vec<u128>,
    bytes: usize,
    /// Replaced states, kept for their memory.
    #[allow(clippy::vec_box)]
    // they go back into the map, which holds boxes, without being moved
    spare: Vec<Box<PatientState>>,
    /// Counts batches begun and finished: a batch may finish only while its number is the newest.
    pub sequence: u64,
    /// Input offset of the last checkpoint; the next delta builds on it.
    pub checkpointed: Option<i64>,
}

impl Partition {
    /// A copy of a patient's state to work on; a new one for a patient not seen yet.
    #[inline]
    pub fn copy(&mut self, key: u128) -> Box<PatientState> {
        match (self.patients.get(&key), self.spare.pop()) {
            (Some(state), Some(mut copy)) => {
                copy.copy_from(state);
                copy
            }
            (Some(state), None) => state.clone(),
            (None, _) => Box::default(),
        }
    }

    /// Puts a patient's new state in place.
    #[inline]
    pub fn put(&mut self, key: u128, mut state: Box<PatientState>) {
        state.dirty = true;
        let old = self.replace(key, state);
        if !old.as_ref().is_some_and(|old| old.dirty) {
            self.dirty.push(key);
        }
        if self.spare.len() < SPARE_MAX {
            self.spare.extend(old);
        }
    }

    /// Puts a state in place as it was at a checkpoint.
    pub fn insert(&mut self, key: u128, state: Box<PatientState>) {
        self.replace(key, state);
    }

    fn replace(&mut self, key: u128, state: Box<PatientState>) -> Option<Box<PatientState>> {
        self.bytes += state.bytes();
        let old = self.patients.insert(key, state)?;
        self.bytes = self.bytes.saturating_sub(old.bytes());
        Some(old)
    }

    /// Calls `each` with every patient that changed since the last checkpoint (or all), which then counts as
    /// not changed.
    pub fn checkpoint(&mut self, full: bool, mut each: impl FnMut(u128, &PatientState)) {
        let dirty = std::mem::take(&mut self.dirty);
        if full {
            for (key, state) in &mut self.patients {
                state.dirty = false;
                each(*key, state);
            }
            return;
        }
        for key in dirty {
            if let Some(state) = self.patients.get_mut(&key) {
                state.dirty = false;
                each(key, state);
            }
        }
    }

    /// Patients that a checkpoint would write.
    pub fn changed(&self, full: bool) -> usize {
        if full {
            self.patients.len()
        } else {
            self.dirty.len()
        }
    }

    /// How many patients.
    pub fn len(&self) -> usize {
        self.patients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patients.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes + self.patients.capacity() * (size_of::<u128>() + size_of::<usize>() + 1)
    }

    /// All states, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &PatientState)> {
        self.patients.iter().map(|(key, state)| (*key, &**state))
    }
}
