//! The same decisions over gRPC.

use std::sync::{Arc, RwLock};

use prost::Message as _;

use super::tests::{admissions, decoder, now, observations, AT};
use super::{Acceptance, Decoder};
use crate::pb::gateway;
use crate::time::parse_iso;

fn request(
    device: &str,
    timestamp: &str,
    values: &[(&str, f64)],
) -> gateway::SendMeasurementsRequest {
    gateway::SendMeasurementsRequest {
        version: "1.0".into(),
        device_id: device.into(),
        device_type: "monitor".into(),
        timestamp: timestamp.into(),
        measurements: values
            .iter()
            .map(|(metric, value)| gateway::Measurement {
                metric: (*metric).into(),
                value: *value,
                unit: "bpm".into(),
                ..gateway::Measurement::default()
            })
            .collect(),
        device_metadata: [("battery", "55"), ("firmware", "2"), ("site", "b")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
    }
}

fn accept_grpc(
    requests: Vec<gateway::SendMeasurementsRequest>,
) -> (Acceptance, gateway::SendMeasurementsBatchResponse) {
    let batch = gateway::SendMeasurementsBatchRequest {
        version: "1.0".into(),
        requests,
    };
    let acceptance = decoder().accept_grpc(&batch.encode_to_vec(), None, None, now());
    let response =
        gateway::SendMeasurementsBatchResponse::decode(acceptance.body.as_slice()).unwrap();
    (acceptance, response)
}

#[test]
fn grpc_has_a_result_per_request_naming_the_fields() {
    let mut timed = request("d1", AT, &[("hr", 80.0)]);
    timed.measurements[0].measurement_timestamp = "2025-12-31T23:59:59Z".into();
    let mut early = request("d1", AT, &[("hr", 1.0)]);
    early.measurements[0].measurement_timestamp = "1999-12-31T00:00:00Z".into();
    timed.measurements[0].raw_data = [("lead".to_owned(), "II".to_owned())].into();
    let (acceptance, response) = accept_grpc(vec![
        timed,
        request(
            "d1",
            AT,
            &[("hr", f64::NAN), ("", 1.0), ("spo2", f64::INFINITY)],
        ),
        request("", "yesterday", &[]),
        request("d2", AT, &[("hr", 36.6)]),
        request("d2", AT, &[]),
        early,
    ]);
    assert_eq!(
        (acceptance.status, response.accepted, response.rejected),
        (207, 2, 4)
    );
    let status: Vec<_> = response.results.iter().map(|r| r.status).collect();
    assert_eq!(status, [1, 2, 2, 1, 2, 2]);
    for named in [
        "measurements[0].value",
        "measurements[1].metric",
        "measurements[2].value",
        "not_finite",
    ] {
        assert!(
            response.results[1].message.contains(named),
            "{}",
            response.results[1].message
        );
    }
    assert!(response.results[2].message.contains("device_id"));
    assert!(response.results[2].message.contains("timestamp"));
    assert_eq!(response.results[0].timestamp, "2026-01-01T00:00:10.000000Z");
    let all = observations(&acceptance);
    let first = all
        .iter()
        .find(|raw| raw.header.as_ref().unwrap().device_id == "d1")
        .unwrap();
    assert_eq!(
        first.measurements[0].measurement_time_us,
        parse_iso("2025-12-31T23:59:59Z").unwrap()
    );
    assert_eq!(first.metadata["hr.lead"], "II");
    assert_eq!(
        (
            first.battery_percent,
            first.firmware.as_str(),
            &*first.metadata["site"]
        ),
        (Some(55.0), "2", "b")
    );
    let second = all
        .iter()
        .find(|raw| raw.header.as_ref().unwrap().device_id == "d2")
        .unwrap();
    assert_eq!(second.measurements[0].value, "36.6");
}

#[test]
fn a_grpc_batch_that_is_none_is_refused() {
    let acceptance = decoder().accept_grpc(b"\xff\xff", None, None, now());
    assert_eq!((acceptance.status, acceptance.accepted), (400, 0));
    let (acceptance, _) = accept_grpc(vec![]);
    assert_eq!(acceptance.status, 422);
    let decoder = Decoder::new(Arc::new(RwLock::new(admissions(true, &["d1"]))), 4, 1);
    let batch = gateway::SendMeasurementsBatchRequest {
        requests: vec![request("d1", AT, &[("hr", 1.0)]); 2],
        ..gateway::SendMeasurementsBatchRequest::default()
    };
    assert_eq!(
        decoder
            .accept_grpc(&batch.encode_to_vec(), None, None, now())
            .status,
        413
    );
}
