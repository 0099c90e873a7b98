//! The subjects that a batch is about: each has the copy of its state that the batch works on. One that is
//! forgotten at a tick has no copy from then on; if it comes again in the same batch it is a new one.

use super::begin::Begin;
use super::partition::Place;
use super::pending::Touched;

impl Begin<'_, '_> {
    /// Index of the copy of a subject's state that this batch works on; one is made if there is none.
    #[inline]
    pub(super) fn subject(&mut self, key: u128, place: Option<Place>) -> u32 {
        if let Some((last, at)) = self.last {
            if last == key {
                return at;
            }
        }
        let at = match self.copied(key, place) {
            Some(at) if !self.is_forgotten(at) => at,
            Some(_) => self.newcomer(key, place),
            None => self.copy(key, place),
        };
        self.last = Some((key, at));
        at
    }

    /// As [`Self::subject`], for one whose state the partition has; `None` when this batch has forgotten it.
    pub(super) fn revisit(&mut self, key: u128, place: Place) -> Option<u32> {
        let copied = self.copied(key, Some(place));
        if copied.is_some_and(|at| self.is_forgotten(at)) {
            return None;
        }
        Some(self.subject(key, Some(place)))
    }

    /// Whether anything is known of a subject.
    pub(super) fn is_known(&self, key: u128, place: Option<Place>) -> bool {
        match self.copied(key, place) {
            Some(at) => self
                .pending
                .subjects
                .get(at as usize)
                .is_some_and(|t| !t.forgotten && (t.changed || t.place.is_some())),
            None => place.is_some(),
        }
    }

    /// The `at`th subject is forgotten: whatever comes of it later is of a new one.
    pub(super) fn forget(&mut self, at: u32) {
        if let Some(touched) = self.pending.subjects.get_mut(at as usize) {
            touched.forgotten = true;
            touched.changed = true;
        }
        self.last = None;
    }

    #[inline]
    fn copied(&self, key: u128, place: Option<Place>) -> Option<u32> {
        match place {
            Some(place) => self.partition.copied(place),
            None => self.newcomers.get(&key).copied(),
        }
    }

    #[inline]
    fn is_forgotten(&self, at: u32) -> bool {
        let touched = self.pending.subjects.get(at as usize);
        touched.is_some_and(|touched| touched.forgotten)
    }

    /// A subject that comes again after this batch has forgotten it.
    #[cold]
    fn newcomer(&mut self, key: u128, place: Option<Place>) -> u32 {
        let at = self.copy(key, None);
        if let Some(place) = place {
            self.newcomers.remove(&key); // it is found by its former place
            self.partition.mark(place, at);
        }
        at
    }

    #[inline]
    fn copy(&mut self, key: u128, place: Option<Place>) -> u32 {
        let at = self.pending.subjects.len() as u32;
        let state = self.partition.copy(place, at);
        self.pending.subjects.push(Touched {
            key,
            place,
            quiet: state.is_quiet(),
            state,
            changed: false,
            forgotten: false,
            heard_us: i64::MAX,
            identity: None,
        });
        if place.is_none() {
            self.newcomers.insert(key, at);
        }
        at
    }
}
