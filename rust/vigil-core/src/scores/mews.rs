//! MEWS, the Modified Early Warning Score.
//!
//! Source: Subbe CP, Kruger M, Rutherford P, Gemmel L. Validation of a modified Early Warning Score in
//! medical admissions. QJM 2001;94:521-6. New confusion, which that paper does not know, scores as voice.

use super::band::{above, points, up_to, Band};
use super::scored::{of_level, Guidance, Risk, Row, Scored};
use super::Consciousness;

/// Breaths per minute.
const RESPIRATORY_RATE: &[Band] = &[
    up_to(8, 2),
    up_to(14, 0),
    up_to(20, 1),
    up_to(29, 2),
    above(3),
];
/// Beats per minute.
const HEART_RATE: &[Band] = &[
    up_to(40, 2),
    up_to(50, 1),
    up_to(100, 0),
    up_to(110, 1),
    up_to(129, 2),
    above(3),
];
/// Millimetres of mercury.
const SYSTOLIC: &[Band] = &[
    up_to(70, 3),
    up_to(80, 2),
    up_to(100, 1),
    up_to(199, 0),
    above(2),
];
/// Tenths of a degree Celsius.
const TEMPERATURE: &[Band] = &[up_to(349, 2), up_to(384, 0), above(2)];
/// Level of consciousness.
const CONSCIOUSNESS: &[(&str, u8)] = &[("A", 0), ("C", 1), ("V", 1), ("P", 2), ("U", 3)];
/// "A score of 5 or more was associated with increased risk of death" (Subbe 2001).
const HIGH_FROM: u8 = 5;

/// The whole table.
pub const TABLE: &[Row] = &[
    Row::of("respiratory_rate", "/min", RESPIRATORY_RATE),
    Row::of("heart_rate", "/min", HEART_RATE),
    Row::of("systolic", "mm[Hg]", SYSTOLIC),
    Row::of("temperature", "Cel", TEMPERATURE).tenths(),
    Row::levels("consciousness", CONSCIOUSNESS),
];

/// The source names a threshold, not an interval.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "as local policy says",
        response: "continue routine observation",
    },
    Guidance {
        from: HIGH_FROM,
        risk: Risk::High,
        monitoring: "more often, as local policy says",
        response: "urgent medical review; consider a higher level of care",
    },
];

/// What is known of the patient, in canonical units. `None`, NaN and infinity are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MewsInput {
    /// /min.
    pub respiratory_rate: Option<f64>,
    /// /min.
    pub heart_rate: Option<f64>,
    /// mm\[Hg\].
    pub systolic: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
    /// ACVPU.
    pub consciousness: Option<Consciousness>,
}

/// Scores what is known: 0 … 14.
#[inline]
pub fn score(input: &MewsInput) -> Scored<5> {
    let whole = |bands: &[Band], value: Option<f64>| value.and_then(|v| points(bands, v, 1.0));
    let temperature = input.temperature.and_then(|v| points(TEMPERATURE, v, 10.0));
    let consciousness = input.consciousness.and_then(|l| of_level(CONSCIOUSNESS, l));
    Scored::sum(
        [
            (
                "respiratory_rate",
                whole(RESPIRATORY_RATE, input.respiratory_rate),
            ),
            ("heart_rate", whole(HEART_RATE, input.heart_rate)),
            ("systolic", whole(SYSTOLIC, input.systolic)),
            ("temperature", temperature),
            ("consciousness", consciousness),
        ],
        HIGH_FROM,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_patient_scores_fourteen() {
        let worst = score(&MewsInput {
            respiratory_rate: Some(30.0),
            heart_rate: Some(130.0),
            systolic: Some(70.0),
            temperature: Some(38.5),
            consciousness: Some(Consciousness::Unresponsive),
        });
        assert_eq!(
            (worst.total, worst.risk, worst.partial),
            (14, Risk::High, false)
        );
    }

    #[test]
    fn a_temperature_of_exactly_35_is_normal() {
        let at = |t| {
            score(&MewsInput {
                temperature: Some(t),
                ..MewsInput::default()
            })
            .total
        };
        assert_eq!(
            (at(34.9), at(34.95), at(35.0), at(38.4), at(38.45)),
            (2, 2, 0, 0, 2)
        );
    }
}
