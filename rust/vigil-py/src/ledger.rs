//! `Ledger`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use vigil_core::ledger;

use crate::boundary::{detached, lock, slices};

/// Counts distinct observations per stage by event id.
#[pyclass(frozen, module = "vigil._core")]
struct Ledger {
    inner: Mutex<ledger::Ledger>,
}

#[pymethods]
impl Ledger {
    #[new]
    fn new() -> Self {
        Self {
            inner: Mutex::default(),
        }
    }
    fn add(&self, py: Python<'_>, stage: &str, values: Vec<PyBackedBytes>) -> PyResult<()> {
        detached(py, || lock(&self.inner).add(stage, &slices(&values)))
    }
    fn report(&self, py: Python<'_>) -> PyResult<BTreeMap<&'static str, ledger::Counts>> {
        detached(py, || Ok(lock(&self.inner).report()))
    }
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ledger>()
}
