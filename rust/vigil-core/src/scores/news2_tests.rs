//! Bugs that other implementations have, each by name. The whole table is swept against an
//! independent oracle in `tests/unit/core/test_news2.py`.

use super::*;
use proptest::prelude::*;

fn well() -> News2Input {
    News2Input {
        respiratory_rate: Some(16.0),
        spo2: Some(98.0),
        systolic: Some(120.0),
        heart_rate: Some(70.0),
        temperature: Some(37.0),
        on_oxygen: Some(false),
        consciousness: Some(Consciousness::Alert),
        spo2_scale: 1,
    }
}

fn sub(input: &News2Input, of: Input) -> Option<u8> {
    let scored = score(input);
    scored.subscores.iter().find(|(i, _)| *i == of).unwrap().1
}

#[test]
fn a_well_patient_scores_zero() {
    let news2 = score(&well());
    assert_eq!(
        (news2.total, news2.risk, news2.partial),
        (0, Risk::Low, false)
    );
    assert_eq!(news2.missing().count(), 0);
}

#[test]
fn the_worst_patient_scores_twenty() {
    let worst = News2Input {
        respiratory_rate: Some(25.0),
        spo2: Some(80.0),
        systolic: Some(80.0),
        heart_rate: Some(140.0),
        temperature: Some(34.0),
        on_oxygen: Some(true),
        consciousness: Some(Consciousness::Confusion),
        spo2_scale: 1,
    };
    assert_eq!((score(&worst).total, score(&worst).risk), (20, Risk::High));
}

#[test]
fn a_single_three_asks_for_more_than_its_total() {
    let low = News2Input {
        heart_rate: Some(40.0),
        ..well()
    };
    assert_eq!((score(&low).total, score(&low).risk), (3, Risk::LowMedium));
    let medium = News2Input {
        on_oxygen: Some(true),
        ..low
    };
    assert_eq!(
        (score(&medium).total, score(&medium).risk),
        (5, Risk::Medium)
    );
}

#[test]
fn thirty_nine_point_one_scores_two() {
    let fever = |t| {
        sub(
            &News2Input {
                temperature: Some(t),
                ..well()
            },
            Input::Temperature,
        )
    };
    assert_eq!(fever(39.1), Some(2));
    assert_eq!(fever(45.0), Some(2));
    assert_eq!(fever((98.6 - 32.0) * 5.0 / 9.0), Some(0));
    assert_eq!(
        fever((96.89 - 32.0) * 5.0 / 9.0),
        Some(1),
        "36.05 is as 36.0"
    );
}

#[test]
fn scale_2_on_air_never_scores_a_high_saturation() {
    let at = |spo2, on_oxygen| {
        let input = News2Input {
            spo2: Some(spo2),
            on_oxygen,
            spo2_scale: 2,
            ..well()
        };
        sub(&input, Input::Spo2)
    };
    assert_eq!(at(99.0, Some(false)), Some(0));
    assert_eq!(at(99.0, Some(true)), Some(3));
    assert_eq!(at(93.0, Some(true)), Some(1));
    assert_eq!(at(92.5, Some(true)), Some(1));
    assert_eq!(at(90.0, None), Some(0));
    assert_eq!(
        at(99.0, None),
        None,
        "neither 0 nor 3 while oxygen is unknown"
    );
}

#[test]
fn new_confusion_scores_three() {
    let confused = News2Input {
        consciousness: Some(Consciousness::Confusion),
        ..well()
    };
    assert_eq!(sub(&confused, Input::Consciousness), Some(3));
}

#[test]
fn missing_is_reported_and_never_scored() {
    let nothing = score(&News2Input::default());
    assert_eq!(
        (nothing.total, nothing.risk, nothing.partial),
        (0, Risk::Unknown, true)
    );
    assert_eq!(nothing.missing().count(), 7);
    let news2 = score(&News2Input {
        spo2: Some(f64::NAN),
        ..well()
    });
    assert_eq!(news2.missing().collect::<Vec<_>>(), vec![Input::Spo2]);
    assert!(news2.partial);
}

#[test]
fn not_for_children_nor_in_pregnancy() {
    assert!(!applicable(Some(15), false));
    assert!(applicable(Some(16), false));
    assert!(!applicable(Some(30), true));
    assert!(applicable(None, false));
}

proptest! {
    #[test]
    fn any_input_scores_within_the_chart(
        rr: Option<f64>, spo2: Option<f64>, sbp: Option<f64>, hr: Option<f64>, t: Option<f64>,
        on_oxygen: Option<bool>, spo2_scale: u8,
    ) {
        let news2 = score(&News2Input {
            respiratory_rate: rr, spo2, systolic: sbp, heart_rate: hr, temperature: t,
            on_oxygen, consciousness: None, spo2_scale,
        });
        prop_assert!(news2.total <= 20);
        prop_assert!(news2.partial);
    }
}
