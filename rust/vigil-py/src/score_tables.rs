//! The scores' tables as data, for the documentation, and what a total asks for.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vigil_core::error::{Error, ErrorCode};
use vigil_core::scores::scored::{guidance, Guidance, Risk, Row};
use vigil_core::scores::{mews, news2, pews, qsofa, shock_index, sirs, Band};

use crate::boundary::to_python;

/// Scores with a fixed table. The shock index has thresholds only.
const SCORES: &[(&str, &[Row], &[Guidance])] = &[
    ("news2", news2::TABLE, news2::GUIDANCE),
    ("mews", mews::TABLE, mews::GUIDANCE),
    ("qsofa", qsofa::TABLE, qsofa::GUIDANCE),
    ("sirs", sirs::TABLE, sirs::GUIDANCE),
    ("shock_index", &[], shock_index::GUIDANCE),
    ("pews", &[], pews::GUIDANCE),
];
const RISKS: &[Risk] = &[
    Risk::Unknown,
    Risk::Low,
    Risk::LowMedium,
    Risk::Medium,
    Risk::High,
];

fn of_score(score: &str) -> PyResult<&'static (&'static str, &'static [Row], &'static [Guidance])> {
    SCORES
        .iter()
        .find(|(name, ..)| *name == score)
        .ok_or_else(|| unknown("score", score))
}

fn unknown(field: &str, text: &str) -> PyErr {
    let message = format!("'{text}' is not known");
    to_python(&Error::new(ErrorCode::InvalidText, field, message))
}

/// Bands as `(up to and including, points)`, the last without an end.
pub fn bands(bands: &[Band], steps_per_unit: f64) -> Vec<(Option<f64>, u8)> {
    let end = |step: i64| (step != i64::MAX).then(|| step as f64 / steps_per_unit);
    bands
        .iter()
        .map(|band| (end(band.up_to), band.points))
        .collect()
}

/// One dict a row: field, when, unit, step, bands, levels.
#[pyfunction]
fn score_table<'py>(py: Python<'py>, score: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let (_, rows, _) = of_score(score)?;
    rows.iter()
        .map(|row| {
            let dict = PyDict::new(py);
            dict.set_item("field", row.field)?;
            dict.set_item("when", row.when)?;
            dict.set_item("unit", row.unit)?;
            dict.set_item("step", 1.0 / row.steps_per_unit)?;
            dict.set_item("bands", bands(row.bands, row.steps_per_unit))?;
            dict.set_item("levels", row.levels.to_vec())?;
            Ok(dict)
        })
        .collect()
}

/// All guidance of a score: (from, risk, monitoring, response).
#[pyfunction]
fn score_guidance_table(
    score: &str,
) -> PyResult<Vec<(u8, &'static str, &'static str, &'static str)>> {
    let (_, _, table) = of_score(score)?;
    Ok(table
        .iter()
        .map(|g| (g.from, g.risk.text(), g.monitoring, g.response))
        .collect())
}

/// (monitoring, response) for a total of this risk.
#[pyfunction]
fn score_guidance(score: &str, total: u8, risk: &str) -> PyResult<(&'static str, &'static str)> {
    let (_, _, table) = of_score(score)?;
    let risk = RISKS
        .iter()
        .find(|known| known.text() == risk)
        .ok_or_else(|| unknown("risk", risk))?;
    let found = guidance(table, total, *risk);
    Ok((found.monitoring, found.response))
}

/// Whether NEWS2 may be used: not under 16 years, not in pregnancy.
#[pyfunction]
fn news2_applicable(age_years: Option<f64>, pregnant: bool) -> bool {
    // Whole years: at 15.9 the patient is 15. What is not finite is unknown.
    let whole = age_years
        .filter(|age| age.is_finite())
        .map(|age| age as u32);
    news2::applicable(whole, pregnant)
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(score_table, module)?)?;
    module.add_function(wrap_pyfunction!(score_guidance_table, module)?)?;
    module.add_function(wrap_pyfunction!(score_guidance, module)?)?;
    module.add_function(wrap_pyfunction!(news2_applicable, module)?)
}
