//! The watchdog, stale alarms, components, and controls that do nothing.

use super::signals::{log, told};
use super::*;

#[test]
fn a_sign_that_is_missing_makes_its_alarm_stale() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 45.0), (Sign::Spo2, 97.0)]);
    log.told();
    log.hears_off(1, Sign::HeartRate);
    let missing = "heart_rate_missing";
    let low = "heart_rate_low";
    let expected = [
        told(missing, "start", "condition", "on"),
        told(low, "update", "stale", "on"),
    ];
    assert_eq!(log.told(), expected);
    assert!(log.last().condition.unwrap().stale);
    log.hears_off(2, Sign::HeartRate);
    assert_eq!(log.told(), [], "once");
    log.hears(3, &[(Sign::HeartRate, 46.0)]);
    let expected = [
        told(missing, "end", "condition", "off"),
        told(low, "update", "fresh", "on"),
    ];
    assert_eq!(log.told(), expected);
    assert!(!log.last().condition.unwrap().stale);
}

#[test]
fn a_silent_device_is_told_once_at_the_first_tick_and_ends_when_it_speaks() {
    let mut log = log();
    for second in 0..5 {
        log.hears(second, &[(Sign::Temperature, 37.0)]);
    }
    let due_us = T0 + 64 * SECOND + 5;
    assert!(
        log.due_us().is_some_and(|us| us <= due_us),
        "never too late"
    );
    log.ticks_us(due_us - 1);
    assert_eq!(log.told(), []);
    assert_eq!(log.due_us(), Some(due_us));
    log.ticks_us(due_us);
    let silent = "device_silent";
    assert_eq!(log.told(), [told(silent, "start", "condition", "on")]);
    let said = log.last();
    let header = said.header.unwrap();
    assert_eq!(
        (header.device_id.as_str(), header.patient_id.as_str()),
        ("d1", "p1")
    );
    assert_eq!(
        (header.event_time_us, header.ingest_time_us),
        (due_us, due_us)
    );
    assert_eq!(said.context.unwrap().patient_id, "p1");
    log.ticks(90);
    log.ticks(3000);
    assert_eq!(
        log.told().iter().filter(|t| t.phase == "start").count(),
        0,
        "never twice"
    );
    log.hears(3001, &[(Sign::Temperature, 37.0)]);
    assert_eq!(log.told(), [told(silent, "end", "condition", "off")]);
}

#[test]
fn a_silent_sign_is_told_while_its_device_speaks() {
    let mut log = log();
    for second in 0..5 {
        log.hears(second, &[(Sign::Spo2, 85.0), (Sign::Temperature, 37.0)]);
    }
    log.told();
    for second in 5..40 {
        log.hears(second, &[(Sign::Temperature, 37.0)]);
    }
    log.ticks(33);
    assert_eq!(log.told(), []);
    log.ticks(35);
    let expected = [
        told("spo2_missing", "start", "condition", "on"),
        told("spo2_low", "update", "stale", "on"),
    ];
    assert_eq!(log.told(), expected);
    let start = &log.alerts()[0];
    let evidence = &start.condition.as_ref().unwrap().evidence[0];
    assert_eq!(
        (evidence.value, evidence.event_time_us),
        (85.0, T0 + 4 * SECOND)
    );
    log.ticks(100);
    let told_of: Vec<String> = log.told().into_iter().map(|t| t.alert_type).collect();
    assert_eq!(told_of, ["device_silent"], "no second alarm of the sign");
    log.hears(101, &[(Sign::Spo2, 85.0)]);
    let expected = [
        told("device_silent", "end", "condition", "off"),
        told("spo2_missing", "end", "condition", "off"),
        told("spo2_low", "update", "fresh", "on"),
    ];
    assert_eq!(log.told(), expected);
}

#[test]
fn what_is_spot_checked_or_replayed_is_never_silent() {
    let log_again = log;
    let mut log = log();
    for n in 0..5 {
        log.hears(n * 3600, &[(Sign::Spo2, 97.0)]);
    }
    log.ticks(100_000);
    assert_eq!(log.told(), []);
    assert!(
        log.due_us().is_some_and(|us| us > T0 + 7 * 86_400 * SECOND),
        "it is forgotten"
    );
    let mut log = log_again();
    for n in 0..5 {
        log.hears_of_long_ago(n, &[(Sign::Spo2, 97.0)]);
    }
    log.ticks(100_000);
    assert_eq!(log.told(), []);
}

#[test]
fn an_orphans_alarms_end_when_it_is_silent_for_long() {
    let mut log = log();
    log.orphan = true;
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    log.hears(1, &[(Sign::HeartRate, 45.0)]);
    log.told();
    log.ticks(300);
    assert!(!log.told().iter().any(|t| t.phase == "end"));
    log.ticks(302);
    let ends: Vec<String> = log
        .told()
        .into_iter()
        .filter(|t| t.phase == "end")
        .map(|t| t.alert_type)
        .collect();
    assert_eq!(ends, ["device_silent", "heart_rate_low"]);
    assert!(
        log.due_us().is_some_and(|us| us > T0 + 7 * 86_400 * SECOND),
        "it is forgotten"
    );
}

#[test]
fn a_component_is_away_as_long_as_one_process_says_so() {
    let mut log = log();
    let name = "anomaly_service_unavailable";
    log.component(0, "down", "a");
    assert_eq!(log.told(), [told(name, "start", "condition", "on")]);
    let said = log.last();
    assert_eq!(said.rule_id, "component/anomaly-service");
    assert_eq!((said.kind, said.priority), (2, 2));
    assert_eq!(said.header.unwrap().device_id, "anomaly-service");
    log.component(1, "down", "b");
    log.component(2, "up", "a");
    assert_eq!(log.told(), []);
    log.component(3, "up", "b");
    assert_eq!(log.told(), [told(name, "end", "condition", "off")]);
    log.component(10, "down", "a");
    log.told();
    log.ticks(609);
    assert_eq!(log.told().iter().filter(|t| t.phase == "end").count(), 0);
    log.ticks(610);
    assert_eq!(
        log.told(),
        [told(name, "end", "condition", "off")],
        "it is not heard of any more"
    );
}

#[test]
fn controls_that_concern_nobody_or_come_twice_are_counted() {
    let mut log = log();
    log.acknowledges(0);
    assert_eq!(log.counted("control_without_subject"), 1);
    log.hears(1, &[(Sign::HeartRate, 70.0)]);
    log.pauses(2, "", 20_000);
    assert_eq!(log.counted("pause_too_long"), 1);
    log.again();
    assert_eq!(log.counted("control_duplicate"), 1);
    log.acknowledges(3);
    assert_eq!(log.counted("nothing_to_acknowledge"), 1);
    log.ticks(3603);
    log.hears(3604, &[(Sign::HeartRate, 45.0)]);
    assert_eq!(
        log.told().last().unwrap().phase,
        "start",
        "no pause is longer than the longest"
    );
}
