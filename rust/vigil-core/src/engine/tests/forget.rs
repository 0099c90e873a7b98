//! Subjects that are not heard for seven days are forgotten.

use super::log::{controls, signals_engine};
use super::signals::{log, told};
use super::*;

const WEEK: i64 = 7 * 86_400;

fn hears(n: u64, patient: &str, device: &str, second: i64, rate: f64) -> Vec<u8> {
    let values = [(Sign::HeartRate, rate, 0), (Sign::Spo2, 97.0, 0)];
    batch(&[observation(n, patient, device, second, &values)])
}

fn tick(n: u64, second: i64) -> Vec<u8> {
    let time_us = T0 + second * SECOND + 5;
    controls(log::control(n, v1::ControlAction::Tick, time_us))
}

fn feed(engine: &mut Engine, offset: usize, values: &[Vec<u8>]) -> Vec<AlertRecord> {
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let mut run = Run::default();
    run.feed(engine, offset as i64, &values);
    run.alerts
}

#[test]
fn a_subject_not_heard_for_a_week_is_forgotten_and_its_alarms_end() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    assert_eq!(log.told().len(), 1);
    let due_us = T0 + WEEK * SECOND + 5;
    assert!(log.due_us().is_some_and(|us| us <= due_us));
    log.ticks_us(due_us - 1);
    assert_eq!((log.subjects(), log.counted("patients_forgotten")), (1, 0));
    assert_eq!(log.due_us(), Some(due_us), "never too late");
    log.told();
    log.ticks_us(due_us);
    let end = told("heart_rate_low", "end", "condition", "off");
    assert_eq!(log.told(), [end]);
    assert_eq!(log.last().reason, "not heard for 7 days");
    assert_eq!((log.subjects(), log.counted("patients_forgotten")), (0, 1));
    assert_eq!(log.due_us(), None);
    log.acknowledges(WEEK + 1);
    assert_eq!(log.counted("control_without_subject"), 1);
    // It comes again: the alarm is another one.
    log.hears(WEEK + 2, &[(Sign::HeartRate, 45.0)]);
    assert_eq!(log.told().len(), 1);
    assert_eq!(log.subjects(), 1);
}

#[test]
fn a_control_is_a_reason_to_remember_and_a_pause_ends_silently() {
    let mut log = log();
    log.hears(0, &[(Sign::Spo2, 97.0)]);
    log.pauses(WEEK - 1, "", 0);
    log.ticks(WEEK + 1);
    assert_eq!(log.subjects(), 1);
    log.ticks(2 * WEEK);
    assert_eq!((log.subjects(), log.told()), (0, vec![]));
    log.hears(2 * WEEK + 1, &[(Sign::HeartRate, 45.0)]);
    let start = told("heart_rate_low", "start", "condition", "on");
    assert_eq!(log.told(), [start], "no pause is left");
}

#[test]
fn replayed_recordings_orphans_and_components_are_forgotten_too() {
    let mut log = log();
    log.hears_of_long_ago(0, &[(Sign::Spo2, 97.0)]);
    log.orphan = true;
    log.hears(0, &[(Sign::Spo2, 97.0)]);
    log.component(0, "down", "a");
    assert_eq!(log.subjects(), 3);
    log.ticks(WEEK);
    assert_eq!((log.subjects(), log.counted("patients_forgotten")), (0, 3));
    assert_eq!(log.due_us(), None);
}

#[test]
fn what_waits_is_let_go_first() {
    let mut engine = crash::engine_with(crate::rules::order::Hold::OnGap);
    let values = [(Sign::HeartRate, 45.0, 0)];
    let one = |n: u64, second, sequence| {
        let mut one = observation(n, "p1", "d1", second, &values);
        one.vitals.as_mut().unwrap().sequence = Some(sequence);
        batch(&[one])
    };
    let records = [one(1, 0, 1), one(2, 1, 3), tick(3, WEEK + 1)];
    let mut run = Run::default();
    run.feed(&mut engine, 0, &[&records[0], &records[1]]);
    assert_eq!(run.scored.len(), 1, "one waits");
    run.feed(&mut engine, 2, &[&records[2]]);
    assert_eq!(run.scored.len(), 2);
    assert_eq!((engine.patients(0), engine.held_offset(0)), (0, None));
}

#[test]
fn who_is_forgotten_and_comes_again_in_one_batch_is_new() {
    let records = [
        hears(1, "p1", "d1", 0, 45.0),
        hears(2, "p2", "d2", 0, 45.0),
        tick(3, WEEK),
        tick(4, WEEK + 1),
        hears(5, "p1", "d1", WEEK + 2, 45.0),
        hears(6, "p3", "d3", WEEK + 2, 45.0),
        tick(7, WEEK + 3),
        tick(8, 3 * WEEK),
        hears(9, "p1", "d1", 3 * WEEK, 45.0),
    ];
    let mut single = signals_engine();
    let each = (0..).zip(&records);
    let expected: Vec<_> = each
        .flat_map(|(i, record)| feed(&mut single, i, std::slice::from_ref(record)))
        .collect();
    for cut in 0..records.len() {
        let mut engine = signals_engine();
        let mut alerts = feed(&mut engine, 0, &records[..cut]);
        let snapshot = engine.checkpoint(0, cut as i64, true);
        alerts.extend(feed(&mut engine, cut, &records[cut..]));
        assert_eq!(alerts, expected, "cut at {cut}");
        assert_eq!(engine.patients(0), 1);
        let delta = engine.checkpoint(0, 9, false);
        let mut restored = signals_engine();
        assert_eq!(restored.restore(0, &[&snapshot, &delta]), Ok(9));
        assert_eq!(restored.patients(0), 1);
        assert_eq!(
            restored.checkpoint(0, 9, true),
            engine.checkpoint(0, 9, true),
            "cut at {cut}"
        );
    }
}

#[test]
fn memory_is_given_back_and_used_again() {
    let mut engine = signals_engine();
    let all = |base: u64, second: i64| -> Vec<Vec<u8>> {
        let patient = |n: u64| hears(base + n, &format!("p{}", base + n), "d", second, 70.0);
        (0..500).map(patient).collect()
    };
    let (mut largest, mut left) = (0, 0);
    for round in 0..4u64 {
        let second = round as i64 * 2 * WEEK;
        feed(&mut engine, 0, &all((round + 1) * 1000, second));
        assert_eq!(engine.patients(0), 500);
        let bytes = engine.state_bytes();
        largest = if round == 0 { bytes } else { largest };
        assert!(
            bytes <= largest,
            "round {round}: {bytes} bytes, {largest} before"
        );
        feed(&mut engine, 0, &[tick(round, second + WEEK)]);
        assert_eq!(engine.patients(0), 0);
        left = engine.state_bytes();
    }
    assert!(left * 8 < largest, "{left} bytes of {largest} are left");
}
