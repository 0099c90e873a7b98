//! The ledger: what is missing, invented, repeated, or excused by a dead letter.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::ids::derive;
use crate::pb::v1;

fn root(n: u64) -> Id {
    derive("test", &[&n.to_le_bytes()])
}

/// The event id of the `n`-th observation after `hops` stages.
fn at(n: u64, hops: usize) -> Id {
    WRITERS
        .iter()
        .take(hops)
        .fold(root(n), |id, writer| derive_stage(&id, writer))
}

fn header_of(n: u64, hops: usize) -> v1::Header {
    let source = hops.checked_sub(1).map(|before| at(n, before).to_vec());
    v1::Header {
        event_id: at(n, hops).to_vec(),
        source_event_id: source.unwrap_or_default(),
        device_id: "d".into(),
        ..Default::default()
    }
}

/// The batch of `ns` as it stands after `hops` stages.
fn batch(ns: &[u64], hops: usize) -> Vec<u8> {
    let mut batch = v1::TelemetryBatch::default();
    for n in ns {
        let header = Some(header_of(*n, hops));
        if hops == 0 {
            batch.raw.push(v1::RawObservation {
                header,
                ..Default::default()
            });
        } else {
            batch.observations.push(v1::Observation {
                header,
                ..Default::default()
            });
        }
    }
    batch.encode_to_vec()
}

fn dead(stage: &str, original: Vec<u8>, observations: u32) -> Vec<u8> {
    let letter = v1::DeadLetter {
        original,
        stage: stage.into(),
        observations,
        ..Default::default()
    };
    letter.encode_to_vec()
}

fn add(ledger: &mut Ledger, stage: &str, value: &[u8]) {
    ledger.add(stage, &[value]).unwrap();
}

fn count(ledger: &Ledger, stage: &str, name: &str) -> u64 {
    ledger.report()[stage][name]
}

#[test]
fn a_whole_journey_misses_and_invents_nothing_in_any_order() {
    let mut ledger = Ledger::default();
    for hops in [3, 1, 0, 2] {
        add(&mut ledger, STAGES[hops], &batch(&[1, 2, 3], hops));
    }
    for stage in &STAGES[..4] {
        assert_eq!(count(&ledger, stage, "distinct"), 3);
        for zero in ["duplicates", "missing", "invented", "unreadable"] {
            assert_eq!(count(&ledger, stage, zero), 0, "{zero} at {stage}");
        }
    }
}

#[test]
fn a_lost_observation_is_missing_from_there_on() {
    let mut ledger = Ledger::default();
    add(&mut ledger, "raw", &batch(&[1, 2], 0));
    add(&mut ledger, "normalized", &batch(&[1, 2], 1));
    add(&mut ledger, "enriched", &batch(&[1], 2));
    let missing = |stage| count(&ledger, stage, "missing");
    assert_eq!(
        (
            missing("normalized"),
            missing("enriched"),
            missing("scored")
        ),
        (0, 1, 2)
    );
}

#[test]
fn a_repeated_observation_is_a_duplicate_and_an_unknown_one_invented() {
    let mut ledger = Ledger::default();
    add(&mut ledger, "raw", &batch(&[1], 0));
    add(&mut ledger, "enriched", &batch(&[1, 1, 9], 2));
    assert_eq!(count(&ledger, "enriched", "observations"), 3);
    assert_eq!(count(&ledger, "enriched", "duplicates"), 1);
    assert_eq!(count(&ledger, "enriched", "invented"), 1);
    assert_eq!(count(&ledger, "enriched", "missing"), 0);
}

#[test]
fn a_dead_letter_excuses_its_stage_and_those_after_it() {
    let mut ledger = Ledger::default();
    add(&mut ledger, "raw", &batch(&[1, 2, 3, 4], 0));
    add(&mut ledger, "normalized", &batch(&[1, 2, 3], 1));
    add(&mut ledger, "enriched", &batch(&[2, 3], 2));
    add(&mut ledger, "scored", &batch(&[3], 3));
    add(
        &mut ledger,
        "dead_letter",
        &dead("telemetry-normalizer", batch(&[4], 0), 1),
    );
    add(
        &mut ledger,
        "dead_letter",
        &dead("rules-engine", batch(&[2], 2), 1),
    );
    // 1 died at the rules engine as its letter says, but it never came past enrichment.
    add(
        &mut ledger,
        "dead_letter",
        &dead("rules-engine", batch(&[1], 2), 1),
    );
    let missing = |stage| count(&ledger, stage, "missing");
    assert_eq!(
        (
            missing("normalized"),
            missing("enriched"),
            missing("scored")
        ),
        (0, 1, 0)
    );
    assert_eq!(count(&ledger, "dead_letter", "distinct"), 3);
    assert_eq!(count(&ledger, "dead_letter", "invented"), 0);
}

#[test]
fn originals_are_batches_bare_events_or_known_by_their_letter() {
    let mut ledger = Ledger::default();
    add(&mut ledger, "raw", &batch(&[1, 2, 3], 0));
    let raw = v1::RawObservation {
        header: Some(header_of(1, 0)),
        ..Default::default()
    };
    add(
        &mut ledger,
        "dead_letter",
        &dead("telemetry-normalizer", raw.encode_to_vec(), 1),
    );
    let vitals = Some(v1::Vitals {
        signs: vec![1; 16],
        values: vec![1.0; 16],
        ..Default::default()
    });
    let bare = v1::Observation {
        header: Some(header_of(2, 1)),
        vitals,
        ..Default::default()
    };
    add(
        &mut ledger,
        "dead_letter",
        &dead("telemetry-enrichment", bare.encode_to_vec(), 1),
    );
    let letter = v1::DeadLetter {
        original: b"\xff".to_vec(),
        stage: "telemetry-normalizer".into(),
        event_id: root(3).to_vec(),
        ..Default::default()
    };
    add(&mut ledger, "dead_letter", &letter.encode_to_vec());
    let alert = v1::AlertEvent {
        header: Some(header_of(7, 0)),
        alert_type: "heart_rate_high".into(),
        ..Default::default()
    };
    let alert = alert.encode_to_vec();
    add(&mut ledger, "alerts", &alert);
    add(&mut ledger, "alerts", &alert);
    add(
        &mut ledger,
        "dead_letter",
        &dead("incident-service", alert, 0),
    );
    assert_eq!(count(&ledger, "dead_letter", "distinct"), 4);
    assert_eq!(count(&ledger, "dead_letter", "invented"), 0);
    assert_eq!(count(&ledger, "alerts", "duplicates"), 1);
    let missing = |stage| count(&ledger, stage, "missing");
    assert_eq!((missing("normalized"), missing("enriched")), (1, 0));
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut ledger = Ledger::default();
    let mut value = batch(&[1, 2], 0);
    value.push(0x0a);
    add(&mut ledger, "raw", &value);
    add(&mut ledger, "raw", b"");
    assert_eq!(count(&ledger, "raw", "records"), 2);
    assert_eq!(
        (
            count(&ledger, "raw", "unreadable"),
            count(&ledger, "raw", "distinct")
        ),
        (1, 2)
    );
    assert!(ledger.add("heap", &[]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_counted_without_panic(values: Vec<Vec<u8>>) {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let mut ledger = Ledger::default();
        for stage in STAGES {
            ledger.add(stage, &values).unwrap();
        }
        ledger.report();
    }

    #[test]
    fn missing_and_invented_are_the_differences_of_sets(
        raw in prop::collection::btree_set(0u64..20, 0..20),
        scored in prop::collection::vec(0u64..20, 0..20),
    ) {
        let mut ledger = Ledger::default();
        add(&mut ledger, "raw", &batch(&raw.iter().copied().collect::<Vec<_>>(), 0));
        add(&mut ledger, "scored", &batch(&scored, 3));
        let scored: std::collections::BTreeSet<_> = scored.into_iter().collect();
        prop_assert_eq!(count(&ledger, "scored", "missing"), raw.difference(&scored).count() as u64);
        prop_assert_eq!(count(&ledger, "scored", "invented"), scored.difference(&raw).count() as u64);
    }
}

#[test]
fn an_unreadable_record_is_accounted_for_by_a_dead_letter_of_the_same_bytes() {
    let mut ledger = Ledger::default();
    for poison in [b"\xff\xff\xff".as_slice(), b"\x0a\x05cut"] {
        add(&mut ledger, "raw", poison);
    }
    assert_eq!(count(&ledger, "raw", "unreadable"), 2);
    let letter = dead("telemetry-normalizer", b"\xff\xff\xff".to_vec(), 0);
    add(&mut ledger, "dead_letter", &letter);
    assert_eq!(count(&ledger, "raw", "unreadable"), 1);
    for name in ["missing", "invented", "unreadable"] {
        assert_eq!(count(&ledger, "dead_letter", name), 0, "{name}");
    }
}
