//! The context table: answers, changes, clearings, and whose a device was at a time.

use prost::Message;

use super::*;
use crate::context::Lookup;
use crate::pb::{registry, v1};

/// Device, whether it is known, and its links: from, to, patient.
type Said<'a> = (&'a str, bool, &'a [(i64, i64, &'a str)]);

fn response(devices: &[Said<'_>]) -> Vec<u8> {
    let devices = devices.iter().map(|(id, known, links)| {
        let links = links
            .iter()
            .map(|(from_us, to_us, patient)| registry::Link {
                from_us: *from_us,
                to_us: *to_us,
                context: Some(v1::Context {
                    patient_id: (*patient).into(),
                    ward: "W1".into(),
                    ..Default::default()
                }),
            });
        registry::DeviceContext {
            device_id: (*id).into(),
            known: *known,
            links: links.collect(),
            ..Default::default()
        }
    });
    let response = registry::GetContextsResponse {
        version: "1".into(),
        devices: devices.collect(),
    };
    response.encode_to_vec()
}

/// The patient's id, "orphan" or "unavailable".
fn whose(table: &ContextTable, device: &str, t: i64) -> String {
    let devices = table.read();
    match devices.find(device).map(|device| device.at(t)) {
        Some(Lookup::Patient(patient)) => patient.parts().0.into(),
        Some(Lookup::Orphan) => "orphan".into(),
        Some(Lookup::Unavailable) | None => "unavailable".into(),
    }
}

fn ask(table: &ContextTable, device: &str) {
    table.ask(&[device.to_owned()]);
}

#[test]
fn a_device_is_its_patients_of_that_time() {
    let table = ContextTable::default();
    let links: &[_] = &[(10, 20, "p1"), (30, 0, "p2")];
    let known = table
        .apply(&response(&[("d", true, links), ("x", false, links)]))
        .unwrap();
    assert_eq!((known, table.len()), (2, 2));
    for (t, expected) in [(5, "orphan"), (10, "p1"), (20, "orphan"), (99, "p2")] {
        assert_eq!(whose(&table, "d", t), expected);
    }
    assert_eq!(
        whose(&table, "x", 15),
        "orphan",
        "not known to the registry"
    );
    assert_eq!(whose(&table, "y", 15), "unavailable", "never asked for");
}

#[test]
fn a_link_to_nobody_is_no_link() {
    let table = ContextTable::default();
    table
        .apply(&response(&[("d", true, &[(0, 0, "")])]))
        .unwrap();
    assert_eq!(whose(&table, "d", 1), "orphan");
}

#[test]
fn a_response_is_taken_whole_or_not_at_all() {
    let table = ContextTable::default();
    let mut bytes = response(&[("d", true, &[(0, 0, "p")])]);
    bytes.extend_from_slice(&response(&[("", true, &[])]));
    assert!(table.apply(&bytes).is_err());
    assert!(table.apply(b"\xff").is_err());
    assert_eq!(
        (table.len(), whose(&table, "d", 1)),
        (0, "unavailable".into())
    );
}

#[test]
fn devices_of_one_patient_share_its_context() {
    let table = ContextTable::default();
    let links: &[_] = &[(0, 0, "p")];
    table
        .apply(&response(&[("a", true, links), ("b", true, links)]))
        .unwrap();
    table.apply(&response(&[("c", true, links)])).unwrap();
    assert_eq!(table.read().contexts.len(), 1);
    table.clear();
    table.clear();
    assert_eq!(table.read().contexts.len(), 0, "not kept for nobody");
}

#[test]
fn a_changed_device_is_used_until_asked_for_and_then_no_more() {
    let table = ContextTable::default();
    let bytes = response(&[("d", true, &[(0, 0, "p")])]);
    table.apply(&bytes).unwrap();
    table.invalidate(&["d", "not held"]);
    assert_eq!(table.len(), 0);
    assert_eq!(
        whose(&table, "d", 1),
        "p",
        "the batch under way came before the change"
    );
    ask(&table, "d");
    assert_eq!(
        whose(&table, "d", 1),
        "unavailable",
        "it may be another patient's now"
    );
    table.apply(&bytes).unwrap();
    assert_eq!((table.len(), whose(&table, "d", 1)), (1, "p".into()));
}

#[test]
fn a_cleared_device_stays_usable_while_the_registry_is_away() {
    let table = ContextTable::default();
    table
        .apply(&response(&[("d", true, &[(0, 0, "p")])]))
        .unwrap();
    for _ in 0..3 {
        table.clear();
        ask(&table, "d");
        assert_eq!((table.len(), whose(&table, "d", 1)), (0, "p".into()));
    }
}

#[test]
fn what_was_not_seen_between_two_clearings_is_forgotten() {
    let table = ContextTable::default();
    table
        .apply(&response(&[("d", true, &[(0, 0, "p")])]))
        .unwrap();
    ask(&table, "never answered");
    for _ in 0..3 {
        table.clear();
    }
    assert_eq!(table.read().by_id.len(), 0);
}

#[test]
fn an_answer_that_a_change_overtook_is_asked_for_again() {
    let table = ContextTable::default();
    let bytes = response(&[("d", true, &[(0, 0, "old")])]);
    ask(&table, "d");
    table.invalidate(&["d"]);
    table.apply(&bytes).unwrap();
    assert_eq!((table.len(), whose(&table, "d", 1)), (0, "old".into()));
    ask(&table, "d");
    assert_eq!(whose(&table, "d", 1), "unavailable");
    table.apply(&bytes).unwrap();
    assert_eq!(table.len(), 1);
    ask(&table, "e");
    table.clear();
    table
        .apply(&response(&[("e", true, &[(0, 0, "p")])]))
        .unwrap();
    assert_eq!((table.len(), whose(&table, "e", 1)), (0, "p".into()));
}

#[test]
fn fields_of_a_newer_registry_are_passed_on() {
    let table = ContextTable::default();
    let mut context = v1::Context {
        patient_id: "p".into(),
        ..Default::default()
    }
    .encode_to_vec();
    context.extend_from_slice(&[0xf8, 0x07, 1]); // field 127
    let mut w = crate::wire::Writer::default();
    w.message(2, |w| {
        w.bytes(1, b"d");
        w.varint(2, 1);
        w.message(4, |w| w.bytes(3, &context));
    });
    table.apply(w.as_slice()).unwrap();
    let devices = table.read();
    let Lookup::Patient(patient) = devices.find("d").unwrap().at(1) else {
        unreachable!()
    };
    assert_eq!(patient.parts().1, context);
}
