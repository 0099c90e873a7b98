//! `score_…`: one patient at a time, for tests and tools. The engine scores in Rust.

use pyo3::prelude::*;
use vigil_core::error::{Error, ErrorCode};
use vigil_core::scores::news2::{score, Input, News2Input};
use vigil_core::scores::{mews, qsofa, shock_index, sirs, Consciousness, Scored};

use crate::boundary::to_python;

/// Total, partial, single three, sub-scores, missing inputs, risk.
type News2Result = (
    u8,
    bool,
    bool,
    Vec<(&'static str, u8)>,
    Vec<&'static str>,
    &'static str,
);

#[pyfunction]
#[pyo3(signature = (respiratory_rate, spo2, spo2_scale, on_oxygen, systolic, heart_rate, consciousness, temperature))]
#[allow(clippy::too_many_arguments)] // the score's own inputs
fn score_news2(
    respiratory_rate: Option<f64>,
    spo2: Option<f64>,
    spo2_scale: u8,
    on_oxygen: Option<bool>,
    systolic: Option<f64>,
    heart_rate: Option<f64>,
    consciousness: Option<&str>,
    temperature: Option<f64>,
) -> PyResult<News2Result> {
    if spo2_scale > 2 {
        return Err(invalid("spo2_scale", "SpO2 scale is 1 or 2"));
    }
    let consciousness = level(consciousness)?;
    let news2 = score(&News2Input {
        respiratory_rate,
        spo2,
        systolic,
        heart_rate,
        temperature,
        on_oxygen,
        consciousness,
        spo2_scale,
    });
    let subscores = news2
        .subscores
        .iter()
        .filter_map(|(input, points)| points.map(|p| (input.field(), p)))
        .collect();
    let missing = news2.missing().map(Input::field).collect();
    Ok((
        news2.total,
        news2.partial,
        news2.single_three,
        subscores,
        missing,
        news2.risk.text(),
    ))
}

/// Total, partial, sub-scores, missing inputs, risk.
pub type Plain = (
    u8,
    bool,
    Vec<(&'static str, u8)>,
    Vec<&'static str>,
    &'static str,
);

/// A score as Python takes it.
pub fn plain<const N: usize>(scored: &Scored<N>) -> Plain {
    let subscores = scored
        .subscores
        .iter()
        .filter_map(|(field, points)| points.map(|p| (*field, p)))
        .collect();
    (
        scored.total,
        scored.partial,
        subscores,
        scored.missing().collect(),
        scored.risk.text(),
    )
}

#[pyfunction]
#[pyo3(signature = (respiratory_rate, heart_rate, systolic, temperature, consciousness))]
fn score_mews(
    respiratory_rate: Option<f64>,
    heart_rate: Option<f64>,
    systolic: Option<f64>,
    temperature: Option<f64>,
    consciousness: Option<&str>,
) -> PyResult<Plain> {
    Ok(plain(&mews::score(&mews::MewsInput {
        respiratory_rate,
        heart_rate,
        systolic,
        temperature,
        consciousness: level(consciousness)?,
    })))
}

#[pyfunction]
#[pyo3(signature = (respiratory_rate, systolic, consciousness))]
fn score_qsofa(
    respiratory_rate: Option<f64>,
    systolic: Option<f64>,
    consciousness: Option<&str>,
) -> PyResult<Plain> {
    Ok(plain(&qsofa::score(&qsofa::QsofaInput {
        respiratory_rate,
        systolic,
        consciousness: level(consciousness)?,
    })))
}

#[pyfunction]
#[pyo3(signature = (temperature, heart_rate, respiratory_rate, white_cell_count))]
fn score_sirs(
    temperature: Option<f64>,
    heart_rate: Option<f64>,
    respiratory_rate: Option<f64>,
    white_cell_count: Option<f64>,
) -> Plain {
    plain(&sirs::score(&sirs::SirsInput {
        temperature,
        heart_rate,
        respiratory_rate,
        white_cell_count,
    }))
}

/// Ratio, missing inputs, risk.
#[pyfunction]
#[pyo3(signature = (heart_rate, systolic))]
fn score_shock_index(
    heart_rate: Option<f64>,
    systolic: Option<f64>,
) -> (Option<f64>, Vec<&'static str>, &'static str) {
    let index = shock_index::score(heart_rate, systolic);
    let missing = [
        ("heart_rate", index.heart_rate_missing),
        ("systolic", index.systolic_missing),
    ];
    let missing = missing
        .into_iter()
        .filter_map(|(field, is_missing)| is_missing.then_some(field));
    (index.ratio, missing.collect(), index.risk.text())
}

fn level(letter: Option<&str>) -> PyResult<Option<Consciousness>> {
    letter
        .map(|letter| {
            Consciousness::from_letter(letter)
                .ok_or_else(|| invalid("consciousness", "one of A, C, V, P, U"))
        })
        .transpose()
}

/// An argument that is no such thing.
pub fn invalid(field: &str, message: &str) -> PyErr {
    to_python(&Error::new(ErrorCode::InvalidText, field, message))
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(score_news2, module)?)?;
    module.add_function(wrap_pyfunction!(score_mews, module)?)?;
    module.add_function(wrap_pyfunction!(score_qsofa, module)?)?;
    module.add_function(wrap_pyfunction!(score_sirs, module)?)?;
    module.add_function(wrap_pyfunction!(score_shock_index, module)?)
}
