//! The engine as a whole: what comes out must not depend on how the input is cut, nor on crashes.

use prost::Message;

mod alarms;
mod bounds;
mod crash;
mod defaults;
mod forget;
mod invariants;
mod kinds;
mod language;
mod log;
mod order;
mod pipeline;
mod properties;
mod signals;
mod silence;

use super::explain::Beside;
use super::*;
use crate::features::{SCORES, SIGN_COLUMNS};
use crate::ids::derive;
use crate::pb::v1;
use crate::sign::Sign;

pub const RULES: &str = include_str!("../../../../../rules/default.toml");
const T0: i64 = 1_700_000_000_000_000;
const SECOND: i64 = 1_000_000;

fn engine() -> Engine {
    Engine::new(RULES, 1000).unwrap()
}

/// Its rules are those of the default file, and one of each kind that it has not.
fn engine_of_all_kinds() -> Engine {
    Engine::new(&format!("{RULES}{}", kinds::KINDS), 1000).unwrap()
}

/// An enriched observation at `second`; `patient` "" is an orphan.
fn observation(
    n: u64,
    patient: &str,
    device: &str,
    second: i64,
    values: &[(Sign, f64, u32)],
) -> v1::Observation {
    let id = derive("test", &[&n.to_le_bytes()]).to_vec();
    let vitals = v1::Vitals {
        signs: values.iter().map(|v| v.0 as i32).collect(),
        values: values.iter().map(|v| v.1).collect(),
        quality: values.iter().map(|v| v.2).collect(),
        ..v1::Vitals::default()
    };
    let context = (!patient.is_empty()).then(|| v1::Context {
        patient_id: patient.into(),
        age_years: Some(60),
        limits: vec![v1::Limit {
            sign: v1::Sign::HeartRate.into(),
            high: (patient == "p2").then_some(100.0),
            ..v1::Limit::default()
        }],
        ..v1::Context::default()
    });
    v1::Observation {
        header: Some(v1::Header {
            event_id: id,
            trace_id: vec![9; 16],
            event_type: 3,
            version: 1,
            event_time_us: T0 + second * SECOND,
            ingest_time_us: T0 + second * SECOND + 5,
            process_time_us: 1,
            device_id: device.into(),
            patient_id: patient.into(),
            ..v1::Header::default()
        }),
        vitals: Some(vitals),
        context,
        ..v1::Observation::default()
    }
}

fn batch(observations: &[v1::Observation]) -> Vec<u8> {
    v1::TelemetryBatch {
        observations: observations.to_vec(),
        ..v1::TelemetryBatch::default()
    }
    .encode_to_vec()
}

/// A model that answers from the row alone.
fn model(pending: &Pending) -> Vec<u8> {
    let columns = pending.features().len() / pending.rows().max(1);
    let mut scores = Vec::new();
    for row in pending.features().chunks(columns.max(1)) {
        for column in 0..SCORES {
            // The signs' values: what stands between them tells of a past that a first row does not have.
            let value = row.get(column * SIGN_COLUMNS).copied().unwrap_or(f32::NAN);
            scores.extend((value / 300.0).to_le_bytes());
        }
    }
    scores
}

#[derive(Debug, Default, PartialEq)]
struct Run {
    features: Vec<u32>,
    scored: Vec<v1::Observation>,
    alerts: Vec<AlertRecord>,
}

impl Run {
    fn feed(&mut self, engine: &mut Engine, offset: i64, values: &[&[u8]]) {
        let offsets: Vec<i64> = (offset..).take(values.len()).collect();
        let mut pending = engine.begin("t", 0, &offsets, values, 3).unwrap();
        self.features
            .extend(pending.features().iter().map(|f| f.to_bits()));
        let scores = model(&pending);
        let made = engine.finish(&mut pending, Some(&scores), "m", 4).unwrap();
        for record in &made.outcome.records {
            let decoded = v1::TelemetryBatch::decode(record.value.as_slice()).unwrap();
            assert_eq!(decoded.observations.len(), record.observations as usize);
            self.scored.extend(decoded.observations);
        }
        let outcome = &made.outcome;
        let count = |name| outcome.counts.get(name).copied().unwrap_or(0);
        assert_eq!(
            outcome.observations_in + count("released"),
            outcome.observations_out + outcome.dead_lettered + count("held")
        );
        self.alerts.extend(made.alerts);
    }

    /// What people are told, but for the early-warning score and the model's.
    fn alerts(&self) -> Vec<v1::AlertEvent> {
        let mut alerts =
            self.all_alerts(|alert_type| !["news2", "risk_high"].contains(&alert_type));
        alerts.retain(|alert| alert.phase != v1::AlertPhase::Suppressed as i32);
        alerts
    }

    fn all_alerts(&self, wanted: impl Fn(&str) -> bool) -> Vec<v1::AlertEvent> {
        self.alerts
            .iter()
            .map(|a| v1::AlertEvent::decode(a.value.as_slice()).unwrap())
            .filter(|alert| wanted(&alert.alert_type))
            .collect()
    }

    /// Type, phase, priority.
    fn said(&self) -> Vec<(String, i32, i32)> {
        self.alerts()
            .into_iter()
            .map(|a| (a.alert_type, a.phase, a.priority))
            .collect()
    }
}

fn run_one_by_one(observations: &[v1::Observation]) -> Run {
    run_one_by_one_on(engine(), observations)
}

fn run_one_by_one_on(mut engine: Engine, observations: &[v1::Observation]) -> Run {
    let mut run = Run::default();
    for (i, one) in observations.iter().enumerate() {
        run.feed(&mut engine, i as i64, &[&batch(std::slice::from_ref(one))]);
    }
    run
}

fn rates(values: &[(i64, f64)]) -> Vec<v1::Observation> {
    values
        .iter()
        .enumerate()
        .map(|(n, (second, value))| {
            observation(
                n as u64,
                "p1",
                "d1",
                *second,
                &[(Sign::HeartRate, *value, 0)],
            )
        })
        .collect()
}
