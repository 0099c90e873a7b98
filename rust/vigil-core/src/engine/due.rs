//! When the clock has something to do for each patient: one number a patient, in blocks with a lower bound each.
//!
//! With every observation a patient's time moves on, mostly later. It is not found anew then, but when the clock
//! comes near it, which is once in the time that a device may be silent: until then the number is too early.

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

    /// The time of `place`, as far as it is known.
    #[inline]
    pub fn get(&self, place: Place) -> i64 {
        self.times.get(place as usize).copied().unwrap_or(NEVER_DUE)
    }

    /// A time from which on there is something to do: later than `until_us` it may be too early, never too late.
    /// `exact` finds a patient's time.
    pub fn next(&mut self, until_us: i64, exact: impl Fn(Place) -> i64) -> Option<i64> {
        let mut next = NEVER_DUE;
        let blocks = self.bounds.iter_mut().zip(self.times.chunks_mut(BLOCK));
        for ((bound, times), block) in blocks.zip(0..) {
            if *bound <= until_us {
                refine(times, block * BLOCK, until_us, &exact);
                *bound = times.iter().copied().min().unwrap_or(NEVER_DUE);
            }
            next = next.min(*bound);
        }
        (next != NEVER_DUE).then_some(next)
    }

    /// Whose time has come at `time_us`.
    pub fn reached(&mut self, time_us: i64, exact: impl Fn(Place) -> i64) -> Vec<Place> {
        let mut places = Vec::new();
        let blocks = self.bounds.iter().zip(self.times.chunks_mut(BLOCK));
        for ((bound, times), block) in blocks.zip(0..) {
            if *bound <= time_us {
                let first = block * BLOCK;
                refine(times, first, time_us, &exact);
                let reached = times.iter().zip(first..).filter(|(t, _)| **t <= time_us);
                places.extend(reached.map(|(_, at)| at as Place));
            }
        }
        places
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        (self.times.capacity() + self.bounds.capacity()) * size_of::<i64>()
    }
}

/// Finds the times anew that seem to come until `until_us`.
fn refine(times: &mut [i64], first: usize, until_us: i64, exact: impl Fn(Place) -> i64) {
    for (time_us, at) in times.iter_mut().zip(first..) {
        if *time_us <= until_us {
            *time_us = exact(at as Place);
        }
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
        let exact = |place: Place| match place {
            0 => 5000,
            place => 100 + i64::from(place),
        };
        assert_eq!(due.next(0, exact), Some(100), "too early is allowed");
        assert_eq!(due.next(100, exact), Some(101));
        assert_eq!(due.reached(102, exact), [1, 2]);
        assert_eq!(due.get(0), 5000);
        assert_eq!(due.next(9000, |_| NEVER_DUE), None);
        assert!(due.reached(9000, |_| NEVER_DUE).is_empty());
    }
}
