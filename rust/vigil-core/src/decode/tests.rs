//! The gateway's decisions, from bytes to bytes. The malformed bodies are shared with the Python tests.

use std::sync::{Arc, RwLock};

use prost::Message as _;
use serde_json::{json, Value};

use super::{Acceptance, Admissions, Decoder};
use crate::ids;
use crate::pb::registry::{Admission, GetAdmissionsResponse};
use crate::pb::v1::{RawObservation, TelemetryBatch};
use crate::time::{parse_iso, DAY_US};

pub const AT: &str = "2026-01-01T00:00:00Z";

pub fn now() -> i64 {
    parse_iso("2026-01-01T00:00:10Z").unwrap()
}

pub fn admissions(allow_unknown: bool, devices: &[&str]) -> Admissions {
    let mut table = Admissions::new(false, allow_unknown);
    let admissions = devices.iter().map(|id| Admission {
        device_id: (*id).into(),
        known: true,
        active: true,
        key_sha256: vec![],
    });
    let response = GetAdmissionsResponse {
        admissions: admissions.collect(),
        ..GetAdmissionsResponse::default()
    };
    table.apply(&response.encode_to_vec()).unwrap();
    table
}

pub fn decoder() -> Decoder {
    let table = admissions(false, &["d1", "d2", "d3"]);
    Decoder::new(Arc::new(RwLock::new(table)), 4, 10_000)
}

pub fn accept(body: &[u8]) -> Acceptance {
    decoder().accept_json(body, None, None, now())
}

fn body(acceptance: &Acceptance) -> Value {
    serde_json::from_slice(&acceptance.body).unwrap()
}

pub fn observations(acceptance: &Acceptance) -> Vec<RawObservation> {
    let mut all = Vec::new();
    for record in &acceptance.records {
        let batch = TelemetryBatch::decode(record.value.as_slice()).unwrap();
        assert_eq!(batch.raw.len(), record.observations as usize);
        for raw in batch.raw {
            let device = &raw.header.as_ref().unwrap().device_id;
            assert_eq!(ids::partition_of(device, 4), record.partition);
            all.push(raw);
        }
    }
    all
}

#[test]
fn every_malformed_body_is_refused_by_the_fields_that_are_wrong() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../../tests/golden/malformed.json")).unwrap();
    assert!(cases.len() >= 200, "{}", cases.len());
    for case in cases.iter().filter(|case| case.get("base64").is_none()) {
        let bytes: String = match case["repeat"].as_array() {
            Some(parts) => parts
                .iter()
                .map(|part| {
                    part[0]
                        .as_str()
                        .unwrap()
                        .repeat(part[1].as_u64().unwrap() as usize)
                })
                .collect(),
            None => case["body"].as_str().unwrap().into(),
        };
        let acceptance = accept(bytes.as_bytes());
        let answer = body(&acceptance);
        let named = |list: &Value| -> Vec<(String, String)> {
            let mut pairs: Vec<_> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|e| {
                    (
                        e["code"].as_str().unwrap().to_owned(),
                        e["field"].as_str().unwrap().to_owned(),
                    )
                })
                .collect();
            pairs.sort();
            pairs
        };
        assert_eq!(
            named(&answer["errors"]),
            named(&case["errors"]),
            "{}",
            case["name"]
        );
        assert_eq!(
            u64::from(acceptance.status),
            case["status"].as_u64().unwrap(),
            "{}",
            case["name"]
        );
        assert_eq!(answer["status"], case["status"], "{}", case["name"]);
        assert_eq!(acceptance.content_type, "application/problem+json");
        assert_eq!(answer["trace_id"].as_str().unwrap().len(), 32);
        assert!(
            acceptance.records.is_empty() && acceptance.accepted == 0,
            "{}",
            case["name"]
        );
    }
}

#[test]
fn what_the_device_said_is_kept_verbatim() {
    let sent = r#" {"deviceId":"d1","timestamp":"2026-01-01T01:00:00+01:00","metrics":{"hr":80.50,"temp":{"value":"38,2","unit":"°C"},
        "consciousness":"V","spo2":null,"wei\u0072d":-1E+2},"units":{"hr":"BPM","missing":"kPa"},"sequence":18446744073709551615,
        "meta":{"battery":87.5,"firmware":"1.2.3","lead_off":false,"none":null},"deviceType":"monitor"} "#;
    let acceptance = accept(sent.as_bytes());
    assert_eq!(acceptance.status, 202);
    let raw = observations(&acceptance).pop().unwrap();
    let said: Vec<_> = raw
        .measurements
        .iter()
        .map(|m| (&*m.metric, &*m.value, &*m.unit))
        .collect();
    assert_eq!(
        said,
        [
            ("hr", "80.50", "BPM"),
            ("temp", "38,2", "°C"),
            ("consciousness", "V", ""),
            ("spo2", "", ""),
            ("weird", "-1E+2", "")
        ]
    );
    assert_eq!(
        (raw.timestamp.as_str(), raw.sequence),
        ("2026-01-01T01:00:00+01:00", Some(u64::MAX))
    );
    assert_eq!(
        (
            raw.battery_percent,
            raw.firmware.as_str(),
            raw.device_type.as_str()
        ),
        (Some(87.5), "1.2.3", "monitor")
    );
    assert_eq!(raw.metadata["lead_off"], "false");
    assert_eq!(raw.metadata["unit.missing"], "kPa");
    let header = raw.header.unwrap();
    assert_eq!((header.event_type, header.version), (1, 1));
    assert_eq!(
        (header.event_time_us, header.ingest_time_us),
        (parse_iso(AT).unwrap(), now())
    );
    assert_eq!(
        body(&acceptance)["eventId"],
        ids::to_text(&header.event_id.try_into().unwrap())
    );
}

#[test]
fn good_items_of_a_mixed_array_are_accepted() {
    let items = json!([
        {"deviceId": "d1", "timestamp": AT, "metrics": {"hr": 80}},
        {"deviceId": "d1", "timestamp": AT, "metrics": {"hr": true}},
        {"deviceId": "d2", "timestamp": 1_767_225_600_000_u64, "metrics": {"spo2": 97}},
        17,
    ]);
    let acceptance = accept(items.to_string().as_bytes());
    assert_eq!(
        (acceptance.status, acceptance.accepted, acceptance.rejected),
        (207, 2, 2)
    );
    let answer = body(&acceptance);
    let success: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["success"] == true)
        .collect();
    assert_eq!(success, [true, false, true, false]);
    assert_eq!(answer["results"][1]["errors"][0]["field"], "[1].metrics.hr");
    assert_eq!(observations(&acceptance).len(), 2);
    assert_eq!(acceptance.error_counts, [("wrong_type", 2)]);
}

#[test]
fn a_retry_is_the_same_fact() {
    let id = |item: Value| {
        observations(&accept(item.to_string().as_bytes()))[0]
            .header
            .clone()
            .unwrap()
            .event_id
    };
    let item = |hr: u64| json!({"deviceId": "d1", "timestamp": AT, "metrics": {"hr": hr}});
    let counted = |hr: u64, sequence: u64| json!({"deviceId": "d1", "timestamp": AT, "metrics": {"hr": hr}, "sequence": sequence});
    assert_eq!(id(item(80)), id(item(80)));
    assert_ne!(id(item(80)), id(item(81)));
    assert_eq!(id(counted(80, 1)), id(counted(81, 1)));
    assert_ne!(id(counted(80, 1)), id(counted(80, 2)));
    let twice = accept(json!([item(80), item(80)]).to_string().as_bytes());
    assert_eq!((twice.status, twice.accepted), (202, 2));
    assert_eq!(
        body(&twice)["results"][0]["eventId"],
        body(&twice)["results"][1]["eventId"]
    );
}

#[test]
fn order_within_a_device_is_kept_and_partitions_are_stable() {
    let items: Vec<Value> = (0..300)
        .map(|i| json!({"deviceId": format!("d{}", i % 3 + 1), "timestamp": AT, "metrics": {"hr": i}, "sequence": i}))
        .collect();
    let acceptance = accept(Value::from(items).to_string().as_bytes());
    let all = observations(&acceptance);
    assert_eq!(all.len(), 300);
    for device in ["d1", "d2", "d3"] {
        let of = |raw: &&RawObservation| raw.header.as_ref().unwrap().device_id == device;
        let sequences: Vec<_> = all
            .iter()
            .filter(of)
            .map(|raw| raw.sequence.unwrap())
            .collect();
        assert_eq!(sequences.len(), 100);
        assert!(sequences.is_sorted());
    }
}

#[test]
fn nothing_is_decided_while_a_device_is_unknown() {
    let item = |id: &str| json!({"deviceId": id, "timestamp": AT, "metrics": {"hr": 80}});
    let sent = json!([item("d1"), item("new"), item("new"), item("newer"), 17]).to_string();
    let acceptance = accept(sent.as_bytes());
    assert_eq!(acceptance.unknown_devices, ["new", "newer"]);
    assert!(
        acceptance.records.is_empty() && acceptance.body.is_empty() && acceptance.accepted == 0
    );
    assert!(acceptance.error_counts.is_empty());
}

#[test]
fn a_request_that_is_refused_for_one_reason_has_that_status() {
    let mut table = Admissions::new(true, false);
    let device = |id: &str, known, active| Admission {
        device_id: id.into(),
        known,
        active,
        key_sha256: vec![1; 32],
    };
    let response = GetAdmissionsResponse {
        admissions: vec![device("ghost", false, false), device("keyed", true, true)],
        ..GetAdmissionsResponse::default()
    };
    table.apply(&response.encode_to_vec()).unwrap();
    let decoder = Decoder::new(Arc::new(RwLock::new(table)), 4, 100);
    let item = |id: &str| json!({"deviceId": id, "timestamp": AT, "metrics": {"hr": 80}});
    let status = |sent: Value| {
        decoder
            .accept_json(sent.to_string().as_bytes(), Some("wrong"), None, now())
            .status
    };
    assert_eq!(status(item("ghost")), 404);
    assert_eq!(status(json!([item("ghost"), item("ghost")])), 404);
    assert_eq!(status(item("keyed")), 401);
    assert_eq!(status(json!([item("keyed"), item("ghost")])), 422);
}

#[test]
fn the_devices_clock_may_lead_a_day_and_no_more() {
    let status = |at: i64| {
        accept(
            json!({"deviceId": "d1", "timestamp": at / 1000, "metrics": {"hr": 80}})
                .to_string()
                .as_bytes(),
        )
        .status
    };
    assert_eq!(status(now() + DAY_US), 202);
    assert_eq!(status(now() + DAY_US + 1000), 422);
}

#[test]
fn the_list_of_errors_is_bounded_and_says_so() {
    let sent = format!("[{}]", vec![r#"{"a":1,"b":2}"#; 3000].join(","));
    let acceptance = accept(sent.as_bytes());
    let answer = body(&acceptance);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1000);
    assert_eq!(answer["errorsOmitted"], 15_000 - 1000);
    let good =
        r#"{"deviceId":"d1","timestamp":0,"metrics":{"hr":1}}"#.replace(":0,", ":1767225600000,");
    let mixed = format!("[{good},{}]", vec![r#"{"a":1,"b":2}"#; 3000].join(","));
    let answer = body(&accept(mixed.as_bytes()));
    assert_eq!(answer["rejected"], 3000);
    for result in answer["results"].as_array().unwrap().iter().skip(1) {
        assert!(!result["errors"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_trace_goes_on_or_is_derived() {
    let sent = json!({"deviceId": "d1", "timestamp": AT, "metrics": {"hr": 80}}).to_string();
    let trace = |header| {
        observations(&decoder().accept_json(sent.as_bytes(), None, header, now()))[0]
            .header
            .clone()
            .unwrap()
            .trace_id
    };
    let given = trace(Some(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ));
    assert_eq!(given[..4], [0x4b, 0xf9, 0x2f, 0x35]);
    assert_eq!(trace(None), trace(Some("nonsense")));
    assert_eq!(trace(None).len(), 16);
}
