//! Rolling statistics of one sign: mean, variability, and since when the value stands still.
//!
//! A sample a minute at most enters the mean, so that a monitor and a chart mean the same by "a day", and `f32`
//! is exact enough: at a sample a second the weight of one would be lost in the mean's last bit.

use super::known::{Reading, NEVER};

const HOUR_US: f64 = 3600.0 * 1e6;
/// After a gap this long, mean and variability are half old, half new: 1, 6 and 24 hours of event time.
pub const WINDOWS_US: [f64; 3] = [HOUR_US, 6.0 * HOUR_US, 24.0 * HOUR_US];
/// Values sooner after the last sample than this do not enter the mean: one minute.
pub const SAMPLE_US_MIN: i64 = 60_000_000;

/// Mean and variability of one window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rolling {
    /// Mean over about the window.
    pub mean: f32,
    /// Mean square distance from `mean`, over about the window.
    pub variance: f32,
}

/// What is kept of one sign. Every plausible value enters, anomalous ones too: that is what a mean is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Event time of the last sample; [`NEVER`] before the first.
    pub sampled_us: i64,
    /// Event time from which on every value was `last`.
    pub changed_us: i64,
    /// The last value. Meaningless, like the rest, while `samples` is 0.
    pub last: f32,
    /// Samples that entered.
    pub samples: u32,
    /// One for each of [`WINDOWS_US`].
    pub windows: [Rolling; WINDOWS_US.len()],
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            sampled_us: NEVER,
            changed_us: NEVER,
            last: 0.0,
            samples: 0,
            windows: Default::default(),
        }
    }
}

impl Trend {
    /// For how long all values, up to `reading`, have been equal to it, in µs.
    #[inline]
    pub fn unchanged_us(&self, reading: Reading) -> i64 {
        if self.samples > 0 && self.last == reading.value as f32 {
            reading.time_us.saturating_sub(self.changed_us).max(0)
        } else {
            0
        }
    }

    /// Where the sign is moving: the mean of each window minus that of the next longer one; NaN before the first
    /// sample.
    #[inline]
    pub fn slopes(&self) -> [f32; 2] {
        let [hour, quarter, day] = self.windows.map(|window| window.mean);
        if self.samples > 0 {
            [hour - quarter, quarter - day]
        } else {
            [f32::NAN; 2]
        }
    }

    /// The standard deviations of the two longer windows; NaN before the second sample. In an hour a chart has
    /// too few values to tell.
    #[inline]
    pub fn deviations(&self) -> [f32; 2] {
        let [_, quarter, day] = self.windows;
        if self.samples > 1 {
            [quarter, day].map(|window| window.variance.sqrt())
        } else {
            [f32::NAN; 2]
        }
    }

    /// Takes the next reading. Readings come in order of time.
    #[inline]
    pub fn update(&mut self, reading: Reading) {
        let Reading { value, time_us } = reading;
        let value = value as f32;
        if self.samples == 0 {
            *self = Self {
                sampled_us: time_us,
                changed_us: time_us,
                last: value,
                samples: 1,
                windows: [Rolling {
                    mean: value,
                    variance: 0.0,
                }; WINDOWS_US.len()],
            };
            return;
        }
        if value != self.last {
            self.last = value;
            self.changed_us = time_us;
        }
        let elapsed_us = time_us.saturating_sub(self.sampled_us);
        if elapsed_us >= SAMPLE_US_MIN {
            self.sample(value, elapsed_us as f64);
            self.sampled_us = time_us;
        }
    }

    fn sample(&mut self, value: f32, elapsed_us: f64) {
        self.samples = self.samples.saturating_add(1);
        // While young it is the plain mean: the first value must not weigh for a whole window.
        let young = 1.0 / f64::from(self.samples);
        for (rolling, window_us) in self.windows.iter_mut().zip(WINDOWS_US) {
            let weight = (elapsed_us / (elapsed_us + window_us)).max(young) as f32;
            let away = value - rolling.mean;
            rolling.mean += away * weight;
            rolling.variance = (1.0 - weight) * (rolling.variance + weight * away * away);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: i64 = 60_000_000;
    const HOUR_US: i64 = 60 * MINUTE_US;

    fn fed(values: impl IntoIterator<Item = (f64, i64)>) -> Trend {
        let mut trend = Trend::default();
        for (value, time_us) in values {
            trend.update(Reading { value, time_us });
        }
        trend
    }

    #[test]
    fn nothing_is_known_before_the_first_value() {
        let trend = Trend::default();
        for missing in [trend.slopes(), trend.deviations()].as_flattened() {
            assert!(missing.is_nan());
        }
        let reading = Reading {
            value: 0.0,
            time_us: HOUR_US,
        };
        assert_eq!(trend.unchanged_us(reading), 0);
    }

    #[test]
    fn while_young_they_are_plain_mean_and_deviation() {
        let values = [(70.0, 0), (80.0, MINUTE_US), (90.0, 2 * MINUTE_US)];
        let first = fed(values.into_iter().take(1));
        assert_eq!(first.slopes(), [0.0; 2]);
        assert!(first.deviations().iter().all(|missing| missing.is_nan()));
        let trend = fed(values);
        assert!(trend.windows.iter().all(|window| window.mean == 80.0));
        for deviation in trend.deviations() {
            assert!((deviation - (200.0_f32 / 3.0).sqrt()).abs() < 1e-4);
        }
    }

    #[test]
    fn a_shorter_window_follows_sooner() {
        // Three days at 70, then three hours at 80.
        let values = (0..76).map(|hour| (if hour < 73 { 70.0 } else { 80.0 }, hour * HOUR_US));
        let trend = fed(values);
        let [hour, quarter, day] = trend.windows.map(|window| window.mean);
        assert!(hour > quarter + 3.0 && quarter > day + 1.0 && day > 70.5);
        assert_eq!(trend.slopes(), [hour - quarter, quarter - day]);
        let [of_quarter, of_day] = trend.deviations();
        assert!(of_quarter > of_day);
    }

    #[test]
    fn a_second_and_an_hour_between_values_mean_the_same() {
        // Half a day at 80 after three days at 70.
        let levels = |step_us: i64| {
            (0..84 * HOUR_US).step_by(step_us as usize).map(move |t| {
                let level = if t < 72 * HOUR_US { 70.0 } else { 80.0 };
                (level, t)
            })
        };
        let (fine, coarse) = (fed(levels(1_000_000)), fed(levels(HOUR_US)));
        let ([.., fine], [.., coarse]) = (fine.windows, coarse.windows);
        assert!((fine.mean - coarse.mean).abs() < 0.3);
        assert!((fine.variance.sqrt() - coarse.variance.sqrt()).abs() < 0.3);
        assert!(fine.mean > 73.0 && fine.mean < 76.0);
    }

    #[test]
    fn standing_still_is_measured_from_the_first_equal_value() {
        let trend = fed([(71.0, 0), (72.0, HOUR_US), (72.0, 2 * HOUR_US)]);
        let at = |value, time_us| trend.unchanged_us(Reading { value, time_us });
        assert_eq!(at(72.0, 3 * HOUR_US), 2 * HOUR_US);
        assert_eq!(at(71.0, 3 * HOUR_US), 0);
    }
}
