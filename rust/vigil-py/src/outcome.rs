//! `StageOutput`: a core outcome as Python sees it.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vigil_core::outcome::{Dead, Outcome, Record};

/// Records as `[(partition, observations, bytes)]`.
pub fn records<'py>(py: Python<'py>, records: &[Record]) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
    records
        .iter()
        .map(|r| (r.partition, r.observations, PyBytes::new(py, &r.value)))
        .collect()
}

/// Dead letters as `[(index, observations, bytes)]`.
pub fn dead_letters<'py>(py: Python<'py>, dead: &[Dead]) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
    dead.iter()
        .map(|d| (d.record, d.observations, PyBytes::new(py, &d.value)))
        .collect()
}

/// What a stage made of a batch.
#[pyclass(frozen, module = "vigil._core")]
pub struct StageOutput {
    /// The core's own outcome.
    pub inner: Outcome,
}

#[pymethods]
impl StageOutput {
    #[getter]
    fn records<'py>(&self, py: Python<'py>) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
        records(py, &self.inner.records)
    }
    #[getter]
    fn dead_letters<'py>(&self, py: Python<'py>) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
        dead_letters(py, &self.inner.dead_letters)
    }
    #[getter]
    fn observations_in(&self) -> u64 {
        self.inner.observations_in
    }
    #[getter]
    fn observations_out(&self) -> u64 {
        self.inner.observations_out
    }
    #[getter]
    fn dead_lettered(&self) -> u64 {
        self.inner.dead_lettered
    }
    #[getter]
    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.inner.counts.iter().map(|(k, v)| (*k, *v)).collect()
    }
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StageOutput>()
}
