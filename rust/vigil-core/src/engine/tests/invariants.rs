//! Random observations, controls and ticks: what must hold of alarms whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::log::{controls, signals_engine, ACTIONS};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Hears(&'static str, &'static str, Vec<(Sign, f64, u32)>),
    Does(v1::ControlAction, &'static str, &'static str, i64),
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let sign = prop::sample::select(vec![
        (Sign::HeartRate, vec![0.0, 35.0, 45.0, 52.0, 70.0]),
        (Sign::Spo2, vec![80.0, 91.0, 97.0]),
        (Sign::Temperature, vec![37.0]),
    ]);
    let value = sign.prop_flat_map(|(sign, values)| {
        let quality = prop_oneof![6 => Just(0u32), 1 => Just(1u32), 1 => Just(16u32)];
        (Just(sign), prop::sample::select(values), quality)
    });
    let hears = (
        prop::sample::select(vec![("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")]),
        prop::collection::vec(value, 0..4),
    )
        .prop_map(|((patient, device), mut values)| {
            // A sign twice in one observation would make two episodes of one cause.
            values.sort_by_key(|value: &(Sign, f64, u32)| value.0);
            values.dedup_by_key(|value| value.0);
            Step::Hears(patient, device, values)
        });
    let action = prop::sample::select(ACTIONS.to_vec());
    let rule = prop::sample::select(vec![
        "",
        "",
        "asystole",
        "spo2-low",
        "silence/device",
        "missing/spo2",
    ]);
    let who = prop::sample::select(vec!["p1", "p2", ""]);
    let does = (action, who, rule, 1i64..400).prop_map(|(a, w, r, s)| Step::Does(a, w, r, s));
    let gap = prop_oneof![32 => 0i64..4, 12 => 10i64..70, 4 => 100i64..700, 1 => 6 * 86_400i64..8 * 86_400];
    prop::collection::vec((gap, prop_oneof![5 => hears, 3 => does]), 1..90)
}

fn records(steps: &[(i64, Step)]) -> Vec<(i64, Vec<u8>)> {
    let mut second = 0;
    let mut all = Vec::new();
    for (n, (gap, step)) in steps.iter().enumerate() {
        second += gap;
        let value = match step {
            Step::Hears(patient, device, values) => {
                batch(&[observation(n as u64, patient, device, second, values)])
            }
            Step::Does(action, who, rule, seconds) => {
                let mut made = log::control(n as u64, *action, T0 + second * SECOND + 5);
                match action {
                    v1::ControlAction::Tick => {}
                    v1::ControlAction::ComponentDown | v1::ControlAction::ComponentUp => {
                        made.component = "anomaly-service".into();
                        made.reporter = if seconds % 2 == 0 { "a" } else { "b" }.into();
                    }
                    _ => {
                        made.patient_id = (*who).into();
                        made.device_id = if who.is_empty() { "d4" } else { "" }.into();
                        made.rule_id = (*rule).into();
                        made.until_us = T0 + (second + seconds) * SECOND;
                        made.actor = "kim".into();
                    }
                }
                controls(made)
            }
        };
        all.push((second, value));
    }
    all
}

fn run(engine: &mut Engine, offset: usize, values: &[&[u8]]) -> Vec<AlertRecord> {
    let mut run = Run::default();
    run.feed(engine, offset as i64, values);
    run.alerts
}

fn one_by_one(records: &[(i64, Vec<u8>)]) -> Vec<AlertRecord> {
    let mut engine = signals_engine();
    let each = records.iter().enumerate();
    each.flat_map(|(i, (_, value))| run(&mut engine, i, &[value]))
        .collect()
}

#[derive(Default)]
struct Episode {
    started: bool,
    ended: bool,
    suppressed: bool,
    presence: i32,
    steps: u32,
}

/// What holds of each episode, and of all episodes of one rule and subject (and device, where it is about one).
fn check(alerts: &[v1::AlertEvent]) -> Result<(), TestCaseError> {
    let mut episodes: BTreeMap<Vec<u8>, Episode> = BTreeMap::new();
    let mut open: BTreeMap<(String, String, String), Vec<u8>> = BTreeMap::new();
    let (on, paused) = (
        v1::AlarmActivation::On as i32,
        v1::AlarmActivation::Paused as i32,
    );
    for alert in alerts {
        let header = alert.header.clone().unwrap();
        let about = if alert.rule_id.ends_with("/device") {
            header.device_id
        } else {
            String::new()
        };
        let who = if header.patient_id.is_empty() {
            alert.rule_id.clone() + &about
        } else {
            header.patient_id
        };
        let key = (who, alert.rule_id.clone(), about);
        let episode = episodes.entry(alert.episode_id.clone()).or_default();
        prop_assert_eq!(alert.step, episode.steps, "steps are counted");
        episode.steps += 1;
        prop_assert!(!episode.ended, "nothing after the END");
        match alert.phase() {
            v1::AlertPhase::Start => {
                prop_assert!(!episode.started, "one START");
                prop_assert_eq!(alert.activation, on, "nothing starts while it is paused");
                prop_assert_eq!(alert.cause() == v1::AlertCause::Resumed, episode.suppressed);
                let other = open.insert(key.clone(), alert.episode_id.clone());
                prop_assert!(
                    other.is_none_or(|o| o == alert.episode_id),
                    "one open episode: {key:?}"
                );
                episode.started = true;
            }
            v1::AlertPhase::Suppressed => {
                prop_assert!(
                    !episode.started && !episode.suppressed,
                    "said once, before the START"
                );
                episode.suppressed = true;
            }
            _ => prop_assert!(episode.started, "only what was said goes on"),
        }
        if alert.phase() == v1::AlertPhase::End {
            episode.ended = true;
            open.remove(&key);
        }
        match alert.cause() {
            v1::AlertCause::ReAlarm => prop_assert_eq!(alert.activation, on),
            v1::AlertCause::Escalated => {
                prop_assert_eq!(
                    (alert.activation, alert.presence),
                    (on, v1::AlarmPresence::On as i32)
                );
            }
            v1::AlertCause::Acknowledged if alert.phase() == v1::AlertPhase::End => {
                prop_assert_eq!(
                    episode.presence,
                    v1::AlarmPresence::Latched as i32,
                    "it never clears a condition"
                );
            }
            v1::AlertCause::Paused => prop_assert!(alert.activation >= paused),
            _ => {}
        }
        if alert.severity() == v1::Severity::Critical && alert.activation != on {
            prop_assert!(alert.rule_id == "asystole", "only when its rule is paused");
        }
        episode.presence = alert.presence;
    }
    Ok(())
}

/// A device's silence is told at the first tick that is late enough, once, and ends when it speaks.
fn check_watchdog(steps: &[(i64, Step)], alerts: &[v1::AlertEvent]) -> Result<(), TestCaseError> {
    use v1::ControlAction::{ComponentDown, ComponentUp};
    let mut told: Vec<(i64, bool)> = Vec::new();
    let (mut second, mut heard) = (0, Vec::<i64>::new());
    let mut controlled = 0;
    let mut silent = false;
    for (gap, step) in steps {
        second += gap;
        match step {
            Step::Hears(_, "d3", _) => {
                if silent && heard.last() != Some(&second) {
                    told.push((second, false));
                    silent = false;
                }
                if heard.last() != Some(&second) {
                    heard.push(second);
                }
            }
            Step::Does(v1::ControlAction::Tick, ..) => {
                let monitored = matches!(heard[..], [.., a, b] if b - a <= 60);
                if monitored && !silent && heard.last().is_some_and(|h| second >= h + 60) {
                    told.push((second, true));
                    silent = true;
                }
                let newest = heard.last().map(|h| controlled.max(*h));
                if newest.is_some_and(|newest| second >= newest + 7 * 86_400) {
                    if silent {
                        told.push((second, false));
                    }
                    (silent, heard, controlled) = (false, Vec::new(), 0);
                }
            }
            Step::Does(ComponentDown | ComponentUp, ..) => {}
            Step::Does(_, "p2", ..) if !heard.is_empty() => controlled = second,
            Step::Does(..) | Step::Hears(..) => {}
        }
    }
    let said: Vec<(i64, bool)> = alerts
        .iter()
        .filter(|a| a.rule_id == "silence/device" && a.header.as_ref().unwrap().device_id == "d3")
        .filter(|a| a.cause() == v1::AlertCause::Condition)
        .map(|a| {
            let time_us = a.header.as_ref().unwrap().event_time_us;
            ((time_us - T0) / SECOND, a.phase() == v1::AlertPhase::Start)
        })
        .collect();
    prop_assert_eq!(said, told);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn alarms_hold_what_they_promise(steps in steps()) {
        let alerts: Vec<v1::AlertEvent> = one_by_one(&records(&steps))
            .iter()
            .map(|a| v1::AlertEvent::decode(a.value.as_slice()).unwrap())
            .collect();
        check(&alerts)?;
        let unpaused = |(_, step): &(i64, Step)| {
            use v1::ControlAction::{Off, Pause};
            !matches!(step, Step::Does(Off | Pause, "p2", "silence/device", _))
        };
        if steps.iter().all(unpaused) {
            check_watchdog(&steps, &alerts)?;
        }
    }

    #[test]
    fn cuts_and_crashes_change_nothing(
        steps in steps(),
        cuts in prop::collection::vec((1usize..12, prop::bool::weighted(0.3)), 90),
    ) {
        let records = records(&steps);
        let expected = one_by_one(&records);
        let mut engine = signals_engine();
        let (mut alerts, mut at) = (Vec::new(), 0);
        for (cut, crash) in cuts {
            let end = (at + cut).min(records.len());
            let values: Vec<&[u8]> = records[at..end].iter().map(|(_, v)| v.as_slice()).collect();
            alerts.extend(run(&mut engine, at, &values));
            at = end;
            if crash {
                let segment = engine.checkpoint(0, at as i64, true);
                engine = signals_engine();
                prop_assert_eq!(engine.restore(0, &[&segment]).unwrap(), at as i64);
            }
        }
        prop_assert_eq!(alerts, expected);
    }

    #[test]
    fn what_is_due_is_never_found_too_late(steps in steps()) {
        let mut engine = signals_engine();
        for (i, (second, value)) in records(&steps).iter().enumerate() {
            let due_us = engine.due_us(0);
            let said = run(&mut engine, i, &[value]);
            if matches!(steps[i].1, Step::Does(v1::ControlAction::Tick, ..)) && !said.is_empty() {
                prop_assert!(due_us.is_some_and(|us| us <= T0 + second * SECOND + 5));
            }
        }
        let mut ticks = 0;
        while let Some(due_us) = engine.due_us(0) {
            ticks += 1;
            prop_assert!(ticks < 400, "ticks come to an end");
            let made = log::control(1_000 + ticks, v1::ControlAction::Tick, due_us.max(T0));
            run(&mut engine, 1_000, &[&controls(made)]);
            if due_us > T0 + 100_000 * SECOND {
                break;
            }
        }
    }
}
