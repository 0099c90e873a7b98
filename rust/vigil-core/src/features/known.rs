//! The last usable value of every sign of one patient.

use super::family::Family;
use crate::sign::Sign;

/// "No time": earlier than any event.
pub const NEVER: i64 = i64::MIN;
/// An alternate stands in for its sign once the sign is this much older: one minute.
pub const ALTERNATE_AFTER_US: i64 = 60_000_000;

/// A usable value with its event time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Canonical unit.
    pub value: f64,
    /// Event time; [`NEVER`] when there is no value.
    pub time_us: i64,
}

const NONE: Reading = Reading {
    value: 0.0,
    time_us: NEVER,
};

/// One reading a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    readings: [Reading; Sign::COUNT],
}

impl Default for Known {
    fn default() -> Self {
        Self {
            readings: [NONE; Sign::COUNT],
        }
    }
}

impl Known {
    /// The last reading of `sign` (its time may be [`NEVER`]).
    #[inline]
    pub fn get(&self, sign: Sign) -> Reading {
        self.readings.get(sign.index()).copied().unwrap_or(NONE)
    }

    /// Notes a reading.
    #[inline]
    pub fn set(&mut self, sign: Sign, reading: Reading) {
        if let Some(slot) = self.readings.get_mut(sign.index()) {
            *slot = reading;
        }
    }

    /// The reading that speaks for `family` at `now_us`, when it is not older than `age_us_max`.
    /// The alternate speaks when the sign itself has been silent for [`ALTERNATE_AFTER_US`] longer.
    #[inline]
    pub fn current(&self, family: Family, now_us: i64, age_us_max: i64) -> Option<Reading> {
        self.fresh(self.get(self.speaker(family)), now_us, age_us_max)
    }

    /// The sign that speaks for `family`.
    #[inline]
    pub fn speaker(&self, family: Family) -> Sign {
        family
            .alternate
            .filter(|alternate| {
                let silent_us = self.get(family.sign).time_us;
                self.get(*alternate).time_us > silent_us.saturating_add(ALTERNATE_AFTER_US)
            })
            .unwrap_or(family.sign)
    }

    /// Supplemental oxygen by the newer of `FiO2` (above room air) and flow; `None` when neither is known.
    #[inline]
    pub fn on_oxygen(&self, now_us: i64, age_us_max: i64) -> Option<(bool, i64)> {
        /// Room air, with the width of chart rounding.
        const ROOM_AIR_PERCENT_MAX: f64 = 21.5;
        let fio2 = self.fresh(self.get(Sign::Fio2), now_us, age_us_max);
        let flow = self.fresh(self.get(Sign::O2Flow), now_us, age_us_max);
        let fio2 = fio2.map(|r| (r.value >= ROOM_AIR_PERCENT_MAX, r.time_us));
        let flow = flow.map(|r| (r.value > 0.0, r.time_us));
        match (fio2, flow) {
            (Some(a), Some(b)) if a.1 == b.1 => Some((a.0 || b.0, a.1)),
            (Some(a), Some(b)) => Some(if a.1 > b.1 { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// Every sign that has a reading.
    pub fn iter(&self) -> impl Iterator<Item = (Sign, Reading)> + '_ {
        Sign::ALL
            .iter()
            .map(|sign| (*sign, self.get(*sign)))
            .filter(|(_, reading)| reading.time_us != NEVER)
    }

    /// `reading`, when there is one that is not older than `age_us_max` at `now_us`.
    #[inline]
    #[allow(clippy::unused_self)] // reads as a question to what is known
    pub fn fresh(&self, reading: Reading, now_us: i64, age_us_max: i64) -> Option<Reading> {
        (reading.time_us != NEVER && now_us.saturating_sub(reading.time_us) <= age_us_max)
            .then_some(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(value: f64, time_us: i64) -> Reading {
        Reading { value, time_us }
    }

    #[test]
    fn the_alternate_speaks_only_after_a_minute_of_silence() {
        let family = Family::of(Sign::HeartRate);
        let mut known = Known::default();
        known.set(Sign::PulseRate, at(61.0, 0));
        assert_eq!(known.current(family, 0, 100), Some(at(61.0, 0)));
        known.set(Sign::HeartRate, at(60.0, 0));
        known.set(Sign::PulseRate, at(61.0, ALTERNATE_AFTER_US));
        assert_eq!(
            known.current(family, ALTERNATE_AFTER_US, i64::MAX),
            Some(at(60.0, 0))
        );
        known.set(Sign::PulseRate, at(61.0, ALTERNATE_AFTER_US + 1));
        assert_eq!(
            known
                .current(family, ALTERNATE_AFTER_US + 1, 5)
                .map(|r| r.value),
            Some(61.0)
        );
    }

    #[test]
    fn an_old_value_is_missing() {
        let mut known = Known::default();
        known.set(Sign::Spo2, at(97.0, 0));
        let family = Family::of(Sign::Spo2);
        assert!(known.current(family, 10, 10).is_some());
        assert!(known.current(family, 11, 10).is_none());
    }

    #[test]
    fn oxygen_follows_the_newer_source() {
        let mut known = Known::default();
        assert_eq!(known.on_oxygen(0, 10), None);
        known.set(Sign::Fio2, at(40.0, 0));
        assert_eq!(known.on_oxygen(0, 10), Some((true, 0)));
        known.set(Sign::O2Flow, at(0.0, 1));
        assert_eq!(known.on_oxygen(1, 10), Some((false, 1)));
        known.set(Sign::Fio2, at(21.0, 1));
        assert_eq!(known.on_oxygen(1, 10), Some((false, 1)));
        known.set(Sign::O2Flow, at(2.0, 1));
        assert_eq!(known.on_oxygen(1, 10), Some((true, 1)));
    }
}
