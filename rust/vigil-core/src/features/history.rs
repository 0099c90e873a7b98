//! All that features remember of one patient. Its size does not depend on what comes in.

use super::{Baseline, Known, Trend, MODEL_FAMILIES, NEVER, VALUE_AGE_US_MAX};

/// The past of one patient, as the next feature row sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct History {
    /// Event time of the first observation; [`NEVER`] before.
    pub first_us: i64,
    /// One a model sign.
    pub baselines: [Baseline; MODEL_FAMILIES.len()],
    /// One a model sign.
    pub trends: [Trend; MODEL_FAMILIES.len()],
}

impl Default for History {
    fn default() -> Self {
        Self {
            first_us: NEVER,
            baselines: Default::default(),
            trends: Default::default(),
        }
    }
}

impl History {
    /// How long the patient has been known, in µs.
    #[inline]
    pub fn known_us(&self, now_us: i64) -> i64 {
        if self.first_us == NEVER {
            0
        } else {
            now_us.saturating_sub(self.first_us).max(0)
        }
    }

    /// Takes an observation that brought the signs of the bits `updated`: per model sign, the value that speaks
    /// for it, when this observation brought it.
    #[inline]
    pub fn update(&mut self, known: &Known, updated: u32, now_us: i64) {
        if self.first_us == NEVER {
            self.first_us = now_us;
        }
        let kept = self.baselines.iter_mut().zip(&mut self.trends);
        for (column, (family, (baseline, trend))) in
            MODEL_FAMILIES.into_iter().zip(kept).enumerate()
        {
            let speaker = known.speaker(family);
            if updated & (1 << speaker.index()) != 0 {
                if let Some(reading) = known.current(family, now_us, VALUE_AGE_US_MAX) {
                    baseline.update(column, reading);
                    trend.update(reading);
                }
            }
        }
    }

    /// Brings it near: one number of (about) every line of it is read.
    #[inline]
    pub fn touch(&self) -> i64 {
        let baselines = self.baselines.iter().step_by(2).map(|kept| kept.time_us);
        let trends = self.trends.iter().map(|kept| kept.sampled_us);
        baselines
            .chain(trends)
            .fold(self.first_us, |all, us| all ^ us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Reading;
    use crate::sign::Sign;

    #[test]
    fn its_size_is_what_the_documents_say() {
        assert_eq!(size_of::<History>(), 568);
    }

    #[test]
    fn only_what_an_observation_brought_is_taken() {
        let (mut known, mut history) = (Known::default(), History::default());
        assert_eq!(history.known_us(9), 0);
        let bit = |sign: Sign| 1 << sign.index();
        for (sign, time_us) in [(Sign::Spo2, 5), (Sign::ArtSystolic, 7)] {
            known.set(
                sign,
                Reading {
                    value: 97.0,
                    time_us,
                },
            );
            history.update(&known, bit(sign), time_us);
        }
        assert_eq!(history.known_us(9), 4);
        assert_eq!(history.known_us(1), 0);
        let samples = history.trends.map(|trend| trend.samples);
        assert_eq!(samples, [0, 1, 0, 0, 1, 0, 0]);
        assert_eq!(history.baselines[1].count, 1);
    }
}
