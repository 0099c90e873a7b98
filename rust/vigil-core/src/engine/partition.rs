//! The state of one partition.

use std::collections::VecDeque;

use super::due::{Due, NEVER_DUE};
use super::identity::Identity;
use super::order::index::HeldIndex;
use super::patient::PatientState;
use super::slot::{time_of, Slot};

pub use super::slot::ByKey;

/// States kept for reuse at most.
const SPARE_MAX: usize = 8192;

/// Where a patient's state is: found once, then no hash is looked up again. It holds
/// until the patient is forgotten, which only the end of a batch does.
pub type Place = u32;

/// Patients of one partition.
#[derive(Debug, Default)]
pub struct Partition {
    index: ByKey<Place>,
    slots: Vec<Slot>,
    /// Slots of patients that were forgotten.
    free: Vec<Place>,
    /// Patients that changed since the last checkpoint, in the order they did.
    dirty: Vec<Place>,
    /// Patients forgotten since the last checkpoint.
    removed: Vec<u128>,
    bytes: usize,
    /// Who has observations that wait.
    held: HeldIndex,
    /// When the clock has something to do, by place.
    due: Due,
    /// The newest time of a tick, or of receipt of what was evaluated (processing time).
    pub clock_us: i64,
    /// Hashes of the ids of the last controls, the oldest first.
    pub controls: VecDeque<u64>,
    /// Replaced states, kept for their memory.
    #[allow(clippy::vec_box)]
    // they go back into the map, which holds boxes, without being moved
    spare: Vec<Box<PatientState>>,
    /// The number of the batch begun last, until it is finished: no other may finish. 0 = none.
    pub sequence: u64,
    /// Input offset of the last checkpoint; the next delta builds on it.
    pub checkpointed: Option<i64>,
}

impl Partition {
    /// Where the state of a patient is; `None` for a patient not seen yet.
    #[inline]
    pub fn find(&self, key: u128) -> Option<Place> {
        self.index.get(&key).copied()
    }

    /// The state at `place`.
    pub fn get(&self, place: Place) -> Option<&PatientState> {
        self.slots.get(place as usize)?.state.as_deref()
    }

    /// Brings the state at `place` near.
    #[inline]
    pub fn touch(&self, place: Place) {
        if let Some(state) = self.get(place) {
            state.touch();
        }
    }

    /// Brings near what the state at `place`, which is near, points to.
    #[inline]
    pub fn touch_parts(&self, place: Place) {
        if let Some(state) = self.get(place) {
            state.touch_parts();
        }
    }

    /// The copy number that the batch now begun has of the state at `place`, if it has one.
    #[inline]
    pub fn copied(&self, place: Place) -> Option<u32> {
        let (batch, number) = self.slots.get(place as usize)?.copied;
        (batch == self.sequence).then_some(number)
    }

    /// A copy of the state at `place` to work on, the `number`th of the batch; a new one for a patient not seen yet.
    #[inline]
    pub fn copy(&mut self, place: Option<Place>, number: u32) -> Box<PatientState> {
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place as usize)) else {
            return Box::default();
        };
        slot.copied = (self.sequence, number);
        let Some(state) = &slot.state else {
            return Box::default();
        };
        match self.spare.pop() {
            Some(mut copy) => {
                copy.copy_from(state);
                copy
            }
            None => state.clone(),
        }
    }

    /// From now on the batch's `number`th copy stands for the patient at `place`.
    pub fn mark(&mut self, place: Place, number: u32) {
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.copied = (self.sequence, number);
        }
    }

    /// Puts a patient's new state in place; `place` is where it was found, `due_us` when the clock has something to
    /// do for it, `identity` who it is, if that is not as it was.
    #[inline]
    pub fn put(
        &mut self,
        key: u128,
        place: Option<Place>,
        mut state: Box<PatientState>,
        identity: Option<Box<Identity>>,
        due_us: i64,
    ) {
        state.dirty = true;
        let (place, old) = self.replace(key, place, state);
        self.due.set(place, due_us);
        if identity.is_some() {
            self.introduce(place, identity);
        }
        if !old.as_ref().is_some_and(|old| old.dirty) {
            self.dirty.push(place);
        }
        if self.spare.len() < SPARE_MAX {
            self.spare.extend(old);
        }
    }

    /// Puts a state in place as it was at a checkpoint.
    pub fn insert(&mut self, key: u128, state: Box<PatientState>, identity: Option<Box<Identity>>) {
        let (place, _) = self.replace(key, self.find(key), state);
        self.due.set(place, NEVER_DUE);
        self.introduce(place, identity);
    }

    /// Forgets a patient. Its slot is the next newcomer's.
    pub fn remove(&mut self, key: u128) {
        let Some(place) = self.index.remove(&key) else {
            return;
        };
        self.removed.push(key);
        self.introduce(place, None);
        self.due.set(place, NEVER_DUE);
        let slot = self.slots.get_mut(place as usize);
        if let Some(state) = slot.and_then(|slot| slot.state.take()) {
            self.held.replace(place, &state.held, &[]);
            self.bytes = self.bytes.saturating_sub(state.bytes());
        }
        self.free.push(place);
    }

    fn introduce(&mut self, place: Place, identity: Option<Box<Identity>>) {
        if let Some(slot) = self.slots.get_mut(place as usize) {
            let bytes = |of: &Option<Box<Identity>>| of.as_ref().map_or(0, |i| i.bytes());
            self.bytes += bytes(&identity);
            self.bytes = self.bytes.saturating_sub(bytes(&slot.identity));
            slot.identity = identity;
        }
    }

    /// Who the patient at `place` is.
    pub fn identity(&self, place: Place) -> Option<&Identity> {
        self.slots.get(place as usize)?.identity.as_deref()
    }

    /// The patients for whom the clock has something to do at `time_us`; `exact` finds when it has, for one.
    pub fn reached(
        &mut self,
        time_us: i64,
        exact: impl Fn(&PatientState, &Identity) -> i64,
    ) -> Vec<(u128, Place)> {
        let slots = &self.slots;
        let places = self
            .due
            .reached(time_us, |place| time_of(slots, place, &exact));
        let key = |place: Place| Some((slots.get(place as usize)?.key, place));
        places.into_iter().filter_map(key).collect()
    }

    /// When the clock may have something to do for the patient at `place`: not too late.
    pub fn due_of(&self, place: Option<Place>) -> i64 {
        place.map_or(NEVER_DUE, |place| self.due.get(place))
    }

    /// Finds out anew when the clock has something to do for each patient.
    pub fn schedule(&mut self, due_us: impl Fn(&PatientState, &Identity) -> i64) {
        let nobody = Identity::default();
        for (place, slot) in (0..).zip(&self.slots) {
            if let Some(state) = &slot.state {
                let identity = slot.identity.as_deref().unwrap_or(&nobody);
                self.due.set(place, due_us(state, identity));
            }
        }
    }

    fn replace(
        &mut self,
        key: u128,
        place: Option<Place>,
        state: Box<PatientState>,
    ) -> (Place, Option<Box<PatientState>>) {
        self.bytes += state.bytes();
        if let Some(place) = place {
            let slot = self.slots.get_mut(place as usize);
            let own = slot.filter(|slot| slot.key == key);
            if let Some(kept) = own.and_then(|slot| slot.state.as_mut()) {
                let old = std::mem::replace(kept, state);
                self.held.replace(place, &old.held, &kept.held);
                self.bytes = self.bytes.saturating_sub(old.bytes());
                return (place, Some(old));
            }
        }
        let place = self.free.pop().unwrap_or(self.slots.len() as Place);
        self.index.insert(key, place);
        self.held.replace(place, &[], &state.held);
        match self.slots.get_mut(place as usize) {
            Some(slot) => *slot = Slot::new(key, state),
            None => self.slots.push(Slot::new(key, state)),
        }
        (place, None)
    }

    /// The lowest input offset of an observation that waits: what is before it is settled.
    pub fn held_offset(&self) -> Option<i64> {
        self.held.offset()
    }

    /// When a tick lets go of an observation that waits, if nothing else does before.
    pub fn held_due_us(&self, window_us: i64) -> Option<i64> {
        Some(self.held.oldest_us()?.saturating_add(window_us))
    }

    /// Patients with an observation that has waited since `ingest_us` or longer.
    pub fn holding(&self, ingest_us: i64) -> Vec<(u128, Place)> {
        let due = self.held.due(ingest_us);
        due.filter_map(|place| Some((self.slots.get(place as usize)?.key, place)))
            .collect()
    }

    /// Patients forgotten since this was asked last.
    pub fn take_removed(&mut self) -> Vec<u128> {
        std::mem::take(&mut self.removed)
    }

    /// Calls `each` with every patient that changed since the last checkpoint (or all), which then counts as
    /// not changed.
    pub fn checkpoint(
        &mut self,
        full: bool,
        mut each: impl FnMut(u128, &PatientState, Option<&Identity>),
    ) {
        let dirty = std::mem::take(&mut self.dirty);
        let mut write = |slot: &mut Slot| {
            // A slot that was freed and used again is named twice.
            if let Some(state) = slot.state.as_mut().filter(|state| full || state.dirty) {
                state.dirty = false;
                each(slot.key, state, slot.identity.as_deref());
            }
        };
        if full {
            self.slots.iter_mut().for_each(write);
            return;
        }
        for place in dirty {
            if let Some(slot) = self.slots.get_mut(place as usize) {
                write(slot);
            }
        }
    }

    /// Patients that a checkpoint would write.
    pub fn changed(&self, full: bool) -> usize {
        if full {
            self.len()
        } else {
            self.dirty.len()
        }
    }

    /// The time from which on a tick changes something; it may be too early, never too late.
    pub fn due_us(&mut self, exact: impl Fn(&PatientState, &Identity) -> i64) -> Option<i64> {
        /// So far ahead no time is too early: no tick comes of it that does nothing.
        const AHEAD_US: i64 = 5_000_000;
        let until_us = self.clock_us.saturating_add(AHEAD_US);
        let slots = &self.slots;
        self.due
            .next(until_us, |place| time_of(slots, place, &exact))
    }

    /// How many patients.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let entry = size_of::<u128>() + size_of::<Place>() + 1;
        self.bytes
            + self.index.capacity() * entry
            + self.slots.capacity() * size_of::<Slot>()
            + self.due.bytes()
    }

    /// All states.
    pub fn iter(&self) -> impl Iterator<Item = (u128, &PatientState)> {
        let slots = self.slots.iter();
        slots.filter_map(|slot| Some((slot.key, slot.state.as_deref()?)))
    }
}
