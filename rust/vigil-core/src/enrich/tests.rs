//! Enrichment adds the context, changes nothing else and loses nothing, also of damaged batches.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::ids::derive;
use crate::pb::{registry, v1};

const PARTITIONS: u32 = 4;
const NOW: i64 = 1_700_000_000_000_000;

fn observation(n: usize, device: &str, event_time_us: i64, value: f64) -> v1::Observation {
    v1::Observation {
        header: Some(v1::Header {
            event_id: derive("test", &[&n.to_le_bytes()]).to_vec(),
            source_event_id: vec![1; 16],
            trace_id: vec![7; 16],
            event_type: event_type::TELEMETRY_NORMALIZED as i32,
            version: 1,
            event_time_us,
            ingest_time_us: event_time_us + 5,
            process_time_us: event_time_us + 9,
            device_id: device.into(),
            ..Default::default()
        }),
        vitals: Some(v1::Vitals {
            signs: vec![1, 3],
            values: vec![value, 97.0],
            quality: vec![0, 0],
            firmware: "f".repeat(n % 200),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn encode(observations: &[v1::Observation]) -> Vec<u8> {
    let batch = v1::TelemetryBatch {
        raw: vec![],
        controls: Vec::new(),
        observations: observations.to_vec(),
    };
    batch.encode_to_vec()
}

fn context(patient_id: &str) -> v1::Context {
    v1::Context {
        patient_id: patient_id.into(),
        age_years: Some(70),
        limits: vec![v1::Limit {
            sign: 1,
            high: Some(120.0),
            ..Default::default()
        }],
        ward: "ICU".into(),
        ..Default::default()
    }
}

/// d0 has always been p0's; d1 was p1's, then p0's; d2 is registered and free; d3 nobody asked about.
fn table() -> Arc<ContextTable> {
    let link = |from_us, to_us, patient| registry::Link {
        from_us,
        to_us,
        context: Some(context(patient)),
    };
    let device = |id: &str, links| registry::DeviceContext {
        device_id: id.into(),
        known: true,
        links,
        ..Default::default()
    };
    let response = registry::GetContextsResponse {
        version: "1".into(),
        devices: vec![
            device("d0", vec![link(0, 0, "p0")]),
            device("d1", vec![link(100, 200, "p1"), link(300, 0, "p0")]),
            device("d2", vec![]),
        ],
    };
    let table = ContextTable::default();
    table.apply(&response.encode_to_vec()).unwrap();
    Arc::new(table)
}

/// What `table` says, in the test's own words.
fn expected_patient(device: &str, t: i64) -> (&'static str, u32) {
    match device {
        "d0" => ("p0", 0),
        "d1" if (100..200).contains(&t) => ("p1", 0),
        "d1" if t >= 300 => ("p0", 0),
        "d1" | "d2" => ("", flag::ORPHAN),
        _ => ("", flag::CONTEXT_UNAVAILABLE),
    }
}

fn enrich(values: &[Vec<u8>], observations_max: u32) -> Outcome {
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let offsets: Vec<i64> = (0..values.len() as i64).collect();
    let enricher = Enricher::new(table(), PARTITIONS, observations_max);
    let outcome = enricher.process("telemetry.normalized", 3, &offsets, &values, NOW);
    assert_eq!(
        outcome.observations_in,
        outcome.observations_out + outcome.dead_lettered
    );
    outcome
}

proptest! {
    /// Against prost: every observation once, on its partition, in its device's order, and as expected.
    #[test]
    fn enrichment_adds_the_context_and_changes_nothing_else(
        items in prop::collection::vec((0usize..4, 1i64..400, any::<f64>()), 0..60),
        split in 1usize..20,
        observations_max in 1u32..10,
    ) {
        let observations: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(n, (device, t, value))| observation(n, &format!("d{device}"), *t, *value))
            .collect();
        let values: Vec<_> = observations.chunks(split).map(encode).collect();
        let outcome = enrich(&values, observations_max);

        let mut expected: BTreeMap<u32, Vec<v1::Observation>> = BTreeMap::new();
        for mut observation in observations {
            let header = observation.header.as_mut().unwrap();
            let (patient, flags) = expected_patient(&header.device_id, header.event_time_us);
            header.source_event_id = std::mem::take(&mut header.event_id);
            let source: [u8; 16] = header.source_event_id[..].try_into().unwrap();
            header.event_id = derive_stage(&source, "telemetry-enrichment").to_vec();
            header.event_type = event_type::TELEMETRY_ENRICHED as i32;
            header.process_time_us = NOW;
            header.patient_id = patient.into();
            let key = if patient.is_empty() { header.device_id.clone() } else { patient.into() };
            observation.flags = flags;
            observation.context = (!patient.is_empty()).then(|| context(patient));
            expected.entry(partition_of(&key, PARTITIONS)).or_default().push(observation);
        }
        let mut written: BTreeMap<u32, Vec<v1::Observation>> = BTreeMap::new();
        for record in &outcome.records {
            let batch = v1::TelemetryBatch::decode(&record.value[..]).unwrap();
            prop_assert!(batch.raw.is_empty());
            prop_assert_eq!(batch.observations.len() as u32, record.observations);
            prop_assert!((1..=observations_max).contains(&record.observations));
            written.entry(record.partition).or_default().extend(batch.observations);
        }
        // NaN is not equal to itself: the encoded form is compared.
        let bytes = |all: &BTreeMap<u32, Vec<v1::Observation>>| -> Vec<(u32, Vec<u8>)> {
            all.iter().map(|(p, o)| (*p, encode(o))).collect()
        };
        prop_assert_eq!(bytes(&written), bytes(&expected));
    }

    #[test]
    fn any_bytes_are_enriched_or_dead_lettered_without_panic(values: Vec<Vec<u8>>) {
        enrich(&values, 10);
    }

    #[test]
    fn a_damaged_batch_loses_nothing(at in 0usize..400, byte: u8) {
        let mut value = encode(&[observation(1, "d0", 50, 1.0), observation(2, "d9", 50, 2.0)]);
        let at = at % value.len();
        value[at] = byte;
        let outcome = enrich(&[value], 10);
        prop_assert!(!outcome.records.is_empty() || !outcome.dead_letters.is_empty());
    }
}

#[test]
fn an_observation_without_device_is_dead_lettered_with_its_id() {
    let bad = observation(1, "", 50, 1.0);
    let outcome = enrich(&[encode(&[observation(2, "d0", 50, 1.0), bad.clone()])], 10);
    assert_eq!((outcome.observations_out, outcome.dead_lettered), (1, 1));
    let letter = v1::DeadLetter::decode(&outcome.dead_letters[0].value[..]).unwrap();
    assert_eq!(letter.original, encode(std::slice::from_ref(&bad)));
    assert_eq!(letter.event_id, bad.header.unwrap().event_id);
    assert_eq!(letter.stage, "telemetry-enrichment");
    assert_eq!((letter.partition, letter.offset), (3, 0));
    assert_eq!(letter.error_code, "missing_field");
}

#[test]
fn what_is_worth_counting_is_counted() {
    let batch = encode(&[observation(1, "d2", 1, 1.0), observation(2, "d9", 1, 1.0)]);
    let counts = enrich(&[batch], 10).counts;
    assert_eq!(counts.get("orphan"), Some(&1));
    assert_eq!(counts.get("context_unavailable"), Some(&1));
}

#[test]
fn missing_names_each_device_once() {
    let enricher = Enricher::new(table(), PARTITIONS, 10);
    let one = encode(&[observation(1, "d9", 1, 1.0), observation(2, "d0", 1, 1.0)]);
    let two = encode(&[observation(3, "d9", 1, 1.0), observation(4, "d8", 1, 1.0)]);
    assert_eq!(
        enricher.missing(&[&one, &two, b"\xff\xff"]),
        vec!["d8", "d9"]
    );
}
