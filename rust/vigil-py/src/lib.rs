//! `vigil._core`: registration only. One file per stage holds the binding itself.

use pyo3::prelude::*;

mod boundary;
mod columns;
mod decode;
mod engine;
mod enrich;
mod features;
mod ledger;
mod normalize;
mod outcome;
mod rules;
mod score_pews;
mod score_tables;
mod scores;
mod vocabulary;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    boundary::register(module)?;
    columns::register(module)?;
    decode::register(module)?;
    engine::register(module)?;
    enrich::register(module)?;
    ledger::register(module)?;
    features::register(module)?;
    normalize::register(module)?;
    outcome::register(module)?;
    rules::register(module)?;
    score_pews::register(module)?;
    score_tables::register(module)?;
    scores::register(module)?;
    vocabulary::register(module)?;
    Ok(())
}
