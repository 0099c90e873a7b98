//! The default rules: whom which limit is for, and what is there when several things go wrong.

use super::*;
use crate::rules::model::{Direction, Test};
use crate::rules::parse::parse;
use crate::rules::population::Traits;

/// Types of the alarms raised by one observation of a patient of this age; a spot check, so no delay applies.
fn raised(age_years: Option<u32>, values: &[(Sign, f64)]) -> Vec<(String, i32)> {
    let values: Vec<_> = values.iter().map(|(s, v)| (*s, *v, 0)).collect();
    let mut one = observation(1, "p1", "d1", 0, &values);
    one.context.as_mut().unwrap().age_years = age_years;
    let said = run_one_by_one(&[one]).said();
    said.into_iter().map(|(kind, _, p)| (kind, p)).collect()
}

fn one(kind: &str, priority: i32) -> Vec<(String, i32)> {
    vec![(kind.to_owned(), priority)]
}

const ADULT: Option<u32> = Some(40);

#[test]
fn rates_and_pressures_go_by_age() {
    let (heart, breath) = (Sign::HeartRate, Sign::RespiratoryRate);
    for (sign, value, age, expected) in [
        (heart, 170.0, ADULT, one("heart_rate_high", 3)),
        (heart, 170.0, None, one("heart_rate_high", 3)),
        (heart, 170.0, Some(0), vec![]),
        (heart, 170.0, Some(4), one("heart_rate_high", 2)),
        (heart, 185.0, Some(5), one("heart_rate_high", 3)),
        (heart, 60.0, ADULT, vec![]),
        (heart, 60.0, Some(15), vec![]),
        (heart, 60.0, Some(11), one("heart_rate_low", 2)),
        (heart, 60.0, Some(1), one("heart_rate_low", 3)),
        (heart, 60.0, Some(0), one("heart_rate_low", 3)),
        (breath, 40.0, Some(0), vec![]),
        (breath, 40.0, Some(11), one("respiratory_rate_high", 2)),
        (breath, 40.0, None, one("respiratory_rate_high", 3)),
        (Sign::Systolic, 85.0, Some(4), vec![]),
        (Sign::Systolic, 85.0, Some(11), one("systolic_low", 2)),
        (Sign::Systolic, 85.0, Some(12), one("systolic_low", 2)),
        (Sign::Systolic, 72.0, Some(1), one("systolic_low", 2)),
        (Sign::MeanPressure, 50.0, Some(1), vec![]),
        (Sign::MeanPressure, 50.0, ADULT, one("mean_pressure_low", 3)),
    ] {
        assert_eq!(
            raised(age, &[(sign, value)]),
            expected,
            "{sign:?} {value} at {age:?} years"
        );
    }
}

#[test]
fn every_age_has_one_rule_for_each_side_of_rates_and_pressures() {
    let set = parse(RULES).unwrap();
    let ages = (0..=120).map(Some).chain([None]);
    for age in ages {
        let mut context = v1::Context {
            patient_id: "p".into(),
            age_years: age,
            ..v1::Context::default()
        };
        context.sex = "female".into();
        let bytes = context.encode_to_vec();
        let traits = Traits::read(&bytes).unwrap();
        for kind in [
            "heart_rate_low",
            "heart_rate_high",
            "respiratory_rate_low",
            "respiratory_rate_high",
            "systolic_low",
            "systolic_high",
            "mean_pressure_low",
            "mean_pressure_high",
        ] {
            let rules = set.rules().iter().filter(|rule| rule.alert_type == kind);
            let own =
                rules.filter(|rule| rule.population.as_ref().is_none_or(|p| p.includes(&traits)));
            assert_eq!(own.count(), 1, "{kind} at {age:?}");
        }
    }
}

#[test]
fn a_more_urgent_step_lies_further_out() {
    let set = parse(RULES).unwrap();
    for rule in set.rules() {
        if let Test::Limit(test) = &rule.test {
            let limits: Vec<f64> = test.steps.iter().filter_map(|step| step.limit).collect();
            let ordered = limits.windows(2).all(|pair| match test.direction {
                Direction::Low => pair[1] < pair[0],
                Direction::High => pair[1] > pair[0],
            });
            assert!(ordered, "{}", rule.id);
        }
    }
}

#[test]
fn an_asystole_is_told_whoever_it_is_and_stays() {
    for age in [Some(0), Some(8), ADULT, None] {
        assert_eq!(
            raised(age, &[(Sign::HeartRate, 0.0)])[0],
            ("asystole".to_owned(), 3)
        );
    }
    let said = run_one_by_one(&rates(&[(0, 0.0), (1, 80.0), (2, 0.0), (3, 80.0)])).said();
    let asystole: Vec<_> = said.iter().filter(|s| s.0 == "asystole").collect();
    let (start, update) = (1, 2);
    let phases: Vec<_> = asystole.iter().map(|s| s.1).collect();
    assert_eq!(
        phases,
        [start, update, update, update],
        "latched, returned, latched: {said:?}"
    );
}

#[test]
fn a_pressure_that_falls_is_told_before_a_limit_is_reached() {
    let pressures = |values: &[(i64, f64)]| {
        let made = values.iter().enumerate().map(|(n, (second, value))| {
            observation(
                n as u64,
                "p1",
                "d1",
                *second,
                &[(Sign::Systolic, *value, 0)],
            )
        });
        run_one_by_one(&made.collect::<Vec<_>>()).said()
    };
    let fall: Vec<_> = (0..60).map(|i| (i * 10, 150.0 - i as f64)).collect();
    assert!(pressures(&fall).contains(&("systolic_fall".to_owned(), 1, 1)));
    let stable: Vec<_> = (0..60).map(|i| (i * 10, 150.0 - (i % 20) as f64)).collect();
    assert_eq!(pressures(&stable), []);
}

#[test]
fn several_signs_together_say_more() {
    let (heart, systolic, breath, warm) = (
        Sign::HeartRate,
        Sign::Systolic,
        Sign::RespiratoryRate,
        Sign::Temperature,
    );
    let said = raised(ADULT, &[(heart, 115.0), (systolic, 88.0)]);
    assert!(
        said.contains(&("shock_suspected".to_owned(), 3)),
        "{said:?}"
    );
    let sepsis = [(heart, 115.0), (breath, 23.0), (warm, 38.6)];
    assert_eq!(
        raised(ADULT, &sepsis),
        [
            ("temperature_high".to_owned(), 1),
            ("sepsis_suspected".to_owned(), 2)
        ]
    );
    assert!(!raised(ADULT, &sepsis[..2]).contains(&("sepsis_suspected".to_owned(), 2)));
    assert!(!raised(Some(3), &sepsis).contains(&("sepsis_suspected".to_owned(), 2)));
}

#[test]
fn limits_of_few_take_no_shortcut_from_the_others() {
    let set = parse(RULES).unwrap();
    for (sign, value) in [
        (Sign::HeartRate, 80.0),
        (Sign::RespiratoryRate, 15.0),
        (Sign::Systolic, 125.0),
        (Sign::Spo2, 97.0),
    ] {
        assert!(set.is_within_all_limits(sign, value), "{sign:?}");
    }
}
