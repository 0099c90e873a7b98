//! Normalisation against the golden vectors that the Python tests read too, and its accounting.

use proptest::prelude::*;
use prost::Message as _;
use serde_json::Value;

use super::Normalizer;
use crate::outcome::Outcome;
use crate::pb::v1::{
    DeadLetter, Header, Observation, RawMeasurement, RawObservation, TelemetryBatch,
};
use crate::sign::Sign;
use crate::time::{DAY_US, SECOND_US};

const T0: i64 = 1_700_000_000_000_000;
const QUALITIES: [&str; 6] = [
    "IMPLAUSIBLE",
    "SENTINEL",
    "UNIT_UNKNOWN",
    "MISMATCH",
    "DISCONNECTED",
    "CONVERTED",
];

fn raw(said: &[(&str, &str, &str)]) -> RawObservation {
    RawObservation {
        header: Some(Header {
            event_id: vec![7; 16],
            trace_id: vec![9; 16],
            event_type: 1,
            version: 1,
            event_time_us: T0,
            ingest_time_us: T0 + 10,
            process_time_us: T0 + 10,
            device_id: "d1".into(),
            ..Header::default()
        }),
        measurements: said
            .iter()
            .map(|(metric, value, unit)| RawMeasurement {
                metric: (*metric).into(),
                value: (*value).into(),
                unit: (*unit).into(),
                measurement_time_us: 0,
            })
            .collect(),
        ..RawObservation::default()
    }
}

fn batch(raw: Vec<RawObservation>) -> Vec<u8> {
    TelemetryBatch {
        raw,
        observations: vec![],
        controls: Vec::new(),
    }
    .encode_to_vec()
}

fn process(values: &[&[u8]], max: u32) -> Outcome {
    let offsets: Vec<i64> = (10..).take(values.len()).collect();
    let outcome = Normalizer::new(max).process("telemetry.raw", 3, &offsets, values, T0 + 99);
    assert_eq!(
        outcome.observations_in,
        outcome.observations_out + outcome.dead_lettered
    );
    assert!(outcome
        .records
        .iter()
        .all(|r| r.partition == 3 && r.observations <= max));
    outcome
}

fn observations(outcome: &Outcome) -> Vec<Observation> {
    let batches = outcome
        .records
        .iter()
        .map(|r| TelemetryBatch::decode(r.value.as_slice()).unwrap());
    batches.flat_map(|b| b.observations).collect()
}

fn normalize(raw: RawObservation) -> Observation {
    let outcome = process(&[&batch(vec![raw])], 10);
    assert_eq!((outcome.observations_out, outcome.dead_lettered), (1, 0));
    observations(&outcome).pop().unwrap()
}

fn texts(list: &Value) -> Vec<Vec<String>> {
    let row = |row: &Value| {
        row.as_array()
            .unwrap()
            .iter()
            .map(|t| t.as_str().unwrap().to_owned())
            .collect()
    };
    list.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn every_golden_vector() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../../tests/golden/normalize.json")).unwrap();
    for case in &cases {
        let name = &case["name"];
        let said = texts(&case["said"]);
        let said: Vec<_> = said
            .iter()
            .map(|s| (s[0].as_str(), s[1].as_str(), s[2].as_str()))
            .collect();
        let mut raw = raw(&said);
        for (key, value) in case["metadata"].as_object().into_iter().flatten() {
            raw.metadata
                .insert(key.clone(), value.as_str().unwrap().into());
        }
        let vitals = normalize(raw).vitals.unwrap();
        let expected = case["columns"].as_array().unwrap();
        assert_eq!(vitals.signs.len(), expected.len(), "{name}: {vitals:?}");
        assert_eq!(
            (vitals.values.len(), vitals.quality.len()),
            (expected.len(), expected.len()),
            "{name}"
        );
        for (i, column) in expected.iter().enumerate() {
            let sign = Sign::from_number(vitals.signs[i] as u64).unwrap();
            let bits = column[2].as_array().unwrap().iter().fold(0, |bits, q| {
                bits | 1 << QUALITIES.iter().position(|known| q == known).unwrap()
            });
            assert_eq!(column[0], sign.field(), "{name}");
            match column[1].as_f64() {
                Some(value) => assert_eq!(vitals.values[i], value, "{name}"),
                None => assert!(vitals.values[i].is_nan(), "{name}"),
            }
            assert_eq!(vitals.quality[i], bits, "{name}: {}", sign.field());
        }
        let issues: Vec<_> = vitals
            .issues
            .iter()
            .map(|i| vec![i.field.clone(), i.code.clone(), i.original.clone()])
            .collect();
        let unmapped: Vec<_> = vitals
            .unmapped
            .iter()
            .map(|u| vec![u.metric.clone(), u.value.clone(), u.unit.clone()])
            .collect();
        assert_eq!(issues, texts(&case["issues"]), "{name}");
        assert_eq!(unmapped, texts(&case["unmapped"]), "{name}");
    }
}

#[test]
fn the_header_goes_on_and_the_id_is_derived() {
    let mut sent = raw(&[("hr", "80", "")]);
    sent.sequence = Some(0);
    sent.battery_percent = Some(0.0);
    sent.firmware = "f".into();
    sent.device_type = "t".into();
    let made = normalize(sent.clone());
    assert_eq!(made, normalize(sent));
    let (header, vitals) = (made.header.unwrap(), made.vitals.unwrap());
    assert_eq!(header.source_event_id, [7; 16]);
    assert_ne!(header.event_id, header.source_event_id);
    assert_eq!(header.trace_id, [9; 16]);
    assert_eq!((header.event_type, header.version), (2, 1));
    assert_eq!(
        (
            header.event_time_us,
            header.ingest_time_us,
            header.process_time_us
        ),
        (T0, T0 + 10, T0 + 99)
    );
    assert_eq!(
        (vitals.sequence, vitals.battery_percent),
        (Some(0), Some(0.0))
    );
    assert_eq!(
        (
            vitals.firmware.as_str(),
            vitals.device_type.as_str(),
            vitals.flags
        ),
        ("f", "t", 0)
    );
}

#[test]
fn a_clock_that_leads_is_flagged() {
    for (lead, flags) in [(60 * SECOND_US, 0), (60 * SECOND_US + 1, 16), (DAY_US, 16)] {
        let mut sent = raw(&[("hr", "80", "")]);
        let header = sent.header.as_mut().unwrap();
        header.event_time_us = header.ingest_time_us + lead;
        assert_eq!(normalize(sent).vitals.unwrap().flags, flags, "{lead}");
    }
}

#[test]
fn samples_of_different_times_do_not_disagree_and_the_latest_is_believed() {
    let mut sent = raw(&[("spo2", "91", ""), ("spo2", "88", ""), ("spo2", "88", "")]);
    for (i, measurement) in sent.measurements.iter_mut().enumerate() {
        measurement.measurement_time_us = T0 + i as i64;
    }
    let vitals = normalize(sent).vitals.unwrap();
    assert_eq!(vitals.values, [91.0, 88.0, 88.0]);
    assert_eq!(vitals.quality, [8, 8, 0]);
}

#[test]
fn small_batches_are_merged_in_order() {
    let mut values = Vec::new();
    for i in 0..25u64 {
        let mut one = raw(&[("hr", "80", "")]);
        one.sequence = Some(i);
        values.push(batch(vec![one]));
    }
    let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let outcome = process(&slices, 10);
    let sizes: Vec<_> = outcome.records.iter().map(|r| r.observations).collect();
    assert_eq!(sizes, [10, 10, 5]);
    let sequences: Vec<_> = observations(&outcome)
        .into_iter()
        .map(|o| o.vitals.unwrap().sequence.unwrap())
        .collect();
    assert!(sequences.is_sorted());
}

#[test]
fn what_cannot_be_read_is_dead_lettered_with_its_bytes() {
    let good = raw(&[("hr", "80", "")]);
    let broken = |change: fn(&mut RawObservation)| {
        let mut raw = good.clone();
        change(&mut raw);
        raw
    };
    let bad = vec![
        broken(|r| r.header = None),
        broken(|r| r.header.as_mut().unwrap().event_id = vec![1; 15]),
        broken(|r| r.header.as_mut().unwrap().device_id.clear()),
        broken(|r| r.header.as_mut().unwrap().event_time_us = 0),
        broken(|r| r.header.as_mut().unwrap().event_time_us += 2 * DAY_US),
        broken(|r| r.measurements.clear()),
        broken(|r| r.measurements[0].metric.clear()),
    ];
    let mut all = vec![good.clone()];
    all.extend(bad.clone());
    all.push(good.clone());
    let outcome = process(&[&batch(all), b"\x0a\xff", &batch(vec![good])], 100);
    assert_eq!((outcome.observations_out, outcome.dead_lettered), (3, 7));
    let letters: Vec<_> = outcome
        .dead_letters
        .iter()
        .map(|d| DeadLetter::decode(d.value.as_slice()).unwrap())
        .collect();
    for (letter, raw) in letters.iter().zip(&bad) {
        assert_eq!(
            letter.original,
            batch(vec![raw.clone()]),
            "{}",
            letter.error_message
        );
        assert_eq!(
            (letter.offset, letter.stage.as_str()),
            (10, "telemetry-normalizer")
        );
        assert!(!letter.error_code.is_empty());
    }
    let whole = letters.last().unwrap();
    assert_eq!(
        (whole.original.as_slice(), whole.error_code.as_str()),
        (b"\x0a\xff".as_slice(), "malformed_protobuf")
    );
    assert_eq!((whole.offset, whole.observations), (11, 0));
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(bytes: Vec<u8>, more: Vec<u8>) {
        process(&[&bytes, &more], 10);
    }

    #[test]
    fn damaged_batches_are_accounted_for(damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = batch(vec![raw(&[("hr", "80", "bpm"), ("bp", "120/80", "")]); 3]);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        process(&[&bytes], 10);
    }

    /// Whatever a device says: no usable value is outside what a patient shows, and nothing is lost.
    #[test]
    fn nothing_is_lost_and_nothing_unbelievable_is_used(
        said in proptest::collection::vec(
            ("(hr|heart_rate|spo2|temp|bp|fio2|gcs|consciousness|etco2|rr|pulse|glucose|[a-z]{1,8})",
             r"(-?[0-9]{0,4}(\.[0-9]{0,3})?|[0-9]{2,3}/[0-9]{2,3}|NaN|1e999|[a-z]{0,4})",
             "(|bpm|%|degF|Cel|kPa|mmHg|mmol/L|[a-z]{1,3})"), 1..12)
    ) {
        let borrowed: Vec<_> = said.iter().map(|(m, v, u)| (m.as_str(), v.as_str(), u.as_str())).collect();
        let vitals = normalize(raw(&borrowed)).vitals.unwrap();
        let mut used = std::collections::HashSet::new();
        for ((sign, value), quality) in vitals.signs.iter().zip(&vitals.values).zip(&vitals.quality) {
            let sign = Sign::from_number(*sign as u64).unwrap();
            if quality & crate::observation::quality::EXCLUDES == 0 {
                prop_assert!(crate::validate::is_plausible(sign, *value), "{sign:?} {value}");
                prop_assert!(used.insert(sign), "{sign:?} is usable twice");
            }
        }
        for (metric, ..) in &said {
            let known = crate::vocabulary::lookup(metric).is_some();
            let unmapped = vitals.unmapped.iter().any(|u| &u.metric == metric);
            prop_assert!(known != unmapped, "{metric}");
        }
    }
}
