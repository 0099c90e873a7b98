//! What every stage's binding shares: errors, panics and the released interpreter.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use vigil_core::error::{Error, ErrorCode};

pyo3::create_exception!(
    vigil._core,
    CoreError,
    PyException,
    "An error of the core: args are (code, field, message). `vigil.core` maps it to VigilError."
);

/// Converts the core's error, once.
pub fn to_python(error: &Error) -> PyErr {
    CoreError::new_err((
        error.code.code(),
        error.field.clone(),
        error.message.clone(),
    ))
}

/// Runs `work` with the interpreter detached; a panic becomes a typed error and never unwinds into C.
pub fn detached<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    T: Send,
    F: FnOnce() -> Result<T, Error> + Send,
{
    py.detach(|| match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(_) => Err(Error::new(
            ErrorCode::Internal,
            "",
            "the core panicked; see stderr",
        )),
    })
    .map_err(|error| to_python(&error))
}

/// The batches of a call as slices. `PyBackedBytes` keeps them alive while the interpreter is detached.
pub fn slices(values: &[PyBackedBytes]) -> Vec<&[u8]> {
    values.iter().map(|value| &**value).collect()
}

/// Locks. The core keeps its state whole when it panics (it changes state last), so a poisoned lock is no danger.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error table as `[(code, http_status, description)]`.
#[pyfunction]
fn error_table() -> Vec<(&'static str, u16, &'static str)> {
    ErrorCode::ALL
        .iter()
        .map(|c| (c.code(), c.http_status(), c.description()))
        .collect()
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CoreError", module.py().get_type::<CoreError>())?;
    module.add_function(wrap_pyfunction!(error_table, module)?)?;
    Ok(())
}
