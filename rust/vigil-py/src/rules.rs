//! The rule language and rule files, as Python sees them.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vigil_core::rules::{listing, schema};

use crate::boundary::detached;

/// The JSON Schema of rule files, as JSON text.
#[pyfunction]
fn rules_schema(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &schema::rules_schema())
}

/// The rules of a rule file in words and as data, as JSON text.
#[pyfunction]
#[pyo3(signature = (rules, name = "rules.toml"))]
fn describe_rules<'py>(py: Python<'py>, rules: &str, name: &str) -> PyResult<Bound<'py, PyBytes>> {
    let made = detached(py, || listing::describe_rules(rules, name))?;
    Ok(PyBytes::new(py, &made))
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rules_schema, module)?)?;
    module.add_function(wrap_pyfunction!(describe_rules, module)?)
}
