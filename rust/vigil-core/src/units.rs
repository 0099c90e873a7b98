//! Units as devices spell them, and their conversion to each sign's canonical unit.

use std::sync::OnceLock;

use hashbrown::HashMap;

use crate::sign::Sign;
use crate::vocabulary::folded;

/// A unit that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unit {
    PerMinute,
    Percent,
    Fraction,
    Celsius,
    Fahrenheit,
    Kelvin,
    MmHg,
    KPa,
    CmH2o,
    MgPerDl,
    MmolPerL,
    LPerMin,
    MlPerMin,
    Score,
}

/// A value in its canonical unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Converted {
    /// The value.
    pub value: f64,
    /// Whether the number changed.
    pub changed: bool,
}

/// mmHg of a kPa.
pub const MMHG_PER_KPA: f64 = 7.500615758;
/// mmHg of a cmH2O.
pub const MMHG_PER_CMH2O: f64 = 0.73555914;
/// mg/dL glucose of a mmol/L (molar mass 180.16 g/mol).
pub const GLUCOSE_MG_DL_PER_MMOL_L: f64 = 18.016;

/// Spellings without case, blanks, `_`, `-` and `.`. The codes are IEEE 11073 MDC units.
const SPELLINGS: &[(Unit, &[&str])] = &[
    (
        Unit::PerMinute,
        &[
            "/min",
            "bpm",
            "permin",
            "perminute",
            "1/min",
            "min1",
            "min^-1",
            "{beats}/min",
            "{breaths}/min",
            "beats/min",
            "beatsperminute",
            "beatsmin",
            "brpm",
            "rpm",
            "resp/min",
            "respmin",
            "breaths/min",
            "breathsmin",
            "breathsperminute",
            "insp/min",
            "pm",
            "mdc:264864",
            "mdc:264928",
        ],
    ),
    (
        Unit::Percent,
        &["%", "percent", "pct", "%{saturation}", "mdc:262688"],
    ),
    (Unit::Fraction, &["1", "fraction", "ratio"]),
    (
        Unit::Celsius,
        &[
            "cel",
            "c",
            "celsius",
            "°c",
            "degc",
            "degcelsius",
            "℃",
            "centigrade",
            "mdc:268192",
        ],
    ),
    (
        Unit::Fahrenheit,
        &[
            "[degf]",
            "f",
            "fahrenheit",
            "°f",
            "degf",
            "degfahrenheit",
            "℉",
            "mdc:266560",
        ],
    ),
    (Unit::Kelvin, &["k", "kelvin"]),
    (Unit::MmHg, &["mm[hg]", "mmhg", "torr", "mdc:266016"]),
    (Unit::KPa, &["kpa", "kilopascal", "mdc:265987"]),
    (Unit::CmH2o, &["cm[h2o]", "cmh2o"]),
    (Unit::MgPerDl, &["mg/dl", "mgdl", "mdc:264274"]),
    (Unit::MmolPerL, &["mmol/l", "mmoll", "mdc:266866"]),
    (
        Unit::LPerMin,
        &["l/min", "lmin", "lpm", "litersperminute", "litresperminute"],
    ),
    (Unit::MlPerMin, &["ml/min", "mlmin"]),
    (
        Unit::Score,
        &["{score}", "score", "{acvpu}", "acvpu", "avpu", "points"],
    ),
];

/// The unit of a spelling.
#[inline]
pub fn lookup(text: &str) -> Option<Unit> {
    // What nearly every device sends, without hashing.
    match text {
        "bpm" | "/min" => return Some(Unit::PerMinute),
        "%" => return Some(Unit::Percent),
        "mmHg" | "mm[Hg]" => return Some(Unit::MmHg),
        "celsius" | "Cel" => return Some(Unit::Celsius),
        _ => {}
    }
    let mut buffer = [0u8; 40];
    index().get(folded(text, &mut buffer)?).copied()
}

/// `value` of `sign` in its canonical unit; `None` when the unit does not belong to the sign.
///
/// Converted numbers are rounded to a millionth, far below what any device resolves: 98.6 °F is 37, not
/// 37.00000000000001.
#[inline]
pub fn convert(sign: Sign, unit: Unit, value: f64) -> Option<Converted> {
    let same = Some(Converted {
        value,
        changed: false,
    });
    let changed = |value: f64| {
        Some(Converted {
            value: rounded(value),
            changed: true,
        })
    };
    match sign {
        Sign::HeartRate | Sign::PulseRate | Sign::RespiratoryRate => match unit {
            Unit::PerMinute => same,
            _ => None,
        },
        Sign::Spo2 | Sign::Fio2 => match unit {
            Unit::Percent => same,
            Unit::Fraction => changed(value * 100.0),
            _ => None,
        },
        Sign::Temperature => match unit {
            Unit::Celsius => same,
            Unit::Fahrenheit => changed((value - 32.0) * 5.0 / 9.0),
            Unit::Kelvin => changed(value - 273.15),
            _ => None,
        },
        Sign::Systolic
        | Sign::Diastolic
        | Sign::MeanPressure
        | Sign::ArtSystolic
        | Sign::ArtDiastolic
        | Sign::ArtMean
        | Sign::Etco2 => match unit {
            Unit::MmHg => same,
            Unit::KPa => changed(value * MMHG_PER_KPA),
            Unit::CmH2o => changed(value * MMHG_PER_CMH2O),
            _ => None,
        },
        Sign::O2Flow => match unit {
            Unit::LPerMin => same,
            Unit::MlPerMin => changed(value / 1000.0),
            _ => None,
        },
        Sign::Glucose => match unit {
            Unit::MgPerDl => same,
            Unit::MmolPerL => changed(value * GLUCOSE_MG_DL_PER_MMOL_L),
            _ => None,
        },
        Sign::Consciousness | Sign::Gcs => match unit {
            Unit::Score | Unit::Fraction => same,
            _ => None,
        },
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

type Index = HashMap<Box<[u8]>, Unit>;

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let pairs = SPELLINGS
            .iter()
            .flat_map(|(unit, words)| words.iter().map(|word| (word.as_bytes().into(), *unit)));
        pairs.collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_body_temperature_in_fahrenheit_is_exact() {
        let value = |f| {
            convert(Sign::Temperature, Unit::Fahrenheit, f)
                .unwrap()
                .value
        };
        assert_eq!(value(98.6), 37.0);
        assert_eq!(value(101.3), 38.5);
        assert_eq!(value(101.2), 38.444444);
    }

    #[test]
    fn every_canonical_unit_is_understood_and_changes_nothing() {
        for &sign in Sign::ALL {
            let unit = lookup(sign.unit()).unwrap();
            assert_eq!(
                convert(sign, unit, 42.5),
                Some(Converted {
                    value: 42.5,
                    changed: false
                }),
                "{sign:?}"
            );
        }
    }

    #[test]
    fn spellings_seen_in_the_field() {
        for (text, unit) in [
            ("BPM", Unit::PerMinute),
            ("breaths_per_minute", Unit::PerMinute),
            ("percent", Unit::Percent),
            ("°C", Unit::Celsius),
            ("C", Unit::Celsius),
            ("Fahrenheit", Unit::Fahrenheit),
            ("[degF]", Unit::Fahrenheit),
            ("degF", Unit::Fahrenheit),
            ("mm[Hg]", Unit::MmHg),
            ("kPa", Unit::KPa),
            ("cmH2O", Unit::CmH2o),
            ("mg/dL", Unit::MgPerDl),
            ("mmol/L", Unit::MmolPerL),
            ("L/min", Unit::LPerMin),
            ("mmHg", Unit::MmHg),
            ("min-1", Unit::PerMinute),
            ("deg C", Unit::Celsius),
        ] {
            assert_eq!(lookup(text), Some(unit), "{text}");
        }
        assert_eq!(lookup("furlong"), None);
        assert_eq!(lookup(""), None);
        assert_eq!(convert(Sign::Fio2, Unit::MmHg, 150.0), None);
    }

    #[test]
    fn no_spelling_means_two_units() {
        let count: usize = SPELLINGS.iter().map(|(_, words)| words.len()).sum();
        assert_eq!(index().len(), count);
    }
}
