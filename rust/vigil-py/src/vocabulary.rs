//! The vocabulary, ids and version as Python sees them.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use vigil_core::ids;
use vigil_core::vocabulary::TABLE;

/// The version of the core.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The partition of a device or patient key.
#[pyfunction]
fn partition_of(key: &str, partitions: u32) -> u32 {
    ids::partition_of(key, partitions)
}

/// A deterministic id of length-prefixed parts.
#[pyfunction]
fn derive_id<'py>(py: Python<'py>, domain: &str, parts: Vec<PyBackedBytes>) -> Bound<'py, PyBytes> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
    PyBytes::new(py, &ids::derive(domain, &parts))
}

/// One dict a sign: field, unit, loinc, mdc, `plausible_low`, `plausible_high`, aliases.
#[pyfunction]
fn vocabulary(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    TABLE
        .iter()
        .map(|entry| {
            let dict = PyDict::new(py);
            dict.set_item("field", entry.sign.field())?;
            dict.set_item("unit", entry.sign.unit())?;
            dict.set_item("loinc", entry.loinc)?;
            dict.set_item("mdc", entry.mdc)?;
            dict.set_item("plausible_low", entry.plausible.0)?;
            dict.set_item("plausible_high", entry.plausible.1)?;
            dict.set_item("aliases", entry.aliases)?;
            Ok(dict)
        })
        .collect()
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(partition_of, module)?)?;
    module.add_function(wrap_pyfunction!(derive_id, module)?)?;
    module.add_function(wrap_pyfunction!(vocabulary, module)?)
}
