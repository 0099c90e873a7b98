//! One feature row.

use super::{Baseline, Known, MODEL_FAMILIES, VALUE_AGE_US_MAX};

/// What a row says of the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person {
    /// Whole years, when recorded.
    pub age_years: Option<u32>,
    /// Recorded sex; `None` for other and unknown.
    pub male: Option<bool>,
}

/// Appends the row of a patient at `now_us` to `out`. The baselines are those before this observation.
#[inline]
pub fn push_row(
    out: &mut Vec<f32>,
    known: &Known,
    baselines: &[Baseline; MODEL_FAMILIES.len()],
    person: Person,
    now_us: i64,
) {
    let mut values = [f64::NAN; MODEL_FAMILIES.len()];
    let mut columns = [[f32::NAN; 3]; MODEL_FAMILIES.len()];
    let slots = values.iter_mut().zip(&mut columns);
    for ((family, baseline), (slot, columns)) in
        MODEL_FAMILIES.into_iter().zip(baselines).zip(slots)
    {
        if let Some(reading) = known.current(family, now_us, VALUE_AGE_US_MAX) {
            *slot = reading.value;
            let age_us = now_us.saturating_sub(reading.time_us).max(0);
            let delta = baseline.delta(reading.value);
            *columns = [
                reading.value as f32,
                (age_us as f64 * 1e-6) as f32,
                delta.map_or(f32::NAN, |d| d as f32),
            ];
        }
    }
    out.extend_from_slice(columns.as_flattened());
    let [heart_rate, _, _, _, systolic, diastolic, _] = values;
    let on_oxygen = known.on_oxygen(now_us, VALUE_AGE_US_MAX).map(|(on, _)| on);
    out.extend_from_slice(&[
        person.age_years.map_or(f32::NAN, |years| years as f32),
        truth(person.male),
        truth(on_oxygen),
        if systolic > 0.0 && heart_rate.is_finite() {
            (heart_rate / systolic) as f32
        } else {
            f32::NAN
        },
        if systolic.is_finite() && diastolic.is_finite() {
            (systolic - diastolic) as f32
        } else {
            f32::NAN
        },
    ]);
}

#[inline]
fn truth(fact: Option<bool>) -> f32 {
    fact.map_or(f32::NAN, |is| if is { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{feature_names, Reading, FEATURES};
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
            &Default::default(),
            Person::default(),
            5,
        );
        assert_eq!(row.len(), FEATURES);
        assert!(row
            .iter()
            .all(|value| value.to_bits() == f32::NAN.to_bits()));
    }

    #[test]
    fn columns_hold_what_their_names_say() {
        let mut known = Known::default();
        let mut baselines: [Baseline; MODEL_FAMILIES.len()] = Default::default();
        for (sign, value, time_us) in [
            (Sign::PulseRate, 80.0, 1_000_000),
            (Sign::ArtSystolic, 100.0, 3_000_000),
            (Sign::Diastolic, 60.0, 3_000_000),
            (Sign::O2Flow, 2.0, 0),
        ] {
            known.set(sign, Reading { value, time_us });
        }
        baselines[0] = Baseline {
            value: 70.0,
            count: 3,
            ..Baseline::default()
        };
        let person = Person {
            age_years: Some(70),
            male: Some(false),
        };
        let mut row = Vec::new();
        push_row(&mut row, &known, &baselines, person, 3_000_000);
        for (name, expected) in [
            ("heart_rate", 80.0),
            ("heart_rate_age_s", 2.0),
            ("heart_rate_delta", 10.0),
            ("systolic", 100.0),
            ("systolic_age_s", 0.0),
            ("diastolic", 60.0),
            ("age_years", 70.0),
            ("male", 0.0),
            ("on_oxygen", 1.0),
            ("shock_index", 0.8),
            ("pulse_pressure", 40.0),
        ] {
            assert_eq!(column(&row, name), expected, "{name}");
        }
        for name in ["spo2", "spo2_age_s", "spo2_delta", "systolic_delta"] {
            assert!(column(&row, name).is_nan(), "{name}");
        }
    }
}
