//! `ScoredColumns` and `scored_columns`.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use vigil_core::columns;

use crate::boundary::{detached, slices, to_python};

/// Scored batches as columns.
#[pyclass(frozen, module = "vigil._core")]
struct ScoredColumns {
    inner: columns::ScoredColumns,
}

#[pymethods]
impl ScoredColumns {
    #[getter]
    fn observations(&self) -> usize {
        self.inner.observations()
    }
    #[getter]
    fn values(&self) -> usize {
        self.inner.values()
    }
    #[getter]
    fn patients(&self) -> Vec<&str> {
        names(&self.inner.patients)
    }
    #[getter]
    fn devices(&self) -> Vec<&str> {
        names(&self.inner.devices)
    }
    #[getter]
    fn wards(&self) -> Vec<&str> {
        names(&self.inner.wards)
    }
    #[getter]
    fn models(&self) -> Vec<&str> {
        names(&self.inner.models)
    }
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
        let column = self.inner.column(name).map_err(|error| to_python(&error))?;
        Ok(PyBytes::new(py, &column))
    }
}

fn names(names: &columns::Names) -> Vec<&str> {
    names.all().iter().map(String::as_str).collect()
}

#[pyfunction]
fn scored_columns(py: Python<'_>, values: Vec<PyBackedBytes>) -> PyResult<ScoredColumns> {
    let inner = detached(py, || columns::ScoredColumns::read(&slices(&values)))?;
    Ok(ScoredColumns { inner })
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ScoredColumns>()?;
    module.add_function(wrap_pyfunction!(scored_columns, module)?)
}
