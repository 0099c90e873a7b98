//! qSOFA, the quick Sepsis-related Organ Failure Assessment.
//!
//! Source: Singer M et al. The Third International Consensus Definitions for Sepsis and Septic Shock
//! (Sepsis-3). JAMA 2016;315:801-10. Altered mentation is any level but alert.

use super::band::{above, points, up_to, Band};
use super::scored::{of_level, Guidance, Risk, Row, Scored};
use super::Consciousness;

/// 22 breaths per minute or more.
const RESPIRATORY_RATE: &[Band] = &[up_to(21, 0), above(1)];
/// 100 mm\[Hg\] or less.
const SYSTOLIC: &[Band] = &[up_to(100, 1), above(0)];
/// Altered mentation.
const CONSCIOUSNESS: &[(&str, u8)] = &[("A", 0), ("C", 1), ("V", 1), ("P", 1), ("U", 1)];
/// Positive.
const HIGH_FROM: u8 = 2;

/// The whole table.
pub const TABLE: &[Row] = &[
    Row::of("respiratory_rate", "/min", RESPIRATORY_RATE),
    Row::of("systolic", "mm[Hg]", SYSTOLIC),
    Row::levels("consciousness", CONSCIOUSNESS),
];

/// The source's own advice for a positive score.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "as local policy says",
        response: "does not exclude sepsis; reassess when the patient changes",
    },
    Guidance {
        from: HIGH_FROM,
        risk: Risk::High,
        monitoring: "more often, as local policy says",
        response: "look for organ dysfunction and infection; start or escalate therapy; consider critical care referral",
    },
];

/// What is known of the patient, in canonical units. `None`, NaN and infinity are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QsofaInput {
    /// /min.
    pub respiratory_rate: Option<f64>,
    /// mm\[Hg\].
    pub systolic: Option<f64>,
    /// ACVPU.
    pub consciousness: Option<Consciousness>,
}

/// Scores what is known: 0 … 3, high (positive) from 2.
#[inline]
pub fn score(input: &QsofaInput) -> Scored<3> {
    let whole = |bands: &[Band], value: Option<f64>| value.and_then(|v| points(bands, v, 1.0));
    let consciousness = input.consciousness.and_then(|l| of_level(CONSCIOUSNESS, l));
    Scored::sum(
        [
            (
                "respiratory_rate",
                whole(RESPIRATORY_RATE, input.respiratory_rate),
            ),
            ("systolic", whole(SYSTOLIC, input.systolic)),
            ("consciousness", consciousness),
        ],
        HIGH_FROM,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_are_inclusive() {
        let at = |rr, sbp| {
            score(&QsofaInput {
                respiratory_rate: Some(rr),
                systolic: Some(sbp),
                consciousness: Some(Consciousness::Alert),
            })
        };
        assert_eq!(
            (at(22.0, 100.0).total, at(22.0, 100.0).risk),
            (2, Risk::High)
        );
        assert_eq!(
            (at(21.0, 101.0).total, at(21.0, 101.0).risk),
            (0, Risk::Low)
        );
    }

    #[test]
    fn a_positive_score_is_positive_although_one_input_is_missing() {
        let scored = score(&QsofaInput {
            respiratory_rate: Some(30.0),
            systolic: Some(80.0),
            consciousness: None,
        });
        assert_eq!((scored.risk, scored.partial), (Risk::High, true));
    }
}
