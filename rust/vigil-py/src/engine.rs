//! `Engine`, `Pending` and `EngineOutput`.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use vigil_core::engine::{
    self,
    explain::{Beside, Heard},
};
use vigil_core::sign::Sign;

use crate::boundary::{detached, lock, slices, to_python};
use crate::outcome::{dead_letters, records};

/// Rows waiting for their scores.
#[pyclass(frozen, module = "vigil._core")]
struct Pending {
    inner: Mutex<engine::Pending>,
}

#[pymethods]
impl Pending {
    #[getter]
    fn rows(&self) -> usize {
        lock(&self.inner).rows()
    }
    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let pending = lock(&self.inner);
        let features = pending.features();
        PyBytes::new_with(py, size_of_val(features), |bytes| {
            for (slot, value) in bytes.chunks_exact_mut(4).zip(features) {
                slot.copy_from_slice(&value.to_le_bytes());
            }
            Ok(())
        })
    }
}

/// What became of a batch.
#[pyclass(frozen, module = "vigil._core")]
struct EngineOutput {
    inner: engine::EngineOutcome,
}

/// An alert as Python sees it: partition, key, encoded event.
type Alert<'py> = (u32, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[pymethods]
impl EngineOutput {
    #[getter]
    fn scored<'py>(&self, py: Python<'py>) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
        records(py, &self.inner.outcome.records)
    }
    #[getter]
    fn alerts<'py>(&self, py: Python<'py>) -> Vec<Alert<'py>> {
        let alerts = self.inner.alerts.iter();
        alerts
            .map(|a| {
                let (key, value) = (PyBytes::new(py, &a.key), PyBytes::new(py, &a.value));
                (a.partition, key, value)
            })
            .collect()
    }
    #[getter]
    fn dead_letters<'py>(&self, py: Python<'py>) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
        dead_letters(py, &self.inner.outcome.dead_letters)
    }
    #[getter]
    fn observations_in(&self) -> u64 {
        self.inner.outcome.observations_in
    }
    #[getter]
    fn observations_out(&self) -> u64 {
        self.inner.outcome.observations_out
    }
    #[getter]
    fn dead_lettered(&self) -> u64 {
        self.inner.outcome.dead_lettered
    }
    #[getter]
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.inner.outcome.counts.iter();
        counts.map(|(name, count)| (*name, *count)).collect()
    }
}

/// Rules, scores and alarm state of the partitions this process owns.
#[pyclass(frozen, module = "vigil._core")]
struct Engine {
    inner: Mutex<engine::Engine>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (rules_toml, batch_observations_max = 1000, rules_name = "rules.toml"))]
    fn new(rules_toml: &str, batch_observations_max: u32, rules_name: &str) -> PyResult<Self> {
        let inner = engine::Engine::named(rules_toml, batch_observations_max, rules_name)
            .map_err(|error| to_python(&error))?;
        Ok(Self {
            inner: Mutex::new(inner),
        })
    }
    #[getter]
    fn rule_set_version(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || Ok(lock(&self.inner).rule_set_version().to_owned()))
    }
    fn reload(&self, py: Python<'_>, rules_toml: &str) -> PyResult<()> {
        detached(py, || lock(&self.inner).reload(rules_toml))
    }
    fn begin(
        &self,
        py: Python<'_>,
        topic: &str,
        partition: u32,
        offsets: Vec<i64>,
        values: Vec<PyBackedBytes>,
        process_time_us: i64,
    ) -> PyResult<Pending> {
        let inner = detached(py, || {
            let values = slices(&values);
            lock(&self.inner).begin(topic, partition, &offsets, &values, process_time_us)
        })?;
        Ok(Pending {
            inner: Mutex::new(inner),
        })
    }
    fn finish(
        &self,
        py: Python<'_>,
        pending: &Bound<'_, Pending>,
        scores: Option<PyBackedBytes>,
        model_version: &str,
        process_time_us: i64,
    ) -> PyResult<EngineOutput> {
        let pending = pending.get();
        let inner = detached(py, || {
            let mut pending = lock(&pending.inner);
            let scores = scores.as_deref();
            lock(&self.inner).finish(&mut pending, scores, model_version, process_time_us)
        })?;
        Ok(EngineOutput { inner })
    }
    fn assign(&self, py: Python<'_>, partition: u32) -> PyResult<()> {
        detached(py, || {
            lock(&self.inner).assign(partition);
            Ok(())
        })
    }
    fn restore(
        &self,
        py: Python<'_>,
        partition: u32,
        segments: Vec<PyBackedBytes>,
    ) -> PyResult<i64> {
        detached(py, || {
            lock(&self.inner).restore(partition, &slices(&segments))
        })
    }
    fn drop(&self, py: Python<'_>, partition: u32) -> PyResult<()> {
        detached(py, || {
            lock(&self.inner).forget(partition);
            Ok(())
        })
    }
    fn checkpoint<'py>(
        &self,
        py: Python<'py>,
        partition: u32,
        next_offset: i64,
        full: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let segment = detached(py, || {
            Ok(lock(&self.inner).checkpoint(partition, next_offset, full))
        })?;
        Ok(PyBytes::new(py, &segment))
    }
    fn due_us(&self, py: Python<'_>, partition: u32) -> PyResult<Option<i64>> {
        detached(py, || Ok(lock(&self.inner).due_us(partition)))
    }
    #[pyo3(signature = (partition, patient_id, device_id, at_us, heard=Vec::new(), scores=Vec::new()))]
    #[allow(clippy::too_many_arguments)] // as the caller writes them
    fn explain<'py>(
        &self,
        py: Python<'py>,
        partition: u32,
        patient_id: &str,
        device_id: &str,
        at_us: i64,
        heard: Vec<(String, u32, f64, i64)>,
        scores: Vec<f32>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let beside = beside(heard, &scores);
        let standing = detached(py, || {
            Ok(lock(&self.inner).explain(partition, patient_id, device_id, at_us, &beside))
        })?;
        Ok(standing.map(|json| PyBytes::new(py, &json)))
    }
    fn held_offset(&self, py: Python<'_>, partition: u32) -> PyResult<Option<i64>> {
        detached(py, || Ok(lock(&self.inner).held_offset(partition)))
    }
    fn patients(&self, py: Python<'_>, partition: u32) -> PyResult<usize> {
        detached(py, || Ok(lock(&self.inner).patients(partition)))
    }
    fn state_bytes(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || Ok(lock(&self.inner).state_bytes()))
    }
}

/// What whoever asks for an explanation knows; signs that do not exist are left out, and what is not a number is no score.
fn beside(heard: Vec<(String, u32, f64, i64)>, scores: &[f32]) -> Beside {
    let heard = heard
        .into_iter()
        .filter_map(|(device_type, sign, value, time_us)| {
            Some(Heard {
                device_type,
                sign: Sign::from_number(sign.into())?,
                value,
                time_us,
            })
        });
    let mut beside = Beside {
        heard: heard.collect(),
        ..Beside::default()
    };
    for (slot, score) in beside.scores.iter_mut().zip(scores) {
        *slot = (!score.is_nan()).then_some(*score);
    }
    beside
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_class::<EngineOutput>()?;
    module.add_class::<Pending>()
}
