//! When the clock has something to do for each patient: one number a patient, in blocks with a lower bound each.
//!
//! With every observation a patient's time moves on, mostly later. A block's bound is not raised then: it is looked
//! at again only when it is reached, which is once in the time that a device may be silent.

use super::partition::Place;

/// Patients a block.
const BLOCK: usize = 1024;
/// Nothing is to be done.
pub const NEVER_DUE: i64 = i64::MAX;

/// Times by place.
#[derive(Debug, Default)]
pub struct Due {
    times: Vec<i64>,
    /// Not later than any time of the block.
    bounds: Vec<i64>,
}

impl Due {
    /// Something is to be done for the patient at `place` at `time_us`, and not before.
    #[inline]
    pub fn set(&mut self, place: Place, time_us: i64) {
        let place = place as usize;
        if place >= self.times.len() {
            self.times.resize(place + 1, NEVER_DUE);
            self.bounds.resize(place / BLOCK + 1, NEVER_DUE);
        }
        if let Some(slot) = self.times.get_mut(place) {
            *slot = time_us;
        }
        if let Some(bound) = self.bounds.get_mut(place / BLOCK) {
            *bound = (*bound).min(time_us);
        }
    }

    /// A time from which on there is something to do: later than `clock_us` it may be too early, never too late.
    pub fn next(&mut self, clock_us: i64) -> Option<i64> {
        let mut next = NEVER_DUE;
        for (bound, times) in self.bounds.iter_mut().zip(self.times.chunks(BLOCK)) {
            if *bound <= clock_us {
                *bound = times.iter().copied().min().unwrap_or(NEVER_DUE);
            }
            next = next.min(*bound);
        }
        (next != NEVER_DUE).then_some(next)
    }

    /// Whose time has come at `time_us`.
    pub fn reached(&self, time_us: i64) -> Vec<Place> {
        let mut places = Vec::new();
        for (block, bound) in self.bounds.iter().enumerate() {
            if *bound > time_us {
                continue;
            }
            let first = block * BLOCK;
            let times = self.times.get(first..).unwrap_or_default();
            let reached = times.iter().take(BLOCK).zip(first..);
            places.extend(
                reached
                    .filter(|(t, _)| **t <= time_us)
                    .map(|(_, at)| at as Place),
            );
        }
        places
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        (self.times.capacity() + self.bounds.capacity()) * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_never_too_late() {
        let mut due = Due::default();
        for place in 0..3000 {
            due.set(place, 100 + i64::from(place));
        }
        assert_eq!(due.next(0), Some(100));
        due.set(0, 5000);
        assert_eq!(due.next(0), Some(100), "too early is allowed");
        assert_eq!(due.next(100), Some(101));
        assert_eq!(due.reached(102), [1, 2]);
        for place in 0..3000 {
            due.set(place, NEVER_DUE);
        }
        assert_eq!(due.next(4000), None);
        assert!(due.reached(4000).is_empty());
    }
}
