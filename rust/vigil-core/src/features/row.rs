//! One feature row.

use super::{History, Known, MODEL_FAMILIES, SUPPORT, VALUE_AGE_US_MAX};

/// What a row says of the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person {
    /// Whole years, when recorded.
    pub age_years: Option<u32>,
    /// Recorded sex; `None` for other and unknown.
    pub male: Option<bool>,
}

/// Columns of one sign.
pub const SIGN_COLUMNS: usize = 8;
/// How much a degree Celsius of fever quickens the heart, beats a minute (Liebermeister's rule).
const RATE_PER_DEGREE: f64 = 8.0;
/// Where temperature is said to quicken nothing, degrees Celsius.
const USUAL_TEMPERATURE: f64 = 37.0;

/// Appends the row of a patient at `now_us` to `out`. The history is that before this observation.
#[inline]
pub fn push_row(out: &mut Vec<f32>, known: &Known, history: &History, person: Person, now_us: i64) {
    let mut values = [f64::NAN; MODEL_FAMILIES.len()];
    let mut columns = [[f32::NAN; SIGN_COLUMNS]; MODEL_FAMILIES.len()];
    let kept = history.baselines.iter().zip(&history.trends);
    let slots = values.iter_mut().zip(&mut columns);
    for ((family, (baseline, trend)), (slot, columns)) in
        MODEL_FAMILIES.into_iter().zip(kept).zip(slots)
    {
        if let Some(reading) = known.current(family, now_us, VALUE_AGE_US_MAX) {
            *slot = reading.value;
            let [slope_6h, slope_24h] = trend.slopes();
            let [deviation_6h, deviation_24h] = trend.deviations();
            *columns = [
                reading.value as f32,
                seconds(now_us.saturating_sub(reading.time_us).max(0)),
                baseline
                    .delta(reading.value)
                    .map_or(f32::NAN, |delta| delta as f32),
                slope_6h,
                slope_24h,
                deviation_6h,
                deviation_24h,
                seconds(trend.unchanged_us(reading)),
            ];
        }
    }
    out.extend_from_slice(columns.as_flattened());
    for sign in SUPPORT {
        let reading = known.fresh(known.get(sign), now_us, VALUE_AGE_US_MAX);
        out.extend_from_slice(&reading.map_or([f32::NAN; 2], |reading| {
            let age_us = now_us.saturating_sub(reading.time_us).max(0);
            [reading.value as f32, seconds(age_us)]
        }));
    }
    let on_oxygen = known.on_oxygen(now_us, VALUE_AGE_US_MAX).map(|(on, _)| on);
    out.extend_from_slice(&[
        person.age_years.map_or(f32::NAN, |years| years as f32),
        truth(person.male),
        truth(on_oxygen),
        seconds(history.known_us(now_us)),
    ]);
    let [heart_rate, _, _, temperature, systolic, diastolic, _] = values;
    out.extend_from_slice(&[
        if systolic > 0.0 {
            (heart_rate / systolic) as f32
        } else {
            f32::NAN
        },
        (systolic - diastolic) as f32,
        (heart_rate - RATE_PER_DEGREE * (temperature - USUAL_TEMPERATURE)) as f32,
    ]);
}

#[inline]
fn seconds(us: i64) -> f32 {
    (us as f64 * 1e-6) as f32
}

#[inline]
fn truth(fact: Option<bool>) -> f32 {
    fact.map_or(f32::NAN, |is| if is { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{feature_names, Baseline, Reading, Rolling, Trend, FEATURES};
    use crate::sign::Sign;

    fn column(row: &[f32], name: &str) -> f32 {
        row[feature_names().iter().position(|n| n == name).unwrap()]
    }

    #[test]
    fn what_is_missing_is_not_a_number() {
        let mut row = Vec::new();
        push_row(
            &mut row,
            &Known::default(),
            &History::default(),
            Person::default(),
            5,
        );
        assert_eq!(row.len(), FEATURES);
        for (name, value) in feature_names().iter().zip(row) {
            let expected = if name == "seen_s" { 0.0 } else { f32::NAN };
            assert_eq!(value.to_bits(), expected.to_bits(), "{name}");
        }
    }

    #[test]
    fn columns_hold_what_their_names_say() {
        let mut known = Known::default();
        let mut history = History {
            first_us: 1_000_000,
            ..History::default()
        };
        for (sign, value, time_us) in [
            (Sign::PulseRate, 80.0, 1_000_000),
            (Sign::ArtSystolic, 100.0, 3_000_000),
            (Sign::Diastolic, 60.0, 3_000_000),
            (Sign::Temperature, 39.0, 2_000_000),
            (Sign::Etco2, 35.0, 1_000_000),
            (Sign::O2Flow, 2.0, 0),
        ] {
            known.set(sign, Reading { value, time_us });
        }
        history.baselines[0] = Baseline {
            value: 70.0,
            count: 3,
            ..Baseline::default()
        };
        history.trends[0] = Trend {
            sampled_us: 0,
            changed_us: 250_000,
            last: 80.0,
            samples: 2,
            windows: [(75.0, 1.0), (72.0, 9.0), (70.5, 16.0)]
                .map(|(mean, variance)| Rolling { mean, variance }),
        };
        let person = Person {
            age_years: Some(70),
            male: Some(false),
        };
        let mut row = Vec::new();
        push_row(&mut row, &known, &history, person, 3_000_000);
        for (name, expected) in [
            ("heart_rate", 80.0),
            ("heart_rate_age_s", 2.0),
            ("heart_rate_delta", 10.0),
            ("heart_rate_slope_6h", 3.0),
            ("heart_rate_slope_24h", 1.5),
            ("heart_rate_deviation_6h", 3.0),
            ("heart_rate_deviation_24h", 4.0),
            ("heart_rate_unchanged_s", 0.75),
            ("systolic", 100.0),
            ("systolic_age_s", 0.0),
            ("diastolic", 60.0),
            ("age_years", 70.0),
            ("male", 0.0),
            ("on_oxygen", 1.0),
            ("etco2", 35.0),
            ("etco2_age_s", 2.0),
            ("seen_s", 2.0),
            ("shock_index", 0.8),
            ("pulse_pressure", 40.0),
            ("heart_rate_at_37", 64.0),
        ] {
            assert_eq!(column(&row, name), expected, "{name}");
        }
        for name in [
            "spo2",
            "spo2_age_s",
            "systolic_delta",
            "systolic_slope_6h",
            "systolic_deviation_24h",
            "fio2",
        ] {
            assert!(column(&row, name).is_nan(), "{name}");
        }
    }
}
