//! `score_news2`: one patient at a time, for tests and tools. The engine scores in Rust.

use pyo3::prelude::*;
use vigil_core::error::{Error, ErrorCode};
use vigil_core::scores::news2::{score, Input, News2Input};
use vigil_core::scores::Consciousness;

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
    let consciousness = consciousness
        .map(|letter| {
            Consciousness::from_letter(letter)
                .ok_or_else(|| invalid("consciousness", "one of A, C, V, P, U"))
        })
        .transpose()?;
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

fn invalid(field: &str, message: &str) -> PyErr {
    to_python(&Error::new(ErrorCode::InvalidText, field, message))
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(score_news2, module)?)
}
