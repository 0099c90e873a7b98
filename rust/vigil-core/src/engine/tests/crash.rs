//! A crash after any record: checkpoint, restore and replay write the same bytes again, and go on the same.

use super::log::ACTIONS;
use super::*;
use crate::rules::order::{Hold, Order};
use crate::rules::parse::parse;

/// Crashes of each log, and logs.
const CRASHES: usize = 60;
const LOGS: u64 = 24;
const RECORDS: usize = 150;

/// The random numbers of `SplitMix64`: the same logs and crashes in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// Encoded records of a partition's log, with all kinds of trouble.
fn log(dice: &mut Dice) -> Vec<Vec<u8>> {
    let devices = [("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")];
    let mut sequences = [0u64; 4];
    // How far each device's clock is behind.
    let mut behind = [0i64; 4];
    let (mut second, mut all) = (0i64, Vec::<v1::Observation>::new());
    let mut records = Vec::new();
    while records.len() < RECORDS {
        second += dice.pick(&[0, 1, 1, 1, 2, 5, 90]);
        if dice.one_in(25) {
            second += dice.pick(&[6, 8]) * 86_400;
            if !dice.one_in(3) {
                let made = super::log::control(
                    second as u64,
                    v1::ControlAction::Tick,
                    T0 + second * SECOND,
                );
                records.push(super::log::controls(made));
            }
        }
        if dice.one_in(6) {
            records.push(control(dice, second));
            continue;
        }
        let mut batch_of = Vec::new();
        for _ in 0..=dice.below(4) {
            let which = dice.below(4) as usize;
            let (patient, device) = devices[which];
            sequences[which] += dice.pick(&[1, 1, 1, 1, 2, 3]);
            if dice.one_in(40) {
                sequences[which] = 0;
            }
            if dice.one_in(60) {
                behind[which] = dice.pick(&[0, 30, 4000]);
            }
            let spooled = if dice.one_in(10) { 5000 } else { 0 };
            let mut values = Vec::new();
            for sign in [
                Sign::HeartRate,
                Sign::Spo2,
                Sign::RespiratoryRate,
                Sign::Systolic,
            ] {
                if !dice.one_in(3) {
                    let value = dice.pick(&[0.0, 9.0, 38.0, 70.0, 86.0, 97.0, 125.0, 155.0]);
                    values.push((sign, value, dice.pick(&[0, 0, 0, 0, 1, 16])));
                }
            }
            let at = second - behind[which] - spooled;
            let mut one = observation(all.len() as u64, patient, device, at, &values);
            one.header.as_mut().unwrap().ingest_time_us = T0 + second * SECOND + 7;
            one.vitals.as_mut().unwrap().sequence = (which != 2).then_some(sequences[which]);
            all.push(one.clone());
            batch_of.push(one);
            if dice.one_in(20) {
                batch_of.push(dice.pick(&all));
            }
        }
        if dice.one_in(3) {
            batch_of.reverse();
        }
        records.push(batch(&batch_of));
        if dice.one_in(40) {
            records.push(vec![0xff, 1, 2]);
        }
        if dice.one_in(3) && records.len() > 1 {
            let last = records.len() - 1;
            records.swap(last, last - 1);
        }
    }
    records
}

fn control(dice: &mut Dice, second: i64) -> Vec<u8> {
    use v1::ControlAction::{ComponentDown, ComponentUp, Pause};
    let action = dice.pick(&ACTIONS);
    let of_component = matches!(action, ComponentDown | ComponentUp);
    let (patient, device) = dice.pick(&[("p1", ""), ("p2", ""), ("", "d4")]);
    let made = v1::Control {
        event_id: derive("control", &[&dice.below(60).to_le_bytes()]).to_vec(),
        action: action.into(),
        time_us: T0 + second * SECOND + 9,
        patient_id: if of_component { "" } else { patient }.into(),
        device_id: if of_component {
            "anomaly-service"
        } else {
            device
        }
        .into(),
        until_us: if action == Pause {
            T0 + (second + 60) * SECOND
        } else {
            0
        },
        actor: "a nurse".into(),
        reason: "at the bedside".into(),
        component: if of_component { "anomaly-service" } else { "" }.into(),
        reporter: dice.pick(&["r1", "r2"]).into(),
        ..v1::Control::default()
    };
    v1::TelemetryBatch {
        controls: vec![made],
        ..v1::TelemetryBatch::default()
    }
    .encode_to_vec()
}

/// All that a record leads to. (Not when the next tick is due: that may be said too early.)
type Written = (Vec<u32>, EngineOutcome, Option<i64>);

fn write(engine: &mut Engine, offset: usize, value: &[u8]) -> Written {
    let mut pending = engine.begin("t", 0, &[offset as i64], &[value], 3).unwrap();
    let features = pending.features().iter().map(|f| f.to_bits()).collect();
    let scores = model(&pending);
    let made = engine.finish(&mut pending, Some(&scores), "m", 4).unwrap();
    (features, made, engine.held_offset(0))
}

pub(super) fn engine_with(hold: Hold) -> Engine {
    let mut rules = parse(&format!("{RULES}{}", super::kinds::KINDS)).unwrap();
    rules.order = Order {
        hold,
        ..Order::default()
    };
    Engine {
        rules: Arc::new(rules),
        ..engine()
    }
}

/// The fields of a segment, sorted: after a patient was forgotten, where another one's state is depends on the past.
fn fields(segment: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut reader = crate::wire::Reader::new(&segment[4..segment.len() - 8]);
    let mut all = Vec::new();
    while let Some(field) = reader.next_field().unwrap() {
        let value = match field.value.bytes() {
            Ok(bytes) => bytes.to_vec(),
            Err(_) => field.value.varint().unwrap().to_le_bytes().to_vec(),
        };
        all.push((field.number, value));
    }
    all.sort();
    all
}

/// All of the state.
fn whole(engine: &mut Engine) -> Vec<(u32, Vec<u8>)> {
    engine.checkpoint(0, RECORDS as i64, true); // a checkpoint names the one before it
    fields(&engine.checkpoint(0, RECORDS as i64, true))
}

/// What a person can read of it, for the message of a failure.
fn said(written: &Written) -> (Vec<v1::AlertEvent>, Option<i64>) {
    let alerts = written.1.alerts.iter();
    let alerts = alerts.map(|a| v1::AlertEvent::decode(a.value.as_slice()).unwrap());
    (alerts.collect(), written.2)
}

#[test]
fn a_crash_after_any_record_changes_nothing() {
    let (mut crashed, mut alerts, mut waits, mut forgotten) = (0, 0, 0, 0);
    for seed in 0..LOGS {
        let mut dice = Dice(seed);
        let hold = dice.pick(&[Hold::OnGap, Hold::OnGap, Hold::Always]);
        let records = log(&mut dice);
        let mut straight = engine_with(hold);
        let expected: Vec<Written> = (0..records.len())
            .map(|at| write(&mut straight, at, &records[at]))
            .collect();
        alerts += expected.iter().map(|w| w.1.alerts.len()).sum::<usize>();
        waits += expected.iter().filter(|w| w.2.is_some()).count();
        let counts = expected.iter().map(|w| &w.1.outcome.counts);
        forgotten += counts
            .filter_map(|c| c.get("patients_forgotten"))
            .sum::<u64>();

        let mut engine = engine_with(hold);
        let mut segments = vec![engine.checkpoint(0, 0, true)];
        let (mut at, mut to_come) = (0, CRASHES);
        while at < records.len() {
            let written = write(&mut engine, at, &records[at]);
            if written != expected[at] {
                assert_eq!(
                    said(&written),
                    said(&expected[at]),
                    "log {seed}, record {at}"
                );
                assert_eq!(written, expected[at], "log {seed}, record {at}");
            }
            at += 1;
            if dice.one_in(4) {
                let full = dice.one_in(4);
                let segment = engine.checkpoint(0, at as i64, full);
                if full {
                    segments.clear();
                }
                segments.push(segment);
            }
            if to_come > 0 && dice.one_in(2) {
                if at < records.len() && dice.one_in(2) {
                    // In the midst of a batch.
                    let _ = engine
                        .begin("t", 0, &[at as i64], &[&records[at]], 3)
                        .unwrap();
                }
                (to_come, crashed) = (to_come - 1, crashed + 1);
                engine = engine_with(hold);
                let slices: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
                at = engine.restore(0, &slices).unwrap() as usize;
            }
        }
        assert_eq!(whole(&mut engine), whole(&mut straight), "log {seed}");
    }
    assert!(crashed >= 1000, "{crashed} crashes");
    assert!(forgotten >= 100, "{forgotten} subjects were forgotten");
    assert!(
        alerts > 1000 && waits > 300,
        "{alerts} alerts, {waits} times something waited"
    );
}

#[test]
fn a_batch_that_was_begun_and_dropped_has_not_happened() {
    let mut dropped = 0;
    for seed in 0..LOGS {
        let mut dice = Dice(seed);
        let hold = dice.pick(&[Hold::OnGap, Hold::OnGap, Hold::Always]);
        let records = log(&mut dice);
        let (mut straight, mut doubtful) = (engine_with(hold), engine_with(hold));
        for (at, record) in records.iter().enumerate() {
            for _ in 0..dice.below(3) {
                let end = (at + 1 + dice.below(8) as usize).min(records.len());
                let offsets: Vec<i64> = (at as i64..end as i64).collect();
                let values: Vec<&[u8]> = records[at..end].iter().map(Vec::as_slice).collect();
                dropped += doubtful.begin("t", 0, &offsets, &values, 3).unwrap().rows();
            }
            let expected = write(&mut straight, at, record);
            assert_eq!(
                write(&mut doubtful, at, record),
                expected,
                "log {seed}, record {at}"
            );
        }
        assert_eq!(whole(&mut doubtful), whole(&mut straight), "log {seed}");
    }
    assert!(dropped > 10_000, "{dropped} rows were dropped");
}
