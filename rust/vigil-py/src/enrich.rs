//! `ContextTable` and `Enricher`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use vigil_core::{context, enrich};

use crate::boundary::{detached, slices};
use crate::outcome::StageOutput;

/// device → links → patient context, with point-in-time look-up. Thread-safe.
#[pyclass(frozen, module = "vigil._core")]
struct ContextTable {
    inner: Arc<context::ContextTable>,
}

#[pymethods]
impl ContextTable {
    #[new]
    fn new() -> Self {
        Self {
            inner: Arc::default(),
        }
    }
    fn apply(&self, py: Python<'_>, response: PyBackedBytes) -> PyResult<usize> {
        detached(py, || self.inner.apply(&response))
    }
    fn invalidate(&self, py: Python<'_>, device_ids: Vec<String>) -> PyResult<()> {
        detached(py, || {
            self.inner.invalidate(&device_ids);
            Ok(())
        })
    }
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || {
            self.inner.clear();
            Ok(())
        })
    }
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || Ok(self.inner.len()))
    }
}

/// Joins observations with a `ContextTable`.
#[pyclass(frozen, module = "vigil._core")]
struct Enricher {
    inner: enrich::Enricher,
}

#[pymethods]
impl Enricher {
    #[new]
    #[pyo3(signature = (table, partitions, batch_observations_max = 1000))]
    fn new(table: &Bound<'_, ContextTable>, partitions: u32, batch_observations_max: u32) -> Self {
        let table = Arc::clone(&table.get().inner);
        Self {
            inner: enrich::Enricher::new(table, partitions, batch_observations_max),
        }
    }
    fn missing(&self, py: Python<'_>, values: Vec<PyBackedBytes>) -> PyResult<Vec<String>> {
        detached(py, || Ok(self.inner.missing(&slices(&values))))
    }
    fn process(
        &self,
        py: Python<'_>,
        topic: &str,
        partition: u32,
        offsets: Vec<i64>,
        values: Vec<PyBackedBytes>,
        process_time_us: i64,
    ) -> PyResult<StageOutput> {
        let inner = detached(py, || {
            let values = slices(&values);
            Ok(self
                .inner
                .process(topic, partition, &offsets, &values, process_time_us))
        })?;
        Ok(StageOutput { inner })
    }
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ContextTable>()?;
    module.add_class::<Enricher>()
}
