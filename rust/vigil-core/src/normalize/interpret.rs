//! One measurement's meaning: which sign, in canonical units, and what is wrong with it. Never a clamp.

use super::number;
use super::raw::Measurement;
use crate::error::ErrorCode;
use crate::observation::quality;
use crate::sign::Sign;
use crate::units::{self, Unit};
use crate::validate::{is_plausible, is_sentinel};
use crate::vocabulary::{self, Target};

/// One value on its way into the columns.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Which sign.
    pub sign: Sign,
    /// In the canonical unit, or as sent where the unit is not understood.
    pub value: f64,
    /// Bits of [`quality`].
    pub quality: u32,
    /// Index of the measurement it comes from.
    pub from: usize,
    /// The device sent the number 0.
    pub is_zero: bool,
}

/// What is noticed about a measurement beside its quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Index of the measurement.
    pub from: usize,
    /// What.
    pub code: ErrorCode,
}

/// What one observation's measurements mean.
#[derive(Debug, Default)]
pub struct Meaning {
    /// Values of known signs.
    pub columns: Vec<Column>,
    /// Indexes of measurements with names that the vocabulary does not know.
    pub unmapped: Vec<usize>,
    /// What was noticed.
    pub notices: Vec<Notice>,
    /// The last name at each position and what it stands for: a device says the same names in the same order.
    names: Vec<(String, Option<Target>)>,
}

/// Positions and bytes of names remembered.
const NAMES_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 32;

impl Meaning {
    /// Forgets the last observation but keeps the memory.
    pub fn clear(&mut self) {
        self.columns.clear();
        self.unmapped.clear();
        self.notices.clear();
    }

    /// Notes `code` about the measurement `from`.
    pub fn notice(&mut self, from: usize, code: ErrorCode) {
        self.notices.push(Notice { from, code });
    }

    /// Adds what the measurement number `from` means.
    #[inline]
    pub fn add(&mut self, from: usize, measurement: &Measurement<'_>) {
        match self.target(from, measurement.metric) {
            None => self.unmapped.push(from),
            // A device's null: it has no reading. There is no number to keep.
            Some(_) if measurement.value.is_empty() => self.notice(from, ErrorCode::Sentinel),
            Some(Target::Sign(sign)) => self.add_sign(from, sign, measurement),
            Some(Target::CuffPressure) => {
                self.add_pressures(
                    from,
                    [Sign::Systolic, Sign::Diastolic, Sign::MeanPressure],
                    measurement,
                );
            }
            Some(Target::ArterialPressure) => {
                self.add_pressures(
                    from,
                    [Sign::ArtSystolic, Sign::ArtDiastolic, Sign::ArtMean],
                    measurement,
                );
            }
        }
    }

    #[inline]
    fn target(&mut self, from: usize, metric: &str) -> Option<Target> {
        match self.names.get(from) {
            Some((name, target)) if name == metric => *target,
            _ => self.look_up(from, metric),
        }
    }

    fn look_up(&mut self, from: usize, metric: &str) -> Option<Target> {
        let target = vocabulary::lookup(metric);
        if metric.len() <= NAME_BYTES_MAX {
            if from == self.names.len() && from < NAMES_MAX {
                self.names.push((metric.to_owned(), target));
            } else if let Some((name, known)) = self.names.get_mut(from) {
                name.clear();
                name.push_str(metric);
                *known = target;
            }
        }
        target
    }

    #[inline]
    fn add_sign(&mut self, from: usize, sign: Sign, measurement: &Measurement<'_>) {
        let number = match number::parse(measurement.value) {
            Some(number) if number.is_finite() => number,
            Some(_) => return self.notice(from, ErrorCode::NotFinite),
            None => match word(sign, measurement.value) {
                Word::Level(level) => level,
                Word::SensorOff => {
                    return self.push(from, sign, f64::NAN, quality::DISCONNECTED, false)
                }
                Word::NotFinite => return self.notice(from, ErrorCode::NotFinite),
                Word::Other => return self.notice(from, ErrorCode::WrongType),
            },
        };
        let unit = match measurement.unit {
            // The one code of the vocabulary that is defined in another unit than the canonical one.
            "" if measurement.metric.ends_with("15074-8") => "mmol/L",
            unit => unit,
        };
        self.add_number(from, sign, number, unit);
    }

    fn add_pressures(&mut self, from: usize, signs: [Sign; 3], measurement: &Measurement<'_>) {
        let Some((systolic, diastolic, mean)) = pressures(measurement.value) else {
            let code = match word(Sign::Systolic, measurement.value) {
                Word::SensorOff => ErrorCode::Disconnected,
                _ => ErrorCode::WrongType,
            };
            return self.notice(from, code);
        };
        for (sign, number) in signs
            .into_iter()
            .zip([Some(systolic), Some(diastolic), mean])
        {
            if let Some(number) = number {
                self.add_number(from, sign, number, measurement.unit);
            }
        }
    }

    #[inline]
    fn add_number(&mut self, from: usize, sign: Sign, number: f64, unit: &str) {
        let is_zero = number == 0.0;
        if is_sentinel(number) {
            return self.push(from, sign, number, quality::SENTINEL, is_zero);
        }
        let known = if unit.is_empty() {
            Some(assumed_unit(sign, number))
        } else {
            units::lookup(unit)
        };
        let known = match known {
            // 0.5 % oxygen keeps nobody alive: it is a fraction, whatever the unit says.
            Some(Unit::Percent) if sign == Sign::Fio2 && is_oxygen_fraction(number) => {
                Some(Unit::Fraction)
            }
            other => other,
        };
        let Some(converted) = known.and_then(|known| units::convert(sign, known, number)) else {
            return self.push(from, sign, number, quality::UNIT_UNKNOWN, is_zero);
        };
        let mut bits = 0;
        if converted.changed {
            bits |= quality::CONVERTED;
            if unit.is_empty() || known != units::lookup(unit) {
                self.notice(from, ErrorCode::InferredUnit);
            }
        }
        // Zeros are judged together, once all signs are known (`zero.rs`).
        if !is_zero && !is_plausible(sign, converted.value) {
            bits |= quality::IMPLAUSIBLE;
        }
        self.push(from, sign, converted.value, bits, is_zero);
    }

    #[inline]
    fn push(&mut self, from: usize, sign: Sign, value: f64, quality: u32, is_zero: bool) {
        self.columns.push(Column {
            sign,
            value,
            quality,
            from,
            is_zero,
        });
    }
}

/// The unit of a number that came without one: the canonical one, unless only another makes sense. A body
/// temperature of 86…115 is °F (30…46 °C; there is no such °C), oxygen of 0.21…1.0 a fraction.
#[inline]
fn assumed_unit(sign: Sign, number: f64) -> Unit {
    match sign {
        Sign::Temperature if (86.0..=115.0).contains(&number) => Unit::Fahrenheit,
        Sign::Temperature => Unit::Celsius,
        Sign::Fio2 if is_oxygen_fraction(number) => Unit::Fraction,
        Sign::Fio2 | Sign::Spo2 => Unit::Percent,
        Sign::HeartRate | Sign::PulseRate | Sign::RespiratoryRate => Unit::PerMinute,
        Sign::O2Flow => Unit::LPerMin,
        Sign::Glucose => Unit::MgPerDl,
        Sign::Consciousness | Sign::Gcs => Unit::Score,
        Sign::Systolic
        | Sign::Diastolic
        | Sign::MeanPressure
        | Sign::ArtSystolic
        | Sign::ArtDiastolic
        | Sign::ArtMean
        | Sign::Etco2 => Unit::MmHg,
    }
}

fn is_oxygen_fraction(number: f64) -> bool {
    (0.21..=1.0).contains(&number)
}

enum Word {
    Level(f64),
    SensorOff,
    NotFinite,
    Other,
}

/// What a text that is no number means.
#[cold]
fn word(sign: Sign, text: &str) -> Word {
    let word = text.to_ascii_lowercase().replace(['_', '-', ' '], "");
    match word.as_str() {
        "leadoff" | "leadsoff" | "probeoff" | "sensoroff" | "off" | "disconnected" | "noprobe"
        | "nosensor" => Word::SensorOff,
        "nan" | "inf" | "infinity" | "+inf" => Word::NotFinite,
        level if sign == Sign::Consciousness => match level {
            "a" | "alert" => Word::Level(0.0),
            "c" | "confused" | "confusion" | "newconfusion" => Word::Level(1.0),
            "v" | "voice" | "verbal" => Word::Level(2.0),
            "p" | "pain" => Word::Level(3.0),
            "u" | "unresponsive" => Word::Level(4.0),
            _ => Word::Other,
        },
        _ => Word::Other,
    }
}

/// `120/80`, `120/80/93` or `120/80 (93)`.
fn pressures(text: &str) -> Option<(f64, f64, Option<f64>)> {
    let finite = |part: &str| number::parse(part.trim()).filter(|n| n.is_finite());
    let (systolic, rest) = text.split_once('/')?;
    let (diastolic, mean) = match rest.split_once(['/', '(']) {
        Some((diastolic, mean)) => (diastolic, Some(finite(mean.trim_end_matches(')'))?)),
        None => (rest, None),
    };
    Some((finite(systolic)?, finite(diastolic)?, mean))
}
