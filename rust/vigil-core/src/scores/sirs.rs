//! SIRS, the criteria of the systemic inflammatory response syndrome.
//!
//! Source: Bone RC et al. Definitions for sepsis and organ failure (ACCP/SCCM Consensus Conference).
//! Chest 1992;101:1644-55. A monitor sees three of the four criteria; without the white cells from the
//! laboratory the score is partial. The alternatives `PaCO2` < 32 mm\[Hg\] and > 10 % immature neutrophils are not read.

use super::band::{above, points, up_to, Band};
use super::scored::{Guidance, Risk, Row, Scored};

/// Tenths of a degree Celsius: above 38 or below 36.
const TEMPERATURE: &[Band] = &[up_to(359, 1), up_to(380, 0), above(1)];
/// More than 90 beats per minute.
const HEART_RATE: &[Band] = &[up_to(90, 0), above(1)];
/// More than 20 breaths per minute.
const RESPIRATORY_RATE: &[Band] = &[up_to(20, 0), above(1)];
/// Tenths of 10⁹ cells per litre: above 12 or below 4.
const WHITE_CELL_COUNT: &[Band] = &[up_to(39, 1), up_to(120, 0), above(1)];
/// Criteria met for SIRS.
const HIGH_FROM: u8 = 2;

/// The whole table.
pub const TABLE: &[Row] = &[
    Row::of("temperature", "Cel", TEMPERATURE).tenths(),
    Row::of("heart_rate", "/min", HEART_RATE),
    Row::of("respiratory_rate", "/min", RESPIRATORY_RATE),
    Row::of("white_cell_count", "10*9/L", WHITE_CELL_COUNT).tenths(),
];

/// The definition names no response; these are the questions it raises.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "as local policy says",
        response: "fewer than two criteria are known to be met",
    },
    Guidance {
        from: HIGH_FROM,
        risk: Risk::High,
        monitoring: "more often, as local policy says",
        response: "criteria met: look for infection and other causes; with suspected infection, the sepsis pathway",
    },
];

/// What is known of the patient, in canonical units. `None`, NaN and infinity are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SirsInput {
    /// °C.
    pub temperature: Option<f64>,
    /// /min.
    pub heart_rate: Option<f64>,
    /// /min.
    pub respiratory_rate: Option<f64>,
    /// 10⁹/L.
    pub white_cell_count: Option<f64>,
}

/// Counts the criteria known to be met: 0 … 4, high (SIRS) from 2.
#[inline]
pub fn score(input: &SirsInput) -> Scored<4> {
    let banded =
        |bands: &[Band], value: Option<f64>, steps| value.and_then(|v| points(bands, v, steps));
    Scored::sum(
        [
            ("temperature", banded(TEMPERATURE, input.temperature, 10.0)),
            ("heart_rate", banded(HEART_RATE, input.heart_rate, 1.0)),
            (
                "respiratory_rate",
                banded(RESPIRATORY_RATE, input.respiratory_rate, 1.0),
            ),
            (
                "white_cell_count",
                banded(WHITE_CELL_COUNT, input.white_cell_count, 10.0),
            ),
        ],
        HIGH_FROM,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_themselves_are_normal() {
        let scored = score(&SirsInput {
            temperature: Some(38.0),
            heart_rate: Some(90.0),
            respiratory_rate: Some(20.0),
            white_cell_count: Some(12.0),
        });
        assert_eq!(
            (scored.total, scored.risk, scored.partial),
            (0, Risk::Low, false)
        );
    }

    #[test]
    fn vital_signs_alone_are_the_known_part() {
        let scored = score(&SirsInput {
            temperature: Some(38.1),
            heart_rate: Some(91.0),
            respiratory_rate: Some(21.0),
            white_cell_count: None,
        });
        assert_eq!(
            (scored.total, scored.risk, scored.partial),
            (3, Risk::High, true)
        );
    }
}
