//! Alarms: the clinical regressions and the rules' own semantics.

use super::*;

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
    assert_eq!(alerts[0].header.as_ref().unwrap().patient_id, "p2");
    assert!(run.alerts.iter().any(|alert| alert.key == b"p2"));
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
    let expected = [
        "spo2_low/1",
        "spo2_missing/1",
        "spo2_low/2",
        "spo2_missing/3",
        "spo2_low/2",
    ];
    assert_eq!(said, expected, "stale while it is missing, and fresh again");
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
