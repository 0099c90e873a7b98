//! NEWS2, the National Early Warning Score 2.
//!
//! Source: Royal College of Physicians. National Early Warning Score (NEWS) 2. London: RCP, 2017.

use super::band::{above, points, up_to, Band};
pub use super::scored::Risk;
use super::scored::{Guidance, Row};
use super::Consciousness;
use crate::sign::Sign;

/// Breaths per minute.
const RESPIRATORY_RATE: &[Band] = &[
    up_to(8, 3),
    up_to(11, 1),
    up_to(20, 0),
    up_to(24, 2),
    above(3),
];
/// Per cent; the scale for everybody without a recorded decision for scale 2.
const SPO2_SCALE_1: &[Band] = &[up_to(91, 3), up_to(93, 2), up_to(95, 1), above(0)];
/// Per cent, breathing air: a high saturation is good.
const SPO2_SCALE_2_AIR: &[Band] = &[up_to(83, 3), up_to(85, 2), up_to(87, 1), above(0)];
/// Per cent, on oxygen: a high saturation means too much oxygen.
const SPO2_SCALE_2_OXYGEN: &[Band] = &[
    up_to(83, 3),
    up_to(85, 2),
    up_to(87, 1),
    up_to(92, 0),
    up_to(94, 1),
    up_to(96, 2),
    above(3),
];
/// Millimetres of mercury.
const SYSTOLIC: &[Band] = &[
    up_to(90, 3),
    up_to(100, 2),
    up_to(110, 1),
    up_to(219, 0),
    above(3),
];
/// Beats per minute.
const HEART_RATE: &[Band] = &[
    up_to(40, 3),
    up_to(50, 1),
    up_to(90, 0),
    up_to(110, 1),
    up_to(130, 2),
    above(3),
];
/// Tenths of a degree Celsius.
const TEMPERATURE: &[Band] = &[
    up_to(350, 3),
    up_to(360, 1),
    up_to(380, 0),
    up_to(390, 1),
    above(2),
];
/// Supplemental oxygen, whatever the saturation.
const OXYGEN_POINTS: u8 = 2;
/// Anything but alert.
const ALTERED_CONSCIOUSNESS_POINTS: u8 = 3;
/// For the documentation; [`score`] reads the two constants above.
const OXYGEN: &[(&str, u8)] = &[("air", 0), ("oxygen", OXYGEN_POINTS)];
const CONSCIOUSNESS: &[(&str, u8)] = &[
    ("A", 0),
    ("C", ALTERED_CONSCIOUSNESS_POINTS),
    ("V", ALTERED_CONSCIOUSNESS_POINTS),
    ("P", ALTERED_CONSCIOUSNESS_POINTS),
    ("U", ALTERED_CONSCIOUSNESS_POINTS),
];

/// The whole table.
pub const TABLE: &[Row] = &[
    Row::of("respiratory_rate", "/min", RESPIRATORY_RATE),
    Row::of("spo2", "%", SPO2_SCALE_1).when("scale 1"),
    Row::of("spo2", "%", SPO2_SCALE_2_AIR).when("scale 2, on air"),
    Row::of("spo2", "%", SPO2_SCALE_2_OXYGEN).when("scale 2, on oxygen"),
    Row::levels("on_oxygen", OXYGEN),
    Row::of("systolic", "mm[Hg]", SYSTOLIC),
    Row::of("heart_rate", "/min", HEART_RATE),
    Row::levels("consciousness", CONSCIOUSNESS),
    Row::of("temperature", "Cel", TEMPERATURE).tenths(),
];

/// Thresholds and responses of the aggregate score.
pub const GUIDANCE: &[Guidance] = &[
    Guidance {
        from: 0,
        risk: Risk::Low,
        monitoring: "at least 12-hourly",
        response: "continue routine monitoring",
    },
    Guidance {
        from: 1,
        risk: Risk::Low,
        monitoring: "at least 4-6-hourly",
        response: "assessment by a registered nurse, who decides on more frequent monitoring or escalation",
    },
    Guidance {
        from: 3,
        risk: Risk::LowMedium,
        monitoring: "at least 1-hourly",
        response: "urgent ward review",
    },
    Guidance {
        from: 5,
        risk: Risk::Medium,
        monitoring: "at least 1-hourly",
        response: "urgent review by a clinician or team with competence in acute illness",
    },
    Guidance {
        from: 7,
        risk: Risk::High,
        monitoring: "continuous",
        response: "emergency assessment by a team with critical-care competence",
    },
];

/// Below this age NEWS2 must not be used.
const AGE_YEARS_MIN: u32 = 16;

/// One of the seven inputs, in the order of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input {
    /// Respiratory rate, /min.
    RespiratoryRate,
    /// Oxygen saturation, %.
    Spo2,
    /// Air or supplemental oxygen.
    Oxygen,
    /// Systolic blood pressure, mm\[Hg\].
    Systolic,
    /// Pulse, /min.
    HeartRate,
    /// ACVPU.
    Consciousness,
    /// Temperature, °C.
    Temperature,
}

impl Input {
    /// The name in documents and in Python.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Oxygen => "on_oxygen",
            _ => self.sign().field(),
        }
    }

    /// The sign it is reported under; supplemental oxygen under the oxygen flow.
    pub const fn sign(self) -> Sign {
        match self {
            Self::RespiratoryRate => Sign::RespiratoryRate,
            Self::Spo2 => Sign::Spo2,
            Self::Oxygen => Sign::O2Flow,
            Self::Systolic => Sign::Systolic,
            Self::HeartRate => Sign::HeartRate,
            Self::Consciousness => Sign::Consciousness,
            Self::Temperature => Sign::Temperature,
        }
    }
}

/// What is known of the patient, in canonical units. `None`, NaN and infinity are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct News2Input {
    /// /min.
    pub respiratory_rate: Option<f64>,
    /// %.
    pub spo2: Option<f64>,
    /// mm\[Hg\].
    pub systolic: Option<f64>,
    /// /min.
    pub heart_rate: Option<f64>,
    /// °C.
    pub temperature: Option<f64>,
    /// Supplemental oxygen (true) or air (false).
    pub on_oxygen: Option<bool>,
    /// ACVPU.
    pub consciousness: Option<Consciousness>,
    /// 2 only by a recorded clinician decision, never because the patient is on oxygen; else scale 1.
    pub spo2_scale: u8,
}

/// A score. When `partial`, `total` and `risk` are lower bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News2 {
    /// Sum of the known sub-scores, 0 … 20.
    pub total: u8,
    /// Whether an input is missing.
    pub partial: bool,
    /// Whether a single input scores 3.
    pub single_three: bool,
    /// Each input with its points; `None` = missing, never 0.
    pub subscores: [(Input, Option<u8>); 7],
    /// The response that the total asks for.
    pub risk: Risk,
}

impl News2 {
    /// The inputs that could not be scored.
    pub fn missing(&self) -> impl Iterator<Item = Input> + '_ {
        self.subscores
            .iter()
            .filter(|(_, points)| points.is_none())
            .map(|(input, _)| *input)
    }
}

/// Whether NEWS2 may be used at all: not under 16 years, not in pregnancy. An unknown age does not
/// silence the score.
pub fn applicable(age_years: Option<u32>, pregnant: bool) -> bool {
    !pregnant && age_years.is_none_or(|age| age >= AGE_YEARS_MIN)
}

/// Scores what is known.
#[inline]
pub fn score(input: &News2Input) -> News2 {
    let whole = |bands: &[Band], value: Option<f64>| value.and_then(|v| points(bands, v, 1.0));
    let oxygen = input.on_oxygen.map(|on| if on { OXYGEN_POINTS } else { 0 });
    let consciousness = input.consciousness.map(|level| match level {
        Consciousness::Alert => 0,
        _ => ALTERED_CONSCIOUSNESS_POINTS,
    });
    let temperature = input.temperature.and_then(|v| points(TEMPERATURE, v, 10.0));
    total([
        (
            Input::RespiratoryRate,
            whole(RESPIRATORY_RATE, input.respiratory_rate),
        ),
        (Input::Spo2, spo2_points(input)),
        (Input::Oxygen, oxygen),
        (Input::Systolic, whole(SYSTOLIC, input.systolic)),
        (Input::HeartRate, whole(HEART_RATE, input.heart_rate)),
        (Input::Consciousness, consciousness),
        (Input::Temperature, temperature),
    ])
}

/// On scale 2 a saturation of 93 % or more means nothing until air or oxygen is known: then missing.
fn spo2_points(input: &News2Input) -> Option<u8> {
    let spo2 = input.spo2?;
    if input.spo2_scale != 2 {
        return points(SPO2_SCALE_1, spo2, 1.0);
    }
    let on_air = points(SPO2_SCALE_2_AIR, spo2, 1.0);
    let on_oxygen = points(SPO2_SCALE_2_OXYGEN, spo2, 1.0);
    match input.on_oxygen {
        Some(false) => on_air,
        Some(true) => on_oxygen,
        None if on_air == on_oxygen => on_air,
        None => None,
    }
}

fn total(subscores: [(Input, Option<u8>); 7]) -> News2 {
    let known = || subscores.iter().filter_map(|(_, points)| *points);
    let total = known().sum();
    let single_three = known().any(|points| points == 3);
    let count = known().count();
    let risk = match total {
        _ if count == 0 => Risk::Unknown,
        7.. => Risk::High,
        5.. => Risk::Medium,
        _ if single_three => Risk::LowMedium,
        _ => Risk::Low,
    };
    News2 {
        total,
        partial: count < subscores.len(),
        single_three,
        subscores,
        risk,
    }
}

#[cfg(test)]
#[path = "news2_tests.rs"]
mod tests;
