//! PEWS, a paediatric early-warning score by configurable age bands.
//!
//! The default table is Bedside PEWS (`pews.toml`, with its source). Paediatric charts differ from hospital to
//! hospital: a score is worth nothing without the table's name and version.

use super::band::{points, Band};
pub use super::pews_table::{AgeBand, Effort, PewsTable, DEFAULT};
use super::scored::{Guidance, Risk, Scored};

/// Work of breathing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RespiratoryEffort {
    /// No increase.
    Normal,
    /// Mild increase.
    Mild,
    /// Moderate increase.
    Moderate,
    /// Severe increase, or any apnoea.
    Severe,
}

impl RespiratoryEffort {
    /// The level of its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "normal" => Self::Normal,
            "mild" => Self::Mild,
            "moderate" => Self::Moderate,
            "severe" => Self::Severe,
            _ => return None,
        })
    }

    const fn points(self, table: Effort) -> u8 {
        match self {
            Self::Normal => table.normal,
            Self::Mild => table.mild,
            Self::Moderate => table.moderate,
            Self::Severe => table.severe,
        }
    }
}

/// The threshold is the table's; what follows from it is the hospital's.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "as the hospital's paediatric chart says",
        response: "as the hospital's paediatric chart says",
    },
    Guidance {
        from: 0,
        risk: Risk::High,
        monitoring: "continuous, or as the hospital's paediatric chart says",
        response: "urgent review by the paediatric team; consider intensive care",
    },
];

/// What is known of the child, in canonical units. `None`, NaN and infinity are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PewsInput {
    /// Months; without it the three signs that depend on age are missing.
    pub age_months: Option<f64>,
    /// /min.
    pub heart_rate: Option<f64>,
    /// mm\[Hg\].
    pub systolic: Option<f64>,
    /// Seconds.
    pub capillary_refill: Option<f64>,
    /// /min.
    pub respiratory_rate: Option<f64>,
    /// Work of breathing.
    pub respiratory_effort: Option<RespiratoryEffort>,
    /// %.
    pub spo2: Option<f64>,
    /// Supplemental oxygen (true) or air (false); `true` alone does not say how much.
    pub on_oxygen: Option<bool>,
    /// L/min.
    pub o2_flow: Option<f64>,
    /// %.
    pub fio2: Option<f64>,
}

/// Scores what is known with `table`.
pub fn score(table: &PewsTable, input: &PewsInput) -> Scored<7> {
    let age = input.age_months.and_then(|months| table.band(months));
    let by_age = |bands: fn(&AgeBand) -> &[Band], value: Option<f64>| {
        age.zip(value)
            .and_then(|(band, v)| points(bands(band), v, 1.0))
    };
    let effort = input
        .respiratory_effort
        .map(|e| e.points(table.respiratory_effort));
    Scored::sum(
        [
            ("heart_rate", by_age(|b| &b.heart_rate, input.heart_rate)),
            ("systolic", by_age(|b| &b.systolic, input.systolic)),
            (
                "capillary_refill",
                input
                    .capillary_refill
                    .and_then(|v| points(&table.capillary_refill, v, 10.0)),
            ),
            (
                "respiratory_rate",
                by_age(|b| &b.respiratory_rate, input.respiratory_rate),
            ),
            ("respiratory_effort", effort),
            ("spo2", input.spo2.and_then(|v| points(&table.spo2, v, 1.0))),
            ("oxygen_therapy", oxygen(table, input)),
        ],
        table.high_from,
    )
}

/// Flow and concentration, whichever is worse. That oxygen is given says nothing of how much: then missing.
fn oxygen(table: &PewsTable, input: &PewsInput) -> Option<u8> {
    let flow = input.o2_flow.and_then(|v| points(&table.o2_flow, v, 10.0));
    let concentration = input.fio2.and_then(|v| points(&table.fio2, v, 1.0));
    match (input.on_oxygen, flow.max(concentration)) {
        (Some(true), Some(0)) => None,
        (Some(false), None) => Some(0),
        (_, given) => given,
    }
}

#[cfg(test)]
#[path = "pews_tests.rs"]
mod tests;
