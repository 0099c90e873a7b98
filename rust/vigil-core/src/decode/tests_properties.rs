//! Whatever is sent: no panic, an answer, and only what was said in the records.

use proptest::prelude::*;
use serde_json::{json, Value};

use super::tests::{accept, decoder, now, observations, AT};

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        for acceptance in [accept(&bytes), decoder().accept_grpc(&bytes, None, None, now())] {
            prop_assert!((400..500).contains(&acceptance.status), "{}", acceptance.status);
        }
    }

    /// A damaged body: some bytes replaced. Whatever is accepted reads back, and the numbers agree.
    #[test]
    fn damaged_bodies_are_answered(damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        let item = r#"{"deviceId":"d1","timestamp":"2026-01-01T00:00:00Z","metrics":{"hr":80,"temp":{"value":3.75e1,"unit":"Cel"}},"units":{"hr":"bpm"},"sequence":7,"meta":{"battery":5}}"#;
        let mut bytes = format!("[{item},{item}]").into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let acceptance = accept(&bytes);
        if acceptance.unknown_devices.is_empty() {
            prop_assert!(matches!(acceptance.status, 202 | 207 | 400..=499));
            prop_assert_eq!(observations(&acceptance).len() as u64, acceptance.accepted);
            serde_json::from_slice::<Value>(&acceptance.body).unwrap();
        }
    }

    /// The encoding against prost: any accepted text and number comes back as it was sent.
    #[test]
    fn any_valid_item_reads_back(
        metrics in proptest::collection::btree_map("[a-zé]{1,12}", any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..20),
        sequence: Option<u64>,
        firmware in "[!-~]{1,64}",
    ) {
        let sent = json!({"deviceId": "d1", "timestamp": AT, "metrics": metrics, "sequence": sequence, "meta": {"firmware": firmware}});
        let acceptance = accept(sent.to_string().as_bytes());
        prop_assert_eq!(acceptance.status, 202, "{:?}", String::from_utf8_lossy(&acceptance.body));
        let raw = observations(&acceptance).pop().unwrap();
        prop_assert_eq!(raw.sequence, sequence);
        prop_assert_eq!(raw.firmware, firmware);
        let said: std::collections::BTreeMap<_, _> =
            raw.measurements.iter().map(|m| (m.metric.clone(), m.value.parse::<f64>().unwrap())).collect();
        prop_assert_eq!(said, metrics);
    }
}
