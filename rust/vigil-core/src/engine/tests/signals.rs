//! Alarm signals: each transition, by people and by the clock.

use super::*;
use crate::engine::tests::log::{Log, Told};

pub const RULES: &str = r#"
version = 1
spot_check_after_s = 60
[order]
window_s = 0
[alarm]
pause_max_s = 3600
re_alarm_s = { low = 0, medium = 600, high = 180 }
[[ladder]]
id = "default"
steps = [{ after_s = 0, to = "nurse" }, { after_s = 120, to = "charge-nurse" }, { after_s = 300, to = "physician" }]
[[rule]]
id = "missing"
kind = "missing"
signs = ["spo2", "heart_rate"]
lead_off = true
delay_s = 0
silent_after_s = 30
priority = "low"
message = "{sign} is missing"
[[rule]]
id = "silence"
kind = "missing"
device = true
silent_after_s = 60
priority = "medium"
message = "Nothing is heard of the device"
[[rule]]
id = "asystole"
alert_type = "asystole"
kind = "limit"
sign = "heart_rate"
direction = "low"
message = "No heart beat"
inclusive = true
hysteresis = 0
steps = [{ limit = 0, priority = "high", life_threatening = true }]
[[rule]]
id = "heart-rate-low"
kind = "limit"
sign = "heart_rate"
direction = "low"
message = "Heart rate {value} ({comparison} {limit})"
hysteresis = 3
suppressed_by = ["asystole"]
ladder = "default"
steps = [{ limit = 50, priority = "medium" }, { limit = 40, priority = "high" }]
[[rule]]
id = "spo2-low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "SpO2 {value}"
hysteresis = 2
latching = true
steps = [{ limit = 90, priority = "medium" }]
"#;

pub fn log() -> Log {
    Log::new(RULES)
}

pub fn told(alert_type: &str, phase: &str, cause: &str, presence: &str) -> Told {
    Told {
        alert_type: alert_type.into(),
        phase: phase.into(),
        cause: cause.into(),
        presence: presence.into(),
    }
}

#[test]
fn an_acknowledged_alarm_is_still_there_and_sounds_again() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 70.0)]);
    log.hears(1, &[(Sign::HeartRate, 45.0)]);
    let low = "heart_rate_low";
    assert_eq!(log.told(), [told(low, "start", "condition", "on")]);
    log.acknowledges(5);
    assert_eq!(
        log.told(),
        [told(low, "update", "acknowledged", "acknowledged")]
    );
    let said = log.last();
    assert_eq!((said.actor.as_str(), said.reason.as_str()), ("kim", "seen"));
    log.acknowledges(6);
    assert_eq!(log.told(), [], "again: nothing");
    for second in (10..610).step_by(10) {
        log.hears(second, &[(Sign::HeartRate, 45.0)]);
    }
    log.ticks(604);
    assert_eq!(log.told(), []);
    log.ticks(605);
    assert_eq!(log.told(), [told(low, "update", "re_alarm", "on")]);
    log.hears(610, &[(Sign::HeartRate, 60.0)]);
    assert_eq!(log.told(), [told(low, "end", "condition", "off")]);
}

#[test]
fn worse_sounds_again_and_better_does_not() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    log.acknowledges(1);
    log.told();
    log.hears(2, &[(Sign::HeartRate, 35.0)]);
    let low = "heart_rate_low";
    assert_eq!(log.told(), [told(low, "update", "worse", "on")]);
    log.acknowledges(3);
    log.told();
    log.hears(4, &[(Sign::HeartRate, 45.0)]);
    assert_eq!(log.told(), [told(low, "update", "better", "acknowledged")]);
}

#[test]
fn nobody_acknowledges_and_the_ladder_is_climbed() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    let start = log.last();
    assert_eq!(
        (start.escalation_level, start.escalate_to.as_str()),
        (1, "nurse")
    );
    assert_eq!(log.due_us(), Some(T0 + 120 * SECOND + 5));
    for second in (10..310).step_by(10) {
        log.hears(second, &[(Sign::HeartRate, 45.0)]);
    }
    log.told();
    log.ticks(119);
    assert_eq!(log.told(), []);
    let low = "heart_rate_low";
    log.ticks(299);
    assert_eq!(log.told(), [told(low, "update", "escalated", "on")]);
    assert_eq!(log.last().escalate_to, "charge-nurse");
    log.ticks(301);
    assert_eq!(log.told(), [told(low, "update", "escalated", "on")]);
    assert_eq!(
        (log.last().escalation_level, log.last().escalate_to.as_str()),
        (3, "physician")
    );
    log.ticks(5000);
    let names: Vec<String> = log.told().into_iter().map(|t| t.alert_type).collect();
    assert!(!names.contains(&low.to_owned()) || names.len() < 4);
}

#[test]
fn a_tick_that_comes_late_tells_every_step() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    log.told();
    log.hears(395, &[(Sign::HeartRate, 45.0)]);
    log.ticks(400);
    let levels: Vec<u32> = log.alerts().iter().map(|a| a.escalation_level).collect();
    assert_eq!(levels, [2, 3]);
}

#[test]
fn a_latching_alarm_stays_until_someone_acts() {
    let mut log = log();
    let low = "spo2_low";
    log.hears(0, &[(Sign::Spo2, 85.0)]);
    log.told();
    log.hears(1, &[(Sign::Spo2, 97.0)]);
    assert_eq!(log.told(), [told(low, "update", "latched", "latched")]);
    assert_eq!(log.last().condition.unwrap().end_time_us, T0 + SECOND);
    log.hears(2, &[(Sign::Spo2, 86.0)]);
    assert_eq!(log.told(), [told(low, "update", "returned", "on")]);
    log.hears(3, &[(Sign::Spo2, 97.0)]);
    log.told();
    log.acknowledges(4);
    assert_eq!(log.told(), [told(low, "end", "acknowledged", "off")]);
    log.hears(5, &[(Sign::Spo2, 85.0)]);
    log.acknowledges(6);
    log.told();
    log.hears(7, &[(Sign::Spo2, 97.0)]);
    assert_eq!(
        log.told(),
        [told(low, "end", "condition", "off")],
        "acknowledged before"
    );
}

#[test]
fn what_waits_when_a_latched_alarm_is_acknowledged_is_another_alarm() {
    let mut log = Log::new(&RULES.replace(
        r#"{ limit = 90, priority = "medium" }"#,
        r#"{ limit = 90, priority = "medium", delay_s = 10 }"#,
    ));
    let low = "spo2_low";
    for (second, value) in [(0, 85.0), (10, 85.0), (11, 97.0), (20, 85.0)] {
        log.hears(second, &[(Sign::Spo2, value)]);
    }
    log.acknowledges(21);
    let ended = log.last();
    log.told();
    log.hears(29, &[(Sign::Spo2, 85.0)]);
    assert_eq!(log.told(), []);
    log.hears(30, &[(Sign::Spo2, 85.0)]);
    assert_eq!(log.told(), [told(low, "start", "condition", "on")]);
    let begun = log.last();
    assert_ne!(begun.episode_id, ended.episode_id);
    assert_eq!(begun.condition.unwrap().onset_time_us, T0 + 20 * SECOND);
}

#[test]
fn a_pause_keeps_back_what_would_start_and_says_so() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 70.0)]);
    log.pauses(1, "", 100);
    log.hears(2, &[(Sign::HeartRate, 45.0)]);
    let low = "heart_rate_low";
    assert_eq!(log.told(), [told(low, "suppressed", "paused", "off")]);
    let said = log.last();
    assert_eq!(
        (said.actor.as_str(), said.until_us),
        ("kim", T0 + 100 * SECOND)
    );
    assert_eq!(said.activation, v1::AlarmActivation::Paused as i32);
    log.hears(50, &[(Sign::HeartRate, 46.0)]);
    log.hears(99, &[(Sign::HeartRate, 46.0)]);
    assert_eq!(log.told(), []);
    log.ticks(100);
    assert_eq!(log.told(), [told(low, "start", "resumed", "on")]);
    let condition = log.last().condition.unwrap();
    assert_eq!(condition.raised_time_us, T0 + 100 * SECOND + 5);
    assert_eq!(condition.onset_time_us, T0 + 2 * SECOND);
}

#[test]
fn what_clears_while_it_is_kept_back_is_not_ended() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 70.0)]);
    log.pauses(1, "", 100);
    log.hears(2, &[(Sign::HeartRate, 45.0)]);
    log.told();
    log.hears(3, &[(Sign::HeartRate, 70.0)]);
    log.resumes(4, "");
    assert_eq!(log.told(), []);
}

#[test]
fn a_sounding_alarm_is_paused_and_sounds_again() {
    let mut log = log();
    let low = "heart_rate_low";
    log.hears(0, &[(Sign::HeartRate, 45.0)]);
    log.told();
    log.pauses(1, "", 0);
    assert_eq!(log.told(), [told(low, "update", "paused", "on")]);
    assert_eq!(log.last().activation, v1::AlarmActivation::Off as i32);
    log.hears(40, &[(Sign::HeartRate, 46.0)]);
    log.ticks(50);
    log.hears(590, &[(Sign::HeartRate, 46.0)]);
    log.ticks(600);
    assert_eq!(log.told(), [], "neither sounds again nor is it escalated");
    log.resumes(601, "");
    assert_eq!(log.told(), [told(low, "update", "re_alarm", "on")]);
    assert_eq!(log.last().escalation_level, 1);
    log.pauses(602, "heart-rate-low", 700);
    log.hears(603, &[(Sign::HeartRate, 60.0)]);
    let end = told(low, "end", "condition", "off");
    assert_eq!(log.told(), [told(low, "update", "paused", "on"), end]);
}

#[test]
fn a_life_threatening_alarm_is_not_paused_unless_its_rule_is() {
    let mut log = log();
    log.hears(0, &[(Sign::HeartRate, 70.0)]);
    log.pauses(1, "", 0);
    log.hears(2, &[(Sign::HeartRate, 0.0)]);
    let told_of: Vec<(String, String)> = log
        .told()
        .into_iter()
        .map(|t| (t.alert_type, t.phase))
        .collect();
    assert_eq!(told_of[0], ("asystole".to_owned(), "start".to_owned()));
    assert_eq!(
        told_of[1],
        ("heart_rate_low".to_owned(), "suppressed".to_owned())
    );
    let mut log = self::log();
    log.hears(0, &[(Sign::HeartRate, 70.0)]);
    log.pauses(1, "asystole", 0);
    log.hears(2, &[(Sign::HeartRate, 0.0)]);
    assert_eq!(
        log.told()[0],
        told("asystole", "suppressed", "paused", "off")
    );
}

#[test]
fn a_rule_that_says_it_all_keeps_the_other_back_and_gives_way() {
    let mut log = log();
    let low = "heart_rate_low";
    log.hears(0, &[(Sign::HeartRate, 0.0)]);
    let expected = [
        told("asystole", "start", "condition", "on"),
        told(low, "suppressed", "suppressed", "off"),
    ];
    assert_eq!(log.told(), expected);
    assert_eq!(log.last().suppressed_by, "asystole");
    log.hears(1, &[(Sign::HeartRate, 42.0)]);
    let expected = [
        told("asystole", "end", "condition", "off"),
        told(low, "start", "resumed", "on"),
    ];
    assert_eq!(log.told(), expected);
    assert_eq!(log.last().priority, 3, "held by hysteresis");
}
