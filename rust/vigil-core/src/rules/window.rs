//! What a sign did over the last while: sixteen buckets of event time, of which each keeps one number.

use crate::sign::Sign;

/// Buckets of a window: it is exact to a sixteenth.
pub const BUCKETS: usize = 16;

/// What a bucket keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Keeps {
    /// The highest value: what a fall is measured from.
    Max = 0,
    /// The lowest value: what a rise is measured from.
    Min = 1,
    /// The sum, for a mean.
    Sum = 2,
}

impl Keeps {
    /// From a checkpoint.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Max,
            1 => Self::Min,
            2 => Self::Sum,
            _ => return None,
        })
    }

    /// What a bucket that has `kept` has with one more value.
    #[inline]
    fn with(self, kept: f64, value: f64) -> f64 {
        match self {
            Self::Max => kept.max(value),
            Self::Min => kept.min(value),
            Self::Sum => kept + value,
        }
    }

    /// What a bucket without a value has.
    const fn nothing(self) -> f64 {
        match self {
            Self::Max => f64::NEG_INFINITY,
            Self::Min => f64::INFINITY,
            Self::Sum => 0.0,
        }
    }
}

/// A window that a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// What is kept.
    pub keeps: Keeps,
    /// How long.
    pub window_us: i64,
    /// Of which devices: [`super::population::Population::devices`].
    pub devices: u64,
}

/// A window that rules ask for, with the bit of the population of one of them: all look at the same devices.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The window.
    pub spec: Spec,
    /// 0 = it is for everybody.
    pub population: u128,
}

/// A window of one measured sign of one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The sign that was measured, not the one it stands in for.
    pub sign: Sign,
    /// What is kept, and how long.
    pub spec: Spec,
    /// Number of the newest bucket: time divided by the width of a bucket, rounded down.
    pub newest: i64,
    /// By the number of the bucket, modulo [`BUCKETS`].
    pub values: [f64; BUCKETS],
    /// Values of each bucket.
    pub counts: [u32; BUCKETS],
    /// The highest or lowest of `values` where one of these is kept, so that not every value looks at all buckets.
    extreme: f64,
}

impl Window {
    /// Without values.
    pub fn new(sign: Sign, spec: Spec) -> Self {
        Self {
            sign,
            spec,
            newest: i64::MIN,
            values: [spec.keeps.nothing(); BUCKETS],
            counts: [0; BUCKETS],
            extreme: spec.keeps.nothing(),
        }
    }

    /// What stood in a checkpoint.
    #[must_use]
    pub fn restored(mut self) -> Self {
        self.extreme = self.found();
        self
    }

    fn found(&self) -> f64 {
        let (keeps, values) = (self.spec.keeps, self.values.iter().copied());
        match keeps {
            Keeps::Sum => keeps.nothing(),
            Keeps::Max | Keeps::Min => values.fold(keeps.nothing(), |a, b| keeps.with(a, b)),
        }
    }

    /// Brings it near: a number of (about) every line of it is read.
    #[inline]
    pub fn touch(&self) -> i64 {
        let values = self.values.iter().step_by(8);
        let counts = self.counts.last().copied().unwrap_or(0);
        values.fold(self.newest ^ i64::from(counts), |all, value| {
            all ^ value.to_bits() as i64
        })
    }

    /// Takes a value; one that is older than all buckets is left out.
    #[inline]
    pub fn add(&mut self, now_us: i64, value: f64) {
        let bucket = now_us.div_euclid((self.spec.window_us / BUCKETS as i64).max(1));
        if bucket > self.newest {
            let passed = bucket.saturating_sub(self.newest).min(BUCKETS as i64);
            for i in 0..passed {
                self.clear(bucket - i);
            }
            self.newest = bucket;
            self.extreme = self.found();
        } else if self.newest - bucket >= BUCKETS as i64 {
            return;
        }
        let i = place(bucket);
        if let (Some(slot), Some(count)) = (self.values.get_mut(i), self.counts.get_mut(i)) {
            *slot = self.spec.keeps.with(*slot, value);
            if self.spec.keeps != Keeps::Sum {
                self.extreme = self.spec.keeps.with(self.extreme, value);
            }
            *count = count.saturating_add(1);
        }
    }

    fn clear(&mut self, bucket: i64) {
        let i = place(bucket);
        if let (Some(slot), Some(count)) = (self.values.get_mut(i), self.counts.get_mut(i)) {
            *slot = self.spec.keeps.nothing();
            *count = 0;
        }
    }

    /// The highest or lowest value, or the mean (to six decimals); `None` without values.
    #[inline]
    pub fn result(&self) -> Option<f64> {
        match self.spec.keeps {
            Keeps::Sum => self.mean(),
            Keeps::Max | Keeps::Min => self.extreme.is_finite().then_some(self.extreme),
        }
    }

    /// Sums are added from the oldest bucket on, so that a mean is the same wherever it is made.
    fn mean(&self) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0u64);
        for i in (0..BUCKETS as i64).rev() {
            let i = place(self.newest.saturating_sub(i));
            sum += self.values.get(i).copied().unwrap_or(0.0);
            count += u64::from(self.counts.get(i).copied().unwrap_or(0));
        }
        (count > 0).then(|| clean(sum / count as f64))
    }
}

#[inline]
const fn place(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64) as usize
}

/// Without the dust of unit conversions and sums (37.00000000000006 °C): values count to six decimals.
#[inline]
pub fn clean(value: f64) -> f64 {
    const DECIMALS: f64 = 1e6;
    /// Beyond it a value has no dust: its last bit is worth more.
    const VALUE_MAX: f64 = 1e9;
    if value.abs() < VALUE_MAX {
        // `f64::round` is a function call on this target, which costs more than all the rest.
        let scaled = value * DECIMALS;
        (scaled + 0.5_f64.copysign(scaled)) as i64 as f64 / DECIMALS
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(keeps: Keeps) -> Window {
        let spec = Spec {
            keeps,
            window_us: 160,
            devices: 0,
        };
        Window::new(Sign::Systolic, spec)
    }

    #[test]
    fn a_window_holds_the_last_sixteen_buckets() {
        let mut max = window(Keeps::Max);
        assert_eq!(max.result(), None);
        max.add(0, 9.0);
        max.add(9, 7.0);
        max.add(159, 1.0);
        assert_eq!(max.result(), Some(9.0));
        max.add(160, 2.0);
        assert_eq!(max.result(), Some(2.0), "bucket 0 is gone as a whole");
        max.add(5, 50.0);
        assert_eq!(max.result(), Some(2.0), "older than all buckets");
        max.add(15, 8.0);
        assert_eq!(max.result(), Some(8.0), "late, but in a bucket");
        max.add(1_000_000, 3.0);
        assert_eq!(max.result(), Some(3.0));
    }

    #[test]
    fn a_mean_counts_every_value_and_a_minimum_none_twice() {
        let (mut mean, mut min) = (window(Keeps::Sum), window(Keeps::Min));
        for (at, value) in [(-15, 1.0), (0, 2.0), (1, 2.0), (30, 6.0)] {
            mean.add(at, value);
            min.add(at, value);
        }
        assert_eq!((mean.result(), min.result()), (Some(2.75), Some(1.0)));
        mean.add(145, 2.0);
        min.add(145, 2.0);
        assert_eq!((mean.result(), min.result()), (Some(3.0), Some(2.0)));
    }

    #[test]
    fn dust_is_not_a_value() {
        assert_eq!(clean(37.000_000_000_000_06), 37.0);
        assert_eq!(clean(-0.100_000_000_3), -0.1);
        assert_eq!(clean(1e12 + 0.123_456_789), 1e12 + 0.123_456_789);
    }
}
