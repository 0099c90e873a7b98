#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::ErrorCode;

fn table() -> PewsTable {
    PewsTable::parse(DEFAULT).unwrap()
}

#[test]
fn the_worst_child_scores_26() {
    let worst = score(
        &table(),
        &PewsInput {
            age_months: Some(6.0),
            heart_rate: Some(180.0),
            systolic: Some(60.0),
            capillary_refill: Some(3.0),
            respiratory_rate: Some(81.0),
            respiratory_effort: Some(RespiratoryEffort::Severe),
            spo2: Some(90.0),
            on_oxygen: Some(true),
            o2_flow: Some(4.0),
            fio2: None,
        },
    );
    assert_eq!(
        (worst.total, worst.risk, worst.partial),
        (26, Risk::High, false)
    );
}

#[test]
fn a_band_begins_at_its_age_and_ends_before_the_next() {
    let table = table();
    let name = |months| table.band(months).map(|band| band.name.clone());
    assert_eq!(name(2.99).unwrap(), "0-3 months");
    assert_eq!(name(3.0).unwrap(), "3-12 months");
    assert_eq!(name(144.0).unwrap(), "12 years and over");
    for outside in [-1.0, 216.0, f64::NAN] {
        assert_eq!(name(outside), None);
    }
}

#[test]
fn oxygen_without_its_amount_is_missing() {
    let therapy = |input: PewsInput| oxygen(&table(), &input);
    let given = |on_oxygen, o2_flow, fio2| PewsInput {
        on_oxygen,
        o2_flow,
        fio2,
        ..PewsInput::default()
    };
    assert_eq!(therapy(given(Some(true), None, None)), None);
    assert_eq!(therapy(given(Some(true), Some(0.0), None)), None);
    assert_eq!(therapy(given(Some(false), None, None)), Some(0));
    assert_eq!(therapy(given(None, Some(3.9), None)), Some(2));
    assert_eq!(therapy(given(None, Some(2.0), Some(50.0))), Some(4));
    assert_eq!(therapy(given(None, None, Some(21.0))), Some(0));
}

#[test]
fn a_wrong_table_is_refused_with_its_field() {
    for (from, to, field) in [
        ("[90, 2], [94, 1]", "[94, 1], [90, 2]", "spo2"),
        (
            "below_months = 12",
            "below_months = 3",
            "age_band '3-12 months' below_months",
        ),
        ("version = \"2009-1\"", "version = \" \"", "version"),
        ("high = [[3, 4]]", "high = [[3.05, 4]]", "capillary_refill"),
        ("high_from = 8", "high_fom = 8", "table"),
    ] {
        assert!(DEFAULT.contains(from));
        let error = PewsTable::parse(&DEFAULT.replace(from, to)).unwrap_err();
        assert_eq!(
            (error.code, error.field.as_str()),
            (ErrorCode::InvalidRule, field)
        );
    }
}
