//! A patient's own slow baseline of one sign, from which anomalous values are kept out.

use super::known::{Reading, NEVER};
use super::MODEL_FAMILIES;
use crate::sign::Sign;

/// Half of the weight of the past is gone after this long without values: one hour of event time.
const HALF_LIFE_US: f64 = 3600.0 * 1e6;
/// A new level must hold this long before the baseline follows it: four hours of event time.
const NEW_LEVEL_AFTER_US: i64 = 4 * 3600 * 1_000_000;

/// What may enter a baseline: values inside `low ..= high` that lie within `jump` of the baseline.
struct Band {
    low: f64,
    high: f64,
    jump: f64,
}

/// Wider than the normal range and narrower than danger: an alarm-worthy value must not become "usual".
const fn band(sign: Sign) -> Band {
    let (low, high, jump) = match sign {
        Sign::HeartRate => (40.0, 140.0, 30.0),
        Sign::Spo2 => (85.0, 100.0, 6.0),
        Sign::RespiratoryRate => (8.0, 30.0, 10.0),
        Sign::Temperature => (35.0, 39.5, 1.5),
        Sign::Systolic => (80.0, 200.0, 40.0),
        Sign::Diastolic => (40.0, 120.0, 25.0),
        _ => (55.0, 140.0, 30.0),
    };
    Band { low, high, jump }
}

/// An exponentially weighted mean by event time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Canonical unit; meaningless while `count` is 0.
    pub value: f64,
    /// Event time of the last value that entered.
    pub time_us: i64,
    /// Values that entered.
    pub count: u32,
    /// Since when all values were too far away to enter; [`NEVER`] when the last one entered.
    pub away_since_us: i64,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            value: 0.0,
            time_us: NEVER,
            count: 0,
            away_since_us: NEVER,
        }
    }
}

impl Baseline {
    /// The baseline; `None` before there is one.
    #[inline]
    pub fn level(&self) -> Option<f64> {
        (self.count > 0).then_some(self.value)
    }

    /// `value` minus the baseline; `None` before there is one.
    #[inline]
    pub fn delta(&self, value: f64) -> Option<f64> {
        self.level().map(|level| value - level)
    }

    /// Lets `reading` of the `column`-th model sign enter, unless it is anomalous: outside the sign's band, or
    /// too far from the baseline (until the new level has held for four hours).
    #[inline]
    pub fn update(&mut self, column: usize, reading: Reading) {
        let Some(family) = MODEL_FAMILIES.get(column) else {
            return;
        };
        let band = band(family.sign);
        let Reading { value, time_us } = reading;
        if !(band.low..=band.high).contains(&value) {
            return;
        }
        if self.count == 0 {
            *self = Self::starting_at(reading);
        } else if (value - self.value).abs() <= band.jump {
            let elapsed_us = time_us.saturating_sub(self.time_us).max(0) as f64;
            self.count = self.count.saturating_add(1);
            // While young it is the plain mean: the first value must not weigh for an hour.
            let weight =
                (elapsed_us / (elapsed_us + HALF_LIFE_US)).max(1.0 / f64::from(self.count));
            self.value += (value - self.value) * weight;
            self.time_us = time_us;
            self.away_since_us = NEVER;
        } else if self.away_since_us == NEVER {
            self.away_since_us = time_us;
        } else if time_us.saturating_sub(self.away_since_us) >= NEW_LEVEL_AFTER_US {
            *self = Self::starting_at(reading);
        }
    }

    fn starting_at(reading: Reading) -> Self {
        Self {
            value: reading.value,
            time_us: reading.time_us,
            count: 1,
            away_since_us: NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3600 * 1_000_000;
    const HEART_RATE: usize = 0;

    fn feed(baseline: &mut Baseline, values: &[(f64, i64)]) {
        for (value, time_us) in values {
            baseline.update(
                HEART_RATE,
                Reading {
                    value: *value,
                    time_us: *time_us,
                },
            );
        }
    }

    #[test]
    fn it_starts_at_the_first_value_and_is_a_mean_at_first() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.delta(70.0), None);
        feed(&mut baseline, &[(70.0, 0), (80.0, 1), (90.0, 2)]);
        assert!((baseline.value - 80.0).abs() < 1e-9);
    }

    #[test]
    fn half_of_the_past_is_gone_after_an_hour() {
        let mut baseline = Baseline::default();
        feed(
            &mut baseline,
            &[(70.0, 0), (70.0, 1), (70.0, 2), (90.0, HOUR_US + 2)],
        );
        assert!((baseline.value - 80.0).abs() < 1e-6);
    }

    #[test]
    fn an_anomalous_value_is_not_added_to_its_own_baseline() {
        let mut baseline = Baseline::default();
        feed(
            &mut baseline,
            &[(70.0, 0), (160.0, 1), (20.0, 2), (105.0, 3)],
        );
        assert_eq!((baseline.value, baseline.count), (70.0, 1));
    }

    #[test]
    fn a_level_that_lasts_becomes_the_baseline() {
        let mut baseline = Baseline::default();
        feed(
            &mut baseline,
            &[(70.0, 0), (110.0, HOUR_US), (112.0, 4 * HOUR_US)],
        );
        assert_eq!(baseline.value, 70.0);
        feed(&mut baseline, &[(111.0, 5 * HOUR_US)]);
        assert_eq!(baseline.value, 111.0);
    }

    #[test]
    fn one_value_near_the_baseline_ends_the_new_level() {
        let mut baseline = Baseline::default();
        feed(
            &mut baseline,
            &[(70.0, 0), (110.0, 1), (70.0, HOUR_US), (110.0, 5 * HOUR_US)],
        );
        assert_eq!(baseline.value, 70.0);
    }
}
