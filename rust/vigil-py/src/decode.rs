//! `Admissions`, `Decoder` and `Acceptance`.

use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;
use vigil_core::decode;

use crate::boundary::detached;
use crate::outcome::records;

/// Which devices may send, and with which key. Shared by all requests of a gateway; thread-safe.
#[pyclass(frozen, module = "vigil._core")]
struct Admissions {
    inner: Arc<RwLock<decode::Admissions>>,
}

#[pymethods]
impl Admissions {
    #[new]
    fn new(require_keys: bool, allow_unknown: bool) -> Self {
        Self {
            inner: Arc::new(RwLock::new(decode::Admissions::new(
                require_keys,
                allow_unknown,
            ))),
        }
    }
    fn apply(&self, py: Python<'_>, response: PyBackedBytes) -> PyResult<()> {
        detached(py, || {
            let mut table = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            table.apply(&response)
        })
    }
    fn invalidate(&self, py: Python<'_>, device_ids: Vec<String>) -> PyResult<()> {
        detached(py, || {
            let mut table = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            table.invalidate(&device_ids);
            Ok(())
        })
    }
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || {
            self.inner
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            Ok(())
        })
    }
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || {
            Ok(self
                .inner
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .len())
        })
    }
}

/// What the gateway may say, once the log has `records`.
#[pyclass(frozen, module = "vigil._core")]
struct Acceptance {
    inner: decode::Acceptance,
}

#[pymethods]
impl Acceptance {
    #[getter]
    fn status(&self) -> u16 {
        self.inner.status
    }
    #[getter]
    fn content_type(&self) -> &'static str {
        self.inner.content_type
    }
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.body)
    }
    #[getter]
    fn records<'py>(&self, py: Python<'py>) -> Vec<(u32, u32, Bound<'py, PyBytes>)> {
        records(py, &self.inner.records)
    }
    #[getter]
    fn accepted(&self) -> u64 {
        self.inner.accepted
    }
    #[getter]
    fn rejected(&self) -> u64 {
        self.inner.rejected
    }
    #[getter]
    fn error_counts(&self) -> Vec<(&'static str, u64)> {
        self.inner.error_counts.clone()
    }
    #[getter]
    fn unknown_devices(&self) -> Vec<String> {
        self.inner.unknown_devices.clone()
    }
}

/// The gateway's core: what the device said, accepted or refused item by item.
#[pyclass(frozen, module = "vigil._core")]
struct Decoder {
    inner: decode::Decoder,
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (admissions, partitions, max_items = 10_000))]
    fn new(admissions: &Bound<'_, Admissions>, partitions: u32, max_items: usize) -> Self {
        let admissions = Arc::clone(&admissions.get().inner);
        Self {
            inner: decode::Decoder::new(admissions, partitions, max_items),
        }
    }
    fn accept_json(
        &self,
        py: Python<'_>,
        body: PyBackedBytes,
        key: Option<PyBackedStr>,
        traceparent: Option<PyBackedStr>,
        ingest_time_us: i64,
    ) -> PyResult<Acceptance> {
        let inner = detached(py, || {
            Ok(self.inner.accept_json(
                &body,
                key.as_deref(),
                traceparent.as_deref(),
                ingest_time_us,
            ))
        })?;
        Ok(Acceptance { inner })
    }
    fn accept_grpc(
        &self,
        py: Python<'_>,
        request: PyBackedBytes,
        key: Option<PyBackedStr>,
        traceparent: Option<PyBackedStr>,
        ingest_time_us: i64,
    ) -> PyResult<Acceptance> {
        let inner = detached(py, || {
            Ok(self.inner.accept_grpc(
                &request,
                key.as_deref(),
                traceparent.as_deref(),
                ingest_time_us,
            ))
        })?;
        Ok(Acceptance { inner })
    }
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Admissions>()?;
    module.add_class::<Acceptance>()?;
    module.add_class::<Decoder>()
}
