//! `Normalizer`.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use vigil_core::normalize;

use crate::boundary::{detached, lock, slices};
use crate::outcome::StageOutput;

/// Raw batches in, normalized batches out.
#[pyclass(frozen, module = "vigil._core")]
struct Normalizer {
    inner: Mutex<normalize::Normalizer>,
}

#[pymethods]
impl Normalizer {
    #[new]
    #[pyo3(signature = (batch_observations_max = 1000))]
    fn new(batch_observations_max: u32) -> Self {
        Self {
            inner: Mutex::new(normalize::Normalizer::new(batch_observations_max)),
        }
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
            let mut normalizer = lock(&self.inner);
            Ok(normalizer.process(
                topic,
                partition,
                &offsets,
                &slices(&values),
                process_time_us,
            ))
        })?;
        Ok(StageOutput { inner })
    }
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Normalizer>()
}
