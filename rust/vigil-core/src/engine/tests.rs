//! The engine as a whole: what comes out must not depend on how the input is cut, nor on crashes.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::error::ErrorCode;
use crate::features::SCORES;
use crate::ids::derive;
use crate::pb::v1;
use crate::sign::Sign;

pub const RULES: &str = include_str!("../../../../rules/default.toml");
const T0: i64 = 1_700_000_000_000_000;
const SECOND: i64 = 1_000_000;

fn engine() -> Engine {
    Engine::new(RULES, 1000).unwrap()
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
            let value = row.get(column * 3).copied().unwrap_or(f32::NAN);
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
        assert_eq!(
            outcome.observations_in,
            outcome.observations_out + outcome.dead_lettered
        );
        self.alerts.extend(made.alerts);
    }

    /// Alerts but those of the early-warning score.
    fn alerts(&self) -> Vec<v1::AlertEvent> {
        self.all_alerts(|alert_type| alert_type != "news2")
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
    let (mut run, mut engine) = (Run::default(), engine());
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

#[test]
fn asystole_raises_high_at_once() {
    let run = run_one_by_one(&rates(&[(0, 70.0), (1, 71.0), (2, 0.0)]));
    assert_eq!(run.said(), [("asystole".to_owned(), 1, 3)]);
    let alert = &run.alerts()[0];
    assert_eq!(alert.severity, v1::Severity::Critical as i32);
    assert_eq!(alert.message, "No heart beat: heart rate 0 /min");
}

#[test]
fn a_delay_passes_in_event_time_and_one_episode_is_one_alarm() {
    let run = run_one_by_one(&rates(&[
        (0, 70.0),
        (1, 125.0),
        (6, 126.0),
        (10, 127.0),
        (11, 128.0),
        (12, 151.0),
        (17, 152.0),
        (18, 119.0),
        (19, 116.0),
        (20, 114.0),
        (21, 125.0),
    ]));
    let name = || "heart_rate_high".to_owned();
    assert_eq!(
        run.said(),
        [
            (name(), 1, 2),
            (name(), 2, 3),
            (name(), 2, 2),
            (name(), 3, 2)
        ]
    );
    let alerts = run.alerts();
    assert!(alerts.iter().all(|a| a.episode_id == alerts[0].episode_id));
    assert_eq!(
        alerts.iter().map(|a| a.step).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    let condition = alerts[0].condition.clone().unwrap();
    assert_eq!(condition.onset_time_us, T0 + SECOND);
    assert_eq!(condition.raised_time_us, T0 + 11 * SECOND);
    assert_eq!(condition.condition_delay_us, 10 * SECOND);
    let evidence = &condition.evidence[0];
    assert_eq!((evidence.value, evidence.limit), (128.0, 120.0));
    assert_eq!(
        (evidence.comparison.as_str(), evidence.limit_source.as_str()),
        (">", "rule")
    );
    let ended = alerts[3].condition.clone().unwrap();
    assert_eq!(ended.end_time_us, T0 + 20 * SECOND);
    assert_eq!(
        (
            ended.evidence[0].limit,
            ended.evidence[0].comparison.as_str()
        ),
        (115.0, "<=")
    );
}

#[test]
fn per_patient_limits_are_used() {
    let mut all = Vec::new();
    for (n, patient) in ["p1", "p2"].into_iter().enumerate() {
        all.push(observation(
            n as u64,
            patient,
            patient,
            0,
            &[(Sign::HeartRate, 110.0, 0)],
        ));
    }
    let run = run_one_by_one(&all);
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(run.alerts[0].key, b"p2");
    let evidence = &alerts[0].condition.as_ref().unwrap().evidence[0];
    assert_eq!(
        (evidence.limit, evidence.limit_source.as_str()),
        (100.0, "patient")
    );
}

#[test]
fn an_orphan_still_alarms_under_its_device() {
    let mut orphan = observation(1, "", "d9", 0, &[(Sign::HeartRate, 0.0, 0)]);
    orphan.flags = 1;
    let run = run_one_by_one(&[orphan]);
    assert_eq!(run.said(), [("asystole".to_owned(), 1, 3)]);
    assert_eq!(run.alerts[0].key, b"d9");
    assert_eq!(run.alerts()[0].flags & 1, 1);
}

#[test]
fn a_gap_is_not_recovery_and_what_is_excluded_is_not_evaluated() {
    let quality_disconnected = 16;
    let run = run_one_by_one(&[
        observation(1, "p1", "d1", 0, &[(Sign::Spo2, 97.0, 0)]),
        observation(2, "p1", "d1", 1, &[(Sign::Spo2, 80.0, 0)]),
        observation(3, "p1", "d1", 2, &[(Sign::Temperature, 37.0, 0)]),
        observation(4, "p1", "d1", 3, &[(Sign::Spo2, 97.0, 1)]),
        observation(
            5,
            "p1",
            "d1",
            4,
            &[(Sign::Spo2, 97.0, quality_disconnected)],
        ),
        observation(
            6,
            "p1",
            "d1",
            10,
            &[(Sign::Spo2, 97.0, quality_disconnected)],
        ),
        observation(7, "p1", "d1", 7200, &[(Sign::Spo2, 80.0, 0)]),
    ]);
    let said: Vec<String> = run
        .said()
        .into_iter()
        .map(|(t, p, _)| format!("{t}/{p}"))
        .collect();
    assert_eq!(said, ["spo2_low/1", "spo2_missing/1", "spo2_missing/3"]);
}

#[test]
fn duplicates_and_late_observations_are_kept_and_change_nothing() {
    let all = rates(&[(0, 70.0), (10, 71.0), (5, 0.0), (10, 0.0)]);
    let mut fed = all.clone();
    fed.insert(2, all[1].clone());
    let run = run_one_by_one(&fed);
    assert_eq!(run.scored.len(), 5);
    let flags: Vec<u32> = run
        .scored
        .iter()
        .map(|o| o.scores.as_ref().unwrap().flags)
        .collect();
    assert_eq!((flags[2], flags[3]), (8, 4));
    assert_eq!(
        run.said().len(),
        1,
        "another fact at the same time is evaluated"
    );
    for i in [2, 3] {
        let scores = run.scored[i].scores.as_ref().unwrap();
        assert!(scores.risk.is_none() && scores.early_warnings.is_empty());
    }
}

#[test]
fn a_model_outage_never_reads_as_zero() {
    let mut engine = engine();
    let value = batch(&rates(&[(0, 70.0)]));
    let mut pending = engine.begin("t", 0, &[7], &[&value], 1).unwrap();
    let made = engine.finish(&mut pending, None, "m", 2).unwrap();
    let decoded = v1::TelemetryBatch::decode(made.outcome.records[0].value.as_slice()).unwrap();
    let scores = decoded.observations[0].scores.clone().unwrap();
    assert_eq!(
        (scores.risk, scores.anomaly, scores.flags),
        (None, None, 32)
    );
    assert_eq!(
        (scores.model_version.as_str(), scores.source_offset),
        ("", 7)
    );
    assert_eq!(scores.early_warnings[0].missing.len(), 6);
    assert!(scores.early_warnings[0].partial);
}

#[test]
fn only_the_last_batch_begun_can_be_finished_once() {
    let mut engine = engine();
    let value = batch(&rates(&[(0, 0.0)]));
    let mut first = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
    let mut again = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
    let refused = engine.finish(&mut first, None, "", 2).unwrap_err();
    assert_eq!(refused.code, ErrorCode::OutOfOrder);
    let wrong = engine.finish(&mut again, Some(&[0; 3]), "", 2).unwrap_err();
    assert_eq!(wrong.code, ErrorCode::InvalidScores);
    let made = engine.finish(&mut again, None, "", 2).unwrap();
    let types: Vec<String> = made
        .alerts
        .iter()
        .map(|a| {
            v1::AlertEvent::decode(a.value.as_slice())
                .unwrap()
                .alert_type
        })
        .collect();
    assert_eq!(
        types,
        ["asystole", "news2"],
        "what was begun twice was evaluated once"
    );
    assert!(engine.finish(&mut again, None, "", 2).is_err());
}

#[test]
fn an_input_record_is_never_split() {
    let mut engine = Engine::new(RULES, 4).unwrap();
    let all: Vec<v1::Observation> = rates(&[(0, 70.0); 9]);
    let values: Vec<Vec<u8>> = [&all[..3], &all[3..4], &all[4..9]].map(batch).into();
    let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let mut pending = engine.begin("t", 0, &[1, 2, 3], &slices, 1).unwrap();
    let made = engine.finish(&mut pending, None, "", 2).unwrap();
    let counts: Vec<u32> = made
        .outcome
        .records
        .iter()
        .map(|r| r.observations)
        .collect();
    assert_eq!(counts, [4, 5]);
}

#[test]
fn what_is_broken_becomes_a_dead_letter_with_its_record() {
    let mut engine = engine();
    let mut bad = rates(&[(0, 70.0)]).remove(0);
    bad.header.as_mut().unwrap().event_id = vec![1];
    let good = rates(&[(0, 70.0)]).remove(0);
    let values = [
        batch(std::slice::from_ref(&good)),
        vec![0xff],
        batch(&[bad, good]),
    ];
    let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let mut pending = engine.begin("t", 0, &[5, 6, 7], &slices, 1).unwrap();
    let made = engine.finish(&mut pending, None, "", 2).unwrap();
    let dead: Vec<(u32, i64)> = made
        .outcome
        .dead_letters
        .iter()
        .map(|d| {
            (
                d.record,
                v1::DeadLetter::decode(d.value.as_slice()).unwrap().offset,
            )
        })
        .collect();
    assert_eq!(dead, [(1, 6), (2, 7)]);
    assert_eq!(made.outcome.observations_out, 2);
}

#[test]
fn a_withdrawn_rule_ends_its_episode() {
    let mut engine = engine();
    let mut run = Run::default();
    let all = rates(&[(0, 0.0), (1, 0.0)]);
    run.feed(&mut engine, 0, &[&batch(&all[..1])]);
    assert!(engine.reload("version = 1").is_err(), "the old rules stay");
    engine
        .reload(&RULES.replace("\"asystole\"", "\"standstill\""))
        .unwrap();
    run.feed(&mut engine, 1, &[&batch(&all[1..])]);
    let alerts = run.alerts();
    let said: Vec<(&str, i32)> = alerts
        .iter()
        .map(|a| (a.alert_type.as_str(), a.phase))
        .collect();
    assert_eq!(
        said,
        [("asystole", 1), ("rule_withdrawn", 3), ("standstill", 1)]
    );
    assert_eq!(alerts[0].episode_id, alerts[1].episode_id);
}

#[test]
fn news2_alarms_on_a_partial_total_and_what_goes_missing_clears_nothing() {
    let day = 24 * 3600;
    let run = run_one_by_one(&[
        observation(
            1,
            "p1",
            "d1",
            0,
            &[(Sign::RespiratoryRate, 22.0, 0), (Sign::Spo2, 93.0, 0)],
        ),
        observation(2, "p1", "d1", 3600, &[(Sign::HeartRate, 95.0, 0)]),
        observation(3, "p1", "d1", 7200, &[(Sign::Systolic, 95.0, 0)]),
        observation(4, "p1", "d1", day + 1, &[(Sign::HeartRate, 80.0, 0)]),
        observation(
            5,
            "p1",
            "d1",
            day + 2,
            &[(Sign::RespiratoryRate, 16.0, 0), (Sign::Spo2, 97.0, 0)],
        ),
        observation(6, "p1", "d1", day + 3, &[(Sign::Systolic, 120.0, 0)]),
    ]);
    let news2 = run.all_alerts(|alert_type| alert_type == "news2");
    let said: Vec<(i32, i32, i64)> = news2
        .iter()
        .map(|a| {
            (
                a.phase,
                a.priority,
                (a.header.as_ref().unwrap().event_time_us - T0) / SECOND,
            )
        })
        .collect();
    // Respiratory rate and saturation are too old at day + 1, and gave points: unknown is not better.
    let at = day;
    assert_eq!(said, [(1, 2, 3600), (2, 3, 7200), (3, 3, at + 2)]);
    let warning = news2[0].condition.clone().unwrap().early_warning.unwrap();
    assert_eq!((warning.total, warning.partial), (5, true));
    assert_eq!(warning.subscores[0].age_us, 3600 * SECOND);
    assert_eq!(news2[0].message, "NEWS2 at least 5 (>= 5)");
}

#[test]
fn another_way_of_measuring_makes_it_worse_but_does_not_clear_it() {
    let both = |n, second, heart: Option<f64>, pulse: Option<f64>| {
        let heart = heart.map(|v| (Sign::HeartRate, v, 0));
        let pulse = pulse.map(|v| (Sign::PulseRate, v, 0));
        let values: Vec<_> = heart.into_iter().chain(pulse).collect();
        observation(n, "p1", "d1", second, &values)
    };
    let run = run_one_by_one(&[
        both(1, 0, Some(70.0), Some(70.0)),
        both(2, 1, None, Some(39.0)),
        both(3, 2, Some(70.0), None),
        both(4, 3, Some(70.0), Some(30.0)),
        both(5, 62, Some(70.0), None),
    ]);
    let alerts = run.alerts();
    let said: Vec<(i32, i32)> = alerts
        .iter()
        .map(|a| (a.phase, a.condition.as_ref().unwrap().evidence[0].sign))
        .collect();
    let (heart, pulse) = (v1::Sign::HeartRate as i32, v1::Sign::PulseRate as i32);
    assert_eq!(said, [(1, pulse), (3, heart)]);
    assert_eq!(alerts[0].priority, 3);
}

/// Streams of three patients and an orphan with all kinds of trouble.
fn streams() -> impl Strategy<Value = Vec<v1::Observation>> {
    let sign = prop::sample::select(vec![
        (
            Sign::HeartRate,
            vec![0.0, 38.0, 45.0, 70.0, 118.0, 125.0, 155.0],
        ),
        (Sign::PulseRate, vec![0.0, 39.0, 70.0, 130.0]),
        (Sign::Spo2, vec![80.0, 86.0, 89.0, 91.0, 97.0]),
        (Sign::RespiratoryRate, vec![6.0, 9.0, 16.0, 26.0, 34.0]),
        (Sign::Temperature, vec![34.0, 37.0, 38.6, 39.8]),
        (Sign::Systolic, vec![70.0, 85.0, 120.0, 190.0]),
        (Sign::ArtSystolic, vec![75.0, 118.0]),
        (Sign::Consciousness, vec![0.0, 1.0, 4.0]),
    ]);
    let value = sign.prop_flat_map(|(sign, values)| {
        let quality =
            prop_oneof![8 => Just(0u32), 1 => Just(1u32), 1 => Just(16u32), 1 => Just(32u32)];
        (Just(sign), prop::sample::select(values), quality)
    });
    let one = (
        prop::sample::select(vec![("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")]),
        prop_oneof![6 => 1i64..8, 1 => -20i64..1, 1 => Just(90i64)],
        prop::collection::vec(value, 0..5),
        prop::bool::weighted(0.05),
    );
    prop::collection::vec(one, 1..60).prop_map(|steps| {
        let (mut second, mut all) = (0, Vec::<v1::Observation>::new());
        for (n, ((patient, device), step, values, repeat)) in steps.into_iter().enumerate() {
            let at = second + step;
            second = second.max(at);
            all.push(observation(n as u64, patient, device, at, &values));
            if repeat {
                all.push(all[all.len() / 2].clone());
            }
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn how_input_is_cut_changes_nothing(all in streams(), cuts in prop::collection::vec(1usize..9, 60)) {
        let expected = run_one_by_one(&all);
        let (mut run, mut engine) = (Run::default(), engine());
        let (mut rest, mut offset) = (all.as_slice(), 0);
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            let values: Vec<Vec<u8>> = head.iter().map(|one| batch(std::slice::from_ref(one))).collect();
            let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            run.feed(&mut engine, offset, &slices);
            offset += head.len() as i64;
            rest = tail;
        }
        while !rest.is_empty() {
            run.feed(&mut engine, offset, &[&batch(&rest[..1])]);
            (rest, offset) = (&rest[1..], offset + 1);
        }
        prop_assert_eq!(run, expected);
    }

    #[test]
    fn a_crash_after_any_record_changes_nothing(
        all in streams(),
        crashes in prop::collection::vec(prop::bool::weighted(0.2), 130),
        checkpoints in prop::collection::vec(prop::bool::weighted(0.3), 130),
    ) {
        let expected = run_one_by_one(&all);
        let mut engine = engine();
        let mut segments = vec![engine.checkpoint(0, 0, true)];
        // What the log holds: outputs of a record may be there twice, which ids then make harmless.
        let mut outputs: Vec<Option<Run>> = Vec::new();
        outputs.resize_with(all.len(), || None);
        let (mut at, mut crashes) = (0, crashes.into_iter());
        while at < all.len() {
            let mut run = Run::default();
            run.feed(&mut engine, at as i64, &[&batch(&all[at..=at])]);
            if let Some(before) = outputs[at].replace(run) {
                prop_assert_eq!(Some(&before), outputs[at].as_ref());
            }
            at += 1;
            if checkpoints[at % checkpoints.len()] {
                let full = segments.len() > 3;
                let segment = engine.checkpoint(0, at as i64, full);
                if full { segments.clear(); }
                segments.push(segment);
            }
            if crashes.next().unwrap_or(false) {
                engine = Engine::new(RULES, 1000).unwrap();
                let slices: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
                at = engine.restore(0, &slices).unwrap() as usize;
            }
        }
        let mut run = Run::default();
        for one in outputs.into_iter().flatten() {
            run.features.extend(one.features);
            run.scored.extend(one.scored);
            run.alerts.extend(one.alerts);
        }
        prop_assert_eq!(run, expected);
    }

    #[test]
    fn any_bytes_are_scored_or_dead_lettered(value: Vec<u8>) {
        let mut engine = engine();
        let mut pending = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
        let made = engine.finish(&mut pending, None, "", 2).unwrap();
        let outcome = made.outcome;
        prop_assert_eq!(outcome.observations_in, outcome.observations_out + outcome.dead_lettered);
    }
}
