//! The vocabulary: which sign a metric name stands for. The names, codes and ranges are data, in `table`; the
//! docs and the Python binding are made from it.

mod table;

use std::sync::OnceLock;

use hashbrown::HashMap;

use crate::sign::Sign;

pub use table::{Entry, PRESSURE_NAMES, TABLE};

/// What a metric name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One sign.
    Sign(Sign),
    /// `120/80`, `120/80/93` or `120/80 (93)`: cuff pressures in one text.
    CuffPressure,
    /// The same, arterial.
    ArterialPressure,
}

/// Longest name that can be known, without blanks, `_` and `-`.
const NAME_MAX: usize = 40;

/// The entry of `sign`.
pub fn entry(sign: Sign) -> Option<&'static Entry> {
    TABLE.get(sign.index().checked_sub(1)?)
}

/// Lowest and highest plausible value of `sign`.
#[inline]
pub fn plausible_range(sign: Sign) -> (f64, f64) {
    entry(sign).map_or((f64::INFINITY, f64::NEG_INFINITY), |e| e.plausible)
}

/// What `metric` stands for: any case, with or without blanks, `_`, `-` and `.`; or `loinc:…`, `mdc:…`.
#[inline]
pub fn lookup(metric: &str) -> Option<Target> {
    let mut buffer = [0u8; NAME_MAX];
    index().get(folded(metric, &mut buffer)?).copied()
}

/// `text` in lower case without separators, or `None` when it is longer than any known word.
#[inline]
pub(crate) fn folded<'b>(text: &str, buffer: &'b mut [u8; NAME_MAX]) -> Option<&'b [u8]> {
    let mut length = 0;
    for &byte in text.as_bytes() {
        if !matches!(byte, b'_' | b'-' | b' ' | b'.') {
            *buffer.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    buffer.get(..length)
}

type Index = HashMap<Box<[u8]>, Target>;

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index = Index::new();
        for (name, target) in names() {
            let mut buffer = [0u8; NAME_MAX];
            if let Some(key) = folded(&name, &mut buffer) {
                index.entry(key.into()).or_insert(target);
            }
        }
        index
    })
}

fn names() -> impl Iterator<Item = (String, Target)> {
    let signs = TABLE.iter().flat_map(|entry| {
        let target = Target::Sign(entry.sign);
        let plain = entry.aliases.iter().map(|alias| (*alias).to_owned());
        let loinc = entry.loinc.iter().map(|code| format!("loinc:{code}"));
        let mdc = entry.mdc.iter().map(|code| format!("mdc:{code}"));
        std::iter::once(entry.sign.field().to_owned())
            .chain(plain)
            .chain(loinc)
            .chain(mdc)
            .map(move |name| (name, target))
    });
    signs.chain(
        PRESSURE_NAMES
            .iter()
            .map(|(name, target)| ((*name).to_owned(), *target)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_sign_has_its_entry_in_number_order() {
        assert_eq!(TABLE.len(), Sign::ALL.len());
        for &sign in Sign::ALL {
            assert_eq!(entry(sign).unwrap().sign, sign);
            assert_eq!(
                lookup(sign.field()),
                Some(Target::Sign(sign)),
                "{}",
                sign.field()
            );
            let (low, high) = plausible_range(sign);
            assert!(low < high);
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = HashMap::<Vec<u8>, Target>::new();
        for (name, target) in names() {
            let mut buffer = [0u8; NAME_MAX];
            let key = folded(&name, &mut buffer).unwrap().to_vec();
            if name == "loinc:8867-4" {
                continue; // shared by heart and pulse rate; heart rate comes first
            }
            assert_eq!(*seen.entry(key).or_insert(target), target, "{name}");
        }
    }

    #[test]
    fn names_seen_in_the_field() {
        for (name, field) in [
            ("hr", "heart_rate"),
            ("HeartRate", "heart_rate"),
            ("heart_rate", "heart_rate"),
            ("pulse", "pulse_rate"),
            ("SpO2", "spo2"),
            ("o2sat", "spo2"),
            ("oxygen_saturation", "spo2"),
            ("o2", "spo2"),
            ("TEMP", "temperature"),
            ("body_temp", "temperature"),
            ("systolic_pressure", "systolic"),
            ("diastolicPressure", "diastolic"),
            ("MAP", "mean_pressure"),
            ("respiration", "respiratory_rate"),
            ("EtCO2", "etco2"),
            ("o2_flow", "o2_flow"),
            ("acvpu", "consciousness"),
            ("art_mean", "art_mean"),
            ("ABPSys", "art_systolic"),
            ("NISysABP", "systolic"),
            ("loinc:8867-4", "heart_rate"),
            ("LOINC:2708-6", "spo2"),
            ("mdc:147842", "heart_rate"),
            ("mdc:149546", "pulse_rate"),
        ] {
            assert_eq!(
                lookup(name),
                Sign::from_field(field).map(Target::Sign),
                "{name}"
            );
        }
        assert_eq!(lookup("bp"), Some(Target::CuffPressure));
        assert_eq!(lookup("loinc:85354-9"), Some(Target::CuffPressure));
        assert_eq!(lookup("glycemia_of_the_moon_and_the_stars_and_more"), None);
        assert_eq!(lookup(""), None);
    }
}
