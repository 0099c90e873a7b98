//! A paediatric table: age bands read from TOML and checked. Hospitals have their own.

use serde::Deserialize;

use super::band::{above, up_to, Band};
use crate::error::{Error, ErrorCode};

/// The table that is used unless another is given, with its source.
pub const DEFAULT: &str = include_str!("pews.toml");

/// Limits as the file has them: `low` counts up to its limit, `high` from its limit on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    low: Vec<(f64, u8)>,
    high: Vec<(f64, u8)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgeBandFile {
    name: String,
    below_months: f64,
    heart_rate: Limits,
    systolic: Limits,
    respiratory_rate: Limits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    name: String,
    version: String,
    source: String,
    high_from: u8,
    spo2: Limits,
    capillary_refill: Limits,
    o2_flow: Limits,
    fio2: Limits,
    respiratory_effort: Effort,
    age_band: Vec<AgeBandFile>,
}

/// Points of the work of breathing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// No increase.
    pub normal: u8,
    /// Mild increase.
    pub mild: u8,
    /// Moderate increase.
    pub moderate: u8,
    /// Severe increase, or any apnoea.
    pub severe: u8,
}

/// The bands of one age.
#[derive(Debug, Clone, PartialEq)]
pub struct AgeBand {
    /// As people say it.
    pub name: String,
    /// Younger than this many months.
    pub below_months: f64,
    /// /min.
    pub heart_rate: Vec<Band>,
    /// mm\[Hg\].
    pub systolic: Vec<Band>,
    /// /min.
    pub respiratory_rate: Vec<Band>,
}

/// A checked table.
#[derive(Debug, Clone, PartialEq)]
pub struct PewsTable {
    /// The chart's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is published.
    pub source: String,
    /// The total from which the risk is high.
    pub high_from: u8,
    /// %.
    pub spo2: Vec<Band>,
    /// Tenths of a second.
    pub capillary_refill: Vec<Band>,
    /// Tenths of a litre per minute.
    pub o2_flow: Vec<Band>,
    /// %.
    pub fio2: Vec<Band>,
    /// Levels.
    pub respiratory_effort: Effort,
    /// Ascending; a patient older than the last has no paediatric score.
    pub age_bands: Vec<AgeBand>,
}

impl PewsTable {
    /// Reads and checks a table; the error names the field.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: TableFile = toml::from_str(text)
            .map_err(|e| refuse("table", e.to_string().trim().replace('\n', " ")))?;
        for (field, text) in [
            ("name", &file.name),
            ("version", &file.version),
            ("source", &file.source),
        ] {
            if text.trim().is_empty() {
                return Err(refuse(
                    field,
                    "must not be empty: a score must say where it comes from",
                ));
            }
        }
        Ok(Self {
            spo2: bands("spo2", &file.spo2, 1.0)?,
            capillary_refill: bands("capillary_refill", &file.capillary_refill, 10.0)?,
            o2_flow: bands("o2_flow", &file.o2_flow, 10.0)?,
            fio2: bands("fio2", &file.fio2, 1.0)?,
            age_bands: age_bands(file.age_band)?,
            name: file.name,
            version: file.version,
            source: file.source,
            high_from: file.high_from,
            respiratory_effort: file.respiratory_effort,
        })
    }

    /// The band of an age; `None` when the table does not go that far.
    pub fn band(&self, age_months: f64) -> Option<&AgeBand> {
        self.age_bands
            .iter()
            .find(|band| age_months >= 0.0 && age_months < band.below_months)
    }
}

fn age_bands(read: Vec<AgeBandFile>) -> Result<Vec<AgeBand>, Error> {
    if read.is_empty() {
        return Err(refuse("age_band", "at least one is needed"));
    }
    let mut before = 0.0;
    let mut bands_of_ages = Vec::with_capacity(read.len());
    for band in read {
        let at = |field: &str| format!("age_band '{}' {field}", band.name);
        if !band.below_months.is_finite() || band.below_months <= before {
            return Err(refuse(&at("below_months"), "ages must ascend"));
        }
        before = band.below_months;
        bands_of_ages.push(AgeBand {
            heart_rate: bands(&at("heart_rate"), &band.heart_rate, 1.0)?,
            systolic: bands(&at("systolic"), &band.systolic, 1.0)?,
            respiratory_rate: bands(&at("respiratory_rate"), &band.respiratory_rate, 1.0)?,
            below_months: band.below_months,
            name: band.name,
        });
    }
    Ok(bands_of_ages)
}

/// Bands of the limits, in chart steps.
fn bands(field: &str, limits: &Limits, steps_per_unit: f64) -> Result<Vec<Band>, Error> {
    if limits.low.is_empty() && limits.high.is_empty() {
        return Err(refuse(field, "has no limits"));
    }
    let low = steps(field, &limits.low, steps_per_unit)?;
    let high = steps(field, &limits.high, steps_per_unit)?;
    let mut made: Vec<Band> = low
        .iter()
        .map(|(step, points)| up_to(*step, *points))
        .collect();
    let mut points_below = 0;
    for (step, points) in high {
        made.push(up_to(step.saturating_sub(1), points_below));
        points_below = points;
    }
    made.push(above(points_below));
    let ascending = made.windows(2).all(|pair| match pair {
        [a, b] => a.up_to < b.up_to,
        _ => true,
    });
    if !ascending {
        return Err(refuse(
            field,
            "limits must ascend, with the normal range between low and high",
        ));
    }
    Ok(made)
}

fn steps(field: &str, limits: &[(f64, u8)], steps_per_unit: f64) -> Result<Vec<(i64, u8)>, Error> {
    limits
        .iter()
        .map(|(limit, points)| {
            let step = (limit * steps_per_unit).round();
            if !limit.is_finite()
                || (step / steps_per_unit - limit).abs() > 1e-9
                || step.abs() > 1e6
            {
                return Err(refuse(
                    field,
                    format!("{limit} is finer than the chart, or too large"),
                ));
            }
            Ok((step as i64, *points))
        })
        .collect()
}

fn refuse(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidRule, field, message)
}
