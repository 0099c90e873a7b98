//! Shock index: heart rate divided by systolic pressure.
//!
//! Source: Allgöwer M, Burri C. Schockindex. Dtsch Med Wochenschr 1967;92:1947-50. Above 0.7 raised, above 0.9
//! high (Rady MY et al. Ann Emerg Med 1994;24:685-90).

use super::band::nearest;
use super::scored::{Guidance, Risk};

/// Above this many tenths the index is raised.
pub const RAISED_ABOVE_TENTHS: i64 = 7;
/// Above this many tenths the index is high.
pub const HIGH_ABOVE_TENTHS: i64 = 9;

/// The index has thresholds, not intervals; `from` does not apply to a ratio.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "as local policy says",
        response: "does not exclude shock; reassess when the patient changes",
    },
    Guidance {
        from: 0,
        risk: Risk::Medium,
        monitoring: "more often, as local policy says",
        response: "raised: assess for bleeding, hypovolaemia and sepsis",
    },
    Guidance {
        from: 0,
        risk: Risk::High,
        monitoring: "continuous, as local policy says",
        response: "high: urgent assessment for shock",
    },
];

/// The index, of charted (whole) values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShockIndex {
    /// The ratio; `None` when an input is missing.
    pub ratio: Option<f64>,
    /// Low, medium (raised) or high; unknown when an input is missing.
    pub risk: Risk,
    /// Whether the heart rate is missing.
    pub heart_rate_missing: bool,
    /// Whether the systolic pressure is missing (or not above 0, which has no ratio).
    pub systolic_missing: bool,
}

/// `heart_rate` in /min over `systolic` in mm\[Hg\]. `None`, NaN and infinity are missing. A value halfway between two
/// charted ones takes the one that gives the higher index.
#[inline]
pub fn score(heart_rate: Option<f64>, systolic: Option<f64>) -> ShockIndex {
    let heart_rate = heart_rate.and_then(nearest).map(|(_, upper)| upper);
    let systolic = systolic
        .and_then(nearest)
        .map(|(lower, _)| lower)
        .filter(|s| *s > 0);
    let risk = match (heart_rate, systolic) {
        // In whole numbers: 70 over 100 is exactly 0.7, and not raised.
        (Some(rate), Some(pressure)) => {
            let above = |tenths: i64| rate.saturating_mul(10) > pressure.saturating_mul(tenths);
            if above(HIGH_ABOVE_TENTHS) {
                Risk::High
            } else if above(RAISED_ABOVE_TENTHS) {
                Risk::Medium
            } else {
                Risk::Low
            }
        }
        _ => Risk::Unknown,
    };
    ShockIndex {
        ratio: heart_rate
            .zip(systolic)
            .map(|(rate, pressure)| rate as f64 / pressure as f64),
        risk,
        heart_rate_missing: heart_rate.is_none(),
        systolic_missing: systolic.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_themselves_are_below() {
        let at = |hr, sbp| score(Some(hr), Some(sbp)).risk;
        assert_eq!(at(70.0, 100.0), Risk::Low);
        assert_eq!(at(71.0, 100.0), Risk::Medium);
        assert_eq!(at(90.0, 100.0), Risk::Medium);
        assert_eq!(at(91.0, 100.0), Risk::High);
    }

    #[test]
    fn half_steps_go_towards_the_higher_index() {
        assert_eq!(score(Some(69.5), Some(100.5)).ratio, Some(0.7));
        assert_eq!(score(Some(70.5), Some(100.0)).risk, Risk::Medium);
    }

    #[test]
    fn without_a_pressure_there_is_no_index() {
        for pressure in [None, Some(f64::NAN), Some(0.0), Some(-5.0)] {
            let index = score(Some(80.0), pressure);
            assert_eq!((index.ratio, index.risk), (None, Risk::Unknown));
            assert!(index.systolic_missing && !index.heart_rate_missing);
        }
    }
}
