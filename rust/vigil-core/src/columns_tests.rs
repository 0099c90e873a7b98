//! Columns against the messages they were read from.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::pb::v1;

fn observation(patient: &str, device: &str, signs: usize) -> v1::Observation {
    v1::Observation {
        header: Some(v1::Header {
            event_id: vec![1; 16],
            event_time_us: 11,
            ingest_time_us: 12,
            process_time_us: 13,
            device_id: device.into(),
            patient_id: patient.into(),
            ..Default::default()
        }),
        vitals: Some(v1::Vitals {
            signs: (1..=signs as i32).collect(),
            values: (0..signs).map(|n| n as f64 + 0.5).collect(),
            quality: vec![32; signs],
            flags: 16,
            ..Default::default()
        }),
        context: Some(v1::Context {
            ward: format!("ward of {patient}"),
            ..Default::default()
        }),
        scores: Some(v1::Scores {
            risk: Some(0.25),
            anomaly: Some(0.75),
            flags: 4,
            source_offset: 99,
            model_version: "vitals-1".into(),
            early_warnings: vec![warning("news2", 7, "high")],
            ..Default::default()
        }),
        flags: 1,
    }
}

fn warning(name: &str, total: u32, risk: &str) -> v1::EarlyWarning {
    v1::EarlyWarning {
        name: name.into(),
        total,
        risk: risk.into(),
        ..Default::default()
    }
}

fn read(observations: Vec<v1::Observation>) -> ScoredColumns {
    let batch = v1::TelemetryBatch {
        raw: vec![],
        controls: Vec::new(),
        observations,
    };
    ScoredColumns::read(&[&batch.encode_to_vec()]).unwrap()
}

#[test]
fn each_field_has_its_column() {
    let columns = read(vec![
        observation("p1", "d1", 2),
        observation("", "d2", 0),
        observation("p1", "d1", 1),
    ]);
    assert_eq!((columns.observations(), columns.values()), (3, 3));
    assert_eq!(columns.patients.all(), ["", "p1"]);
    assert_eq!(columns.devices.all(), ["d1", "d2"]);
    assert_eq!(columns.wards.all(), ["", "ward of p1", "ward of "]);
    assert_eq!(columns.patient, [1, 0, 1]);
    assert_eq!(columns.device, [0, 1, 0]);
    assert_eq!(columns.ward, [1, 2, 1]);
    assert_eq!(columns.models.all(), ["", "vitals-1"]);
    assert_eq!(columns.model, [1; 3]);
    let times = (
        columns.event_time_us[0],
        columns.ingest_time_us[0],
        columns.process_time_us[0],
    );
    assert_eq!(times, (11, 12, 13));
    assert_eq!(columns.flags, [1 | 16 | 4; 3]);
    assert_eq!(columns.source_offset, [99; 3]);
    assert_eq!(columns.risk, [0.25; 3]);
    assert_eq!(columns.anomaly, [0.75; 3]);
    assert_eq!(columns.news2, [7; 3]);
    assert_eq!(columns.value_observation, [0, 0, 2]);
    assert_eq!(columns.value_sign, [1, 2, 1]);
    assert_eq!(columns.value_quality, [32; 3]);
    assert_eq!(columns.value, [0.5, 1.5, 0.5]);
}

#[test]
fn unavailable_is_neither_zero_nor_normal() {
    let mut without = observation("p", "d", 1);
    without.scores = None;
    let mut child = observation("p", "d", 1);
    child.scores = Some(v1::Scores {
        early_warnings: vec![
            warning("news2", 3, "not_applicable"),
            warning("mews", 5, ""),
        ],
        ..Default::default()
    });
    let mut zero = observation("p", "d", 1);
    zero.scores = Some(v1::Scores {
        risk: Some(0.0),
        early_warnings: vec![warning("news2", 0, "low")],
        ..Default::default()
    });
    let mut blank = observation("p", "d", 1);
    blank.scores = Some(v1::Scores {
        early_warnings: vec![warning("news2", 0, "unknown")],
        ..Default::default()
    });
    let columns = read(vec![without, child, zero, blank]);
    assert_eq!(columns.model, [0; 4]);
    assert_eq!(columns.news2, [-1, -1, 0, -1]);
    assert!(columns.risk[0].is_nan() && columns.risk[1].is_nan());
    assert_eq!(columns.risk[2], 0.0);
    assert!(columns.anomaly.iter().all(|score| score.is_nan()));
}

#[test]
fn a_batch_that_cannot_be_read_is_refused() {
    let mut nameless = observation("p", "", 1);
    let batch = v1::TelemetryBatch {
        raw: vec![],
        controls: Vec::new(),
        observations: vec![nameless.clone()],
    };
    assert!(ScoredColumns::read(&[&batch.encode_to_vec()]).is_err());
    assert!(ScoredColumns::read(&[b"\xff"]).is_err());
    nameless.header = None;
    assert!(read(vec![]).column("no such").is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(values: Vec<Vec<u8>>) {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let _ = ScoredColumns::read(&values);
    }

    #[test]
    fn indices_name_the_texts_they_stand_for(texts in prop::collection::vec("[a-d]{0,2}", 0..80)) {
        let mut names = Names::starting_with("");
        for text in &texts {
            let at = names.index_of(text) as usize;
            prop_assert_eq!(&names.all()[at], text);
        }
        let distinct: std::collections::BTreeSet<_> = names.all().iter().collect();
        prop_assert_eq!(distinct.len(), names.all().len());
    }
}
