use super::*;
use crate::features::{Person, Reading};

const MINUTE: i64 = 60_000_000;

fn known(values: &[(Sign, f64)]) -> Known {
    let mut known = Known::default();
    for (sign, value) in values {
        known.set(
            *sign,
            Reading {
                value: *value,
                time_us: 0,
            },
        );
    }
    known
}

fn person(age_years: Option<u32>) -> Profile {
    let mut profile = Profile::default();
    profile.person = Person {
        age_years,
        ..Person::default()
    };
    profile
}

fn total(kind: ScoreKind, age_years: Option<u32>, values: &[(Sign, f64)]) -> Total {
    make(kind, &known(values), &person(age_years), MINUTE)
}

#[test]
fn a_score_is_made_of_what_is_known() {
    let values = [
        (Sign::RespiratoryRate, 24.0),
        (Sign::PulseRate, 112.0),
        (Sign::ArtSystolic, 95.0),
    ];
    let mews = total(ScoreKind::Mews, None, &values);
    assert_eq!((mews.value, mews.partial), (2.0 + 2.0 + 1.0, true));
    assert_eq!(mews.giving_and_missing(), (0b00111, 0b11000));
    assert_eq!(mews.inputs[1].age_us, MINUTE);
    assert_eq!(total(ScoreKind::Qsofa, None, &values).value, 2.0);
    let sirs = total(ScoreKind::Sirs, Some(40), &values);
    assert_eq!((sirs.value, sirs.partial), (2.0, true));
    let shock = total(ScoreKind::ShockIndex, Some(40), &values);
    assert_eq!((shock.value, shock.partial), (112.0 / 95.0, false));
    let shock = total(ScoreKind::ShockIndex, Some(40), &values[..2]);
    assert_eq!((shock.value, shock.partial), (0.0, true));
    assert_eq!(shock.giving_and_missing(), (1, 2));
}

#[test]
fn a_gcs_below_15_gives_mews_a_lower_bound() {
    let mut values = vec![
        (Sign::RespiratoryRate, 12.0),
        (Sign::HeartRate, 80.0),
        (Sign::Systolic, 120.0),
        (Sign::Temperature, 37.0),
        (Sign::Gcs, 15.0),
    ];
    let mews = total(ScoreKind::Mews, None, &values);
    assert_eq!((mews.value, mews.partial), (0.0, false));
    values[4].1 = 6.0;
    let mews = total(ScoreKind::Mews, None, &values);
    assert_eq!((mews.value, mews.partial), (1.0, true));
}

#[test]
fn a_score_is_for_those_it_was_made_for() {
    for kind in ScoreKind::ALL {
        let child = kind == ScoreKind::Pews;
        assert_eq!(applicable(kind, Some(9)), child, "{kind:?}");
        assert_eq!(applicable(kind, Some(40)), !child, "{kind:?}");
        assert_eq!(applicable(kind, None), !child, "{kind:?}");
    }
    assert!(applicable(ScoreKind::Pews, Some(17)));
    assert!(!applicable(ScoreKind::Pews, Some(18)));
    assert!(!applicable(ScoreKind::Pews, Some(u32::MAX)));
    let adult = total(ScoreKind::Pews, Some(40), &[(Sign::Spo2, 80.0)]);
    assert!(!adult.applicable);
}

#[test]
fn an_infant_whose_months_are_unknown_has_a_lower_bound() {
    assert_eq!(bands_of(0), [0.0, 3.0]);
    assert_eq!(bands_of(2), [24.0]);
    // 75 /min: 4 points below 3 months, 2 from then on.
    let values = [(Sign::HeartRate, 75.0), (Sign::O2Flow, 4.0)];
    let pews = total(ScoreKind::Pews, Some(0), &values);
    assert_eq!((pews.value, pews.partial), (2.0 + 4.0, true));
}

#[test]
fn only_the_scores_asked_for_whose_input_came_are_made() {
    let asked = 1 << ScoreKind::Qsofa as u8 | 1 << ScoreKind::ShockIndex as u8;
    let of = |sign: Sign| concerned(asked, 1 << sign.index()).collect::<Vec<_>>();
    assert_eq!(of(Sign::PulseRate), [ScoreKind::ShockIndex]);
    assert_eq!(of(Sign::RespiratoryRate), [ScoreKind::Qsofa]);
    assert_eq!(of(Sign::Systolic).len(), 2);
    assert_eq!(of(Sign::Spo2), []);
}
