//! `PewsTable` and `score_pews`: paediatric scores by configurable age bands.

use pyo3::prelude::*;
use vigil_core::scores::pews::{score, PewsInput, PewsTable, RespiratoryEffort, DEFAULT};
use vigil_core::scores::Band;

use crate::boundary::to_python;
use crate::score_tables::bands;
use crate::scores::{invalid, plain, Plain};

type Bands = Vec<(Option<f64>, u8)>;

/// A checked table; the default without a text.
#[pyclass(frozen, name = "PewsTable", module = "vigil._core")]
struct PyPewsTable {
    table: PewsTable,
}

#[pymethods]
impl PyPewsTable {
    #[new]
    #[pyo3(signature = (toml=None))]
    fn new(toml: Option<&str>) -> PyResult<Self> {
        PewsTable::parse(toml.unwrap_or(DEFAULT))
            .map(|table| Self { table })
            .map_err(|error| to_python(&error))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.table.name
    }

    #[getter]
    fn version(&self) -> &str {
        &self.table.version
    }

    #[getter]
    fn source(&self) -> &str {
        &self.table.source
    }

    #[getter]
    fn high_from(&self) -> u8 {
        self.table.high_from
    }

    /// The age from which the table holds nothing, in months.
    #[getter]
    fn below_months(&self) -> f64 {
        self.table
            .age_bands
            .last()
            .map_or(0.0, |band| band.below_months)
    }

    /// (age band, below months, field, bands) of the signs that depend on age.
    fn by_age(&self) -> Vec<(String, f64, &'static str, Bands)> {
        let of = |bands_of: &[Band]| bands(bands_of, 1.0);
        self.table
            .age_bands
            .iter()
            .flat_map(|age| {
                [
                    ("heart_rate", &age.heart_rate),
                    ("systolic", &age.systolic),
                    ("respiratory_rate", &age.respiratory_rate),
                ]
                .map(|(field, b)| (age.name.clone(), age.below_months, field, of(b)))
            })
            .collect()
    }

    /// (field, bands) of the signs that do not.
    fn at_any_age(&self) -> Vec<(&'static str, Bands)> {
        let table = &self.table;
        vec![
            ("spo2", bands(&table.spo2, 1.0)),
            ("capillary_refill", bands(&table.capillary_refill, 10.0)),
            ("o2_flow", bands(&table.o2_flow, 10.0)),
            ("fio2", bands(&table.fio2, 1.0)),
        ]
    }

    /// (level, points) of the respiratory effort.
    fn effort(&self) -> Vec<(&'static str, u8)> {
        let effort = self.table.respiratory_effort;
        vec![
            ("normal", effort.normal),
            ("mild", effort.mild),
            ("moderate", effort.moderate),
            ("severe", effort.severe),
        ]
    }
}

#[pyfunction]
#[pyo3(signature = (table, age_months, heart_rate, systolic, capillary_refill, respiratory_rate, respiratory_effort, spo2, on_oxygen, o2_flow, fio2))]
#[allow(clippy::too_many_arguments)] // the score's own inputs
fn score_pews(
    table: &PyPewsTable,
    age_months: Option<f64>,
    heart_rate: Option<f64>,
    systolic: Option<f64>,
    capillary_refill: Option<f64>,
    respiratory_rate: Option<f64>,
    respiratory_effort: Option<&str>,
    spo2: Option<f64>,
    on_oxygen: Option<bool>,
    o2_flow: Option<f64>,
    fio2: Option<f64>,
) -> PyResult<Plain> {
    let respiratory_effort = respiratory_effort
        .map(|word| {
            RespiratoryEffort::from_word(word).ok_or_else(|| {
                invalid(
                    "respiratory_effort",
                    "one of normal, mild, moderate, severe",
                )
            })
        })
        .transpose()?;
    Ok(plain(&score(
        &table.table,
        &PewsInput {
            age_months,
            heart_rate,
            systolic,
            capillary_refill,
            respiratory_rate,
            respiratory_effort,
            spo2,
            on_oxygen,
            o2_flow,
            fio2,
        },
    )))
}

/// Adds what this file holds to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyPewsTable>()?;
    module.add_function(wrap_pyfunction!(score_pews, module)?)
}
