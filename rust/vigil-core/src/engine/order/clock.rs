//! What a device's own time is worth, judged against the gateway's.
//!
//! *Lag* is the gateway's time of receipt less the device's time. A device is *live* once its lag was small. What a
//! live device says with a large lag comes from its memory (a spool sent after an outage) and is late: it must not
//! alarm as if it were now. A clock that jumps back gives a large lag too, but one that stays the same while time
//! goes on; a spool's changes as fast as it is sent.

use crate::engine::advance::effective_time;

/// Lags of one wrong clock differ by no more than this (the network's part in them), µs.
const SPREAD_US_MAX: i64 = 2_000_000;
/// For so long (gateway's time) a lag stays the same before the clock is believed to be wrong, µs.
const RUN_US_MIN: i64 = 10_000_000;
/// In so many observations.
const RUN_COUNT_MIN: u8 = 5;

/// What is known of a device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// Whether its lag was ever small, or its clock was found wrong: it speaks of now.
    pub live: bool,
    /// By how much its clock is behind, µs; 0 = it is right.
    pub behind_us: i64,
    /// Late observations of the same lag, one after the other.
    pub run: Run,
}

/// Late observations in a row whose lags are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// How many, as far as it matters; 0 = the last one was not late.
    pub count: u8,
    /// The gateway's time of the first, µs.
    pub since_us: i64,
    /// The smallest lag, µs.
    pub low_us: i64,
    /// The largest lag, µs.
    pub high_us: i64,
}

/// What an observation's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The time that rules count with.
    pub now_us: i64,
    /// Whether it is behind what was evaluated, or behind the gateway's time.
    pub late: bool,
}

impl Clock {
    /// Judges an observation of a device whose last evaluated one was made at `last_us`.
    #[inline]
    pub fn judge(
        &mut self,
        event_us: i64,
        ingest_us: i64,
        last_us: i64,
        late_after_us: i64,
    ) -> Judged {
        if ingest_us <= 0 {
            return Judged {
                now_us: event_us,
                late: event_us < last_us,
            };
        }
        let lag_us = ingest_us.saturating_sub(event_us);
        self.live |= lag_us.saturating_abs() <= late_after_us;
        if self.behind_us != 0 && lag_us < self.behind_us / 2 {
            self.behind_us = 0; // set right again
        }
        let mut judged = self.at(event_us, ingest_us, last_us, late_after_us);
        if judged.late {
            self.run.add(lag_us, ingest_us);
            if self.run.is_a_wrong_clock(ingest_us) {
                // The smallest lag: its time is never ahead of the gateway's.
                self.behind_us = self.run.low_us;
                self.live = true;
                judged = self.at(event_us, ingest_us, last_us, late_after_us);
            }
        }
        if !judged.late && self.run.count != 0 {
            self.run = Run::default();
        }
        judged
    }

    #[inline]
    fn at(self, event_us: i64, ingest_us: i64, last_us: i64, late_after_us: i64) -> Judged {
        let now_us = effective_time(event_us.saturating_add(self.behind_us), ingest_us);
        let spooled = self.live && ingest_us.saturating_sub(now_us) > late_after_us;
        Judged {
            now_us,
            late: now_us < last_us || spooled,
        }
    }
}

impl Run {
    fn add(&mut self, lag_us: i64, ingest_us: i64) {
        let (low_us, high_us) = (self.low_us.min(lag_us), self.high_us.max(lag_us));
        let alike = high_us.saturating_sub(low_us) <= SPREAD_US_MAX;
        if self.count > 0 && alike && ingest_us >= self.since_us {
            *self = Self {
                count: self.count.saturating_add(1),
                low_us,
                high_us,
                ..*self
            };
        } else {
            *self = Self {
                count: 1,
                since_us: ingest_us,
                low_us: lag_us,
                high_us: lag_us,
            };
        }
    }

    fn is_a_wrong_clock(&self, ingest_us: i64) -> bool {
        self.count >= RUN_COUNT_MIN && ingest_us.saturating_sub(self.since_us) >= RUN_US_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;
    const LATE_AFTER: i64 = 300 * S;
    /// The gateway's time at the start, µs.
    const T: i64 = 1_000_000 * S;

    /// A device that evaluates what is not late.
    #[derive(Default)]
    struct Device(Clock, i64);

    impl Device {
        fn says(&mut self, event_us: i64, ingest_us: i64) -> Judged {
            let judged = self.0.judge(event_us, ingest_us, self.1, LATE_AFTER);
            if !judged.late {
                self.1 = judged.now_us;
            }
            judged
        }
    }

    #[test]
    fn what_a_live_device_says_of_long_ago_is_late() {
        let mut device = Device::default();
        assert!(!device.says(T, T + S).late);
        let ingest = T + 4000 * S;
        assert!(device.says(ingest - LATE_AFTER - 1, ingest).late);
        assert!(!device.says(ingest - LATE_AFTER, ingest).late);
    }

    #[test]
    fn a_device_that_never_was_live_is_judged_by_its_own_order() {
        let mut device = Device::default();
        for second in [0, 1, 5] {
            assert!(!device.says(second * S, T).late, "a recording");
        }
        assert!(device.says(4 * S, T).late);
        assert!(!device.0.live);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_its_device() {
        for back in [60 * S, 3600 * S, T] {
            let mut device = Device::default();
            device.says(T, T + 5);
            let heard = |device: &mut Device, n: i64| {
                let ingest = T + n * S + (n % 3) * 200_000;
                (device.says(ingest - back, ingest), ingest)
            };
            let late = (1..30)
                .take_while(|n| heard(&mut device, *n).0.late)
                .count();
            assert_eq!(late, 10, "late for the ten seconds it takes to be sure");
            let (judged, ingest) = heard(&mut device, 30);
            assert!(!judged.late && ingest - judged.now_us <= SPREAD_US_MAX);
            assert_ne!(device.0.behind_us, 0);
            let spool = device.says(T - back - 4000 * S, T + 31 * S);
            assert!(spool.late, "its memory is late all the same");
            assert!(!device.says(T + 32 * S, T + 32 * S).late, "set right");
            assert_eq!(device.0.behind_us, 0);
        }
    }

    #[test]
    fn a_spool_is_no_wrong_clock() {
        let mut device = Device::default();
        device.says(T, T);
        for n in 0..1000 {
            // An hour's memory in twenty seconds.
            let judged = device.says(T - 4000 * S + n * 3_600_000, T + n * 20_000);
            assert!(judged.late);
        }
    }

    #[test]
    fn a_spool_sent_at_its_own_pace_between_live_data_is_no_wrong_clock() {
        let mut device = Device::default();
        for n in 0..100 {
            assert!(!device.says(T + n * S, T + n * S + 1000).late);
            assert!(device.says(T - 86_400 * S + n * S, T + n * S + 2000).late);
        }
        assert_eq!(device.0.behind_us, 0);
    }

    #[test]
    fn a_clock_ahead_counts_as_now() {
        let mut device = Device::default();
        assert_eq!(device.says(T + 9000 * S, T).now_us, T);
        assert!(!device.says(T + S, T + S).late);
    }
}
