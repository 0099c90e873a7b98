//! Feature rows for the model: what is known of a patient at an observation, as float32, NaN = missing.
//!
//! Names and their order are the contract with the model ([`schema`]); a change of meaning must change a name.
//! Rows depend on the input alone, never on the model's answers: so the size of a batch cannot change them.

mod baseline;
mod family;
mod history;
mod known;
mod row;
mod trend;

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

pub use baseline::Baseline;
pub use family::{Family, MODEL_FAMILIES};
pub use history::History;
pub use known::{Known, Reading, ALTERNATE_AFTER_US, NEVER};
pub use row::{push_row, Person, SIGN_COLUMNS};
pub use trend::{Rolling, Trend};

use crate::sign::Sign;

/// Older values (event time) are missing: 24 hours.
pub const VALUE_AGE_US_MAX: i64 = 24 * 3600 * 1_000_000;

/// What follows a sign's name in its columns, in order.
const OF_A_SIGN: [&str; row::SIGN_COLUMNS] = [
    "",
    "_age_s",
    "_delta",
    "_slope_6h",
    "_slope_24h",
    "_deviation_6h",
    "_deviation_24h",
    "_unchanged_s",
];

/// Signs that tell of support and metabolism: value and age only.
pub(crate) const SUPPORT: [Sign; 3] = [Sign::Etco2, Sign::Fio2, Sign::Glucose];

/// Columns that follow those of the signs.
const TAIL: [&str; 7] = [
    "age_years",
    "male",
    "on_oxygen",
    "seen_s",
    "shock_index",
    "pulse_pressure",
    "heart_rate_at_37",
];

/// Columns of a feature row.
pub const FEATURES: usize = MODEL_FAMILIES.len() * OF_A_SIGN.len() + SUPPORT.len() * 2 + TAIL.len();
/// Columns of the model's answer.
pub const SCORES: usize = MODEL_FAMILIES.len() + 2;

/// Names of the columns of a feature row; docs/features.md says what each holds.
pub fn feature_names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let of = |sign: Sign, columns: &'static [&'static str]| {
            columns
                .iter()
                .map(move |column| format!("{}{column}", sign.field()))
        };
        let signs = MODEL_FAMILIES.into_iter();
        signs
            .flat_map(|family| of(family.sign, &OF_A_SIGN))
            .chain(
                SUPPORT
                    .into_iter()
                    .flat_map(|sign| of(sign, &["", "_age_s"])),
            )
            .chain(TAIL.map(str::to_owned))
            .collect()
    })
}

/// Names of the columns that the model answers with, each 0 … 1: overall risk, overall anomaly, anomaly per sign.
pub fn score_names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let signs = MODEL_FAMILIES
            .iter()
            .map(|family| format!("anomaly_{}", family.sign.field()));
        ["risk".to_owned(), "anomaly".to_owned()]
            .into_iter()
            .chain(signs)
            .collect()
    })
}

/// First 16 hex digits of SHA-256 over the feature names, joined by commas.
pub fn schema() -> &'static str {
    static SCHEMA: OnceLock<String> = OnceLock::new();
    SCHEMA.get_or_init(|| hex16(feature_names().join(",").as_bytes()))
}

/// First 16 hex digits of SHA-256.
pub(crate) fn hex16(content: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(content)
        .iter()
        .take(8)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fill_the_columns_and_are_distinct() {
        let names = feature_names();
        assert_eq!(names.len(), FEATURES);
        assert_eq!(score_names().len(), SCORES);
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), FEATURES);
        assert_eq!(schema().len(), 16);
    }
}
