//! `vigil._core`: registration only. One file per stage holds the binding itself.

use pyo3::prelude::*;

mod boundary;
mod columns;
mod enrich;
mod features;
mod ledger;
mod outcome;
mod scores;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    boundary::register(module)?;
    columns::register(module)?;
    enrich::register(module)?;
    ledger::register(module)?;
    features::register(module)?;
    outcome::register(module)?;
    scores::register(module)?;
    Ok(())
}
