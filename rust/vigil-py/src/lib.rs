//! `vigil._core`: registration only. One file per stage holds the binding itself.

use pyo3::prelude::*;

mod boundary;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    boundary::register(module)?;
    Ok(())
}
