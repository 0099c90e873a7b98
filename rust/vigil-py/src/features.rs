//! Names of the model's columns.

use pyo3::prelude::*;
use vigil_core::features;

#[pyfunction]
fn feature_names() -> Vec<String> {
    features::feature_names().to_vec()
}

#[pyfunction]
fn feature_schema() -> &'static str {
    features::schema()
}

#[pyfunction]
fn score_names() -> Vec<String> {
    features::score_names().to_vec()
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(feature_names, module)?)?;
    module.add_function(wrap_pyfunction!(feature_schema, module)?)?;
    module.add_function(wrap_pyfunction!(score_names, module)?)
}
