//! Trends, and limits of a mean.

use super::*;

const FALL: &str = r#"
[[rule]]
id = "fall"
kind = "trend"
sign = "systolic"
direction = "fall"
window_s = 160
hysteresis = 5
message = "{sign} {value} {unit}, {change} below {reference} ({comparison} {limit})"
steps = [{ change = 30, priority = "low" }, { change = 50, priority = "high" }]
"#;

#[test]
fn a_fall_is_measured_from_the_highest_value_of_the_window() {
    let s = Sign::Systolic;
    let mut bench = Bench::new(FALL);
    // Buckets of 10 s begin where the time of the epoch is a multiple of 10 s, as T0 is.
    for (second, value) in [
        (0, 120.0),
        (50, 140.0),
        (100, 111.0),
        (110, 110.0),
        (120, 114.0),
    ] {
        bench.at(second, &[(s, value)]);
    }
    assert_eq!(bench.phases(), [(110, 1)], "held at 26 below");
    for (second, value) in [(130, 116.0), (140, 90.0), (209, 100.0), (210, 100.0)] {
        bench.at(second, &[(s, value)]);
    }
    assert_eq!(
        bench.phases(),
        [(110, 1), (130, 3), (140, 1), (209, 2), (210, 3)],
        "the bucket of the 140 is gone at 210"
    );
    let told = bench.told();
    assert_eq!(told[0].3, "systolic 110 mmHg, 30 below 140 (<= 110)");
    let alerts = bench.run.all_alerts(|_| true);
    let evidence = &alerts[0].condition.as_ref().unwrap().evidence[0];
    let known = (evidence.value, evidence.reference, evidence.window_us);
    assert_eq!(known, (110.0, Some(140.0), 160 * SECOND));
    assert_eq!(told[1].3, "Ended: systolic 116 mmHg, 24 below 140 (> 110)");
}

#[test]
fn a_rise_in_per_cent_needs_a_reference_above_zero() {
    let rise = FALL
        .replace("\"fall\"\nwindow", "\"rise\"\nwindow")
        .replace("change = 30", "percent = 20")
        .replace("change = 50", "percent = 50");
    let run = |values: &[f64]| {
        let mut bench = Bench::new(&rise);
        for (second, value) in (0..).zip(values) {
            bench.at(second, &[(Sign::Systolic, *value)]);
        }
        bench.phases()
    };
    assert_eq!(run(&[0.0, 80.0]), []);
    assert_eq!(run(&[100.0, 119.9, 120.0, 115.0, 114.9]), [(2, 1), (4, 3)]);
}

#[test]
fn a_percentage_of_nothing_clears_nothing() {
    let rise = FALL
        .replace("\"fall\"\nwindow", "\"rise\"\nwindow")
        .replace("change = 30", "percent = 20")
        .replace("change = 50", "percent = 50")
        .replace("systolic", "heart_rate");
    let (rate, pulse) = (Sign::HeartRate, Sign::PulseRate);
    let rows: &[(i64, &[(Sign, f64)])] = &[
        (0, &[(rate, 60.0), (pulse, 0.0)]),
        (5, &[(rate, 80.0)]),
        (66, &[(pulse, 70.0)]), // the rate has been silent for a minute; of how much has the pulse risen?
        (67, &[(pulse, 0.0)]),
    ];
    assert_eq!(phases(&rise, rows), [(5, 1), (67, 3)]);
}

#[test]
fn hysteresis_has_no_dust() {
    let rule = FALL
        .replace("hysteresis = 5", "hysteresis = 0.1")
        .replace("change = 30", "change = 0.8")
        .replace("systolic", "temperature");
    let t = |second, value: &'static [(Sign, f64)]| (second, value);
    let rows = [
        t(0, &[(Sign::Temperature, 38.0)]),
        t(1, &[(Sign::Temperature, 37.2)]),
        t(2, &[(Sign::Temperature, 37.3)]),
    ];
    assert_eq!(phases(&rule, &rows), [(1, 1)], "0.7 is 0.8 less 0.1");
}

#[test]
fn an_alarm_of_a_trend_is_stale_while_its_sign_is_missing() {
    let missing = "[[rule]]\nid = \"off\"\nkind = \"missing\"\nsigns = [\"systolic\"]\nlead_off = true\npriority = \"low\"\nmessage = \"m\"\n";
    let mut bench = Bench::new(&format!("{missing}{FALL}"));
    bench.at(0, &[(Sign::Systolic, 140.0)]);
    bench.at(1, &[(Sign::Systolic, 100.0)]);
    let mut off = observation(bench.n, "p1", "d1", 2, &[(Sign::Systolic, 0.0, 16)]);
    off.context = Some(bench.context.clone());
    bench.run.feed(&mut bench.engine, 2, &[&batch(&[off])]);
    bench.n += 1;
    bench.at(3, &[(Sign::Systolic, 99.0)]);
    let alerts = bench
        .run
        .all_alerts(|alert_type| alert_type == "systolic_fall")
        .into_iter();
    let stale: Vec<_> = alerts
        .map(|a| (a.cause(), a.condition.unwrap().stale))
        .collect();
    let causes = [
        v1::AlertCause::Condition,
        v1::AlertCause::Stale,
        v1::AlertCause::Fresh,
    ];
    assert_eq!(
        stale,
        [(causes[0], false), (causes[1], true), (causes[2], false)]
    );
}

#[test]
fn an_episode_that_ended_is_not_begun_again_by_a_step_that_waits() {
    let rule = "[[rule]]\nid = \"n\"\nkind = \"score\"\nscore = \"news2\"\nmessage = \"m\"\nhysteresis = 1\nsteps = [{ single_three = true, priority = \"low\" }, { at_least = 5, priority = \"medium\", delay_s = 30 }]\n";
    let mut bench = Bench::new(rule);
    let rate = Sign::HeartRate;
    bench.at(0, &[(rate, 0.0)]);
    let fives = [
        (rate, 115.0),
        (Sign::RespiratoryRate, 9.0),
        (Sign::Temperature, 39.2),
    ];
    bench.at(1, &fives);
    bench.at(31, &fives);
    assert_eq!(bench.phases(), [(0, 1), (1, 3), (31, 1)]);
    let alerts = bench.run.all_alerts(|_| true);
    assert_eq!(alerts[0].episode_id, alerts[1].episode_id);
    assert_ne!(alerts[1].episode_id, alerts[2].episode_id);
    let onset_us = alerts[2].condition.as_ref().unwrap().onset_time_us;
    assert_eq!(onset_us, T0 + SECOND);
}

#[test]
fn a_trend_compares_only_values_of_the_same_measured_sign() {
    let rows: &[(i64, &[(Sign, f64)])] = &[
        (0, &[(Sign::Systolic, 150.0)]),
        (1, &[(Sign::ArtSystolic, 100.0)]),
        (2, &[(Sign::ArtSystolic, 71.0)]),
        (3, &[(Sign::ArtSystolic, 70.0)]),
    ];
    assert_eq!(phases(FALL, rows), [(3, 1)]);
}

#[test]
fn a_mean_is_compared_in_place_of_each_value() {
    let rule = r#"
[[rule]]
id = "mean"
kind = "limit"
sign = "spo2"
direction = "low"
average_s = 16
message = "{value}"
steps = [{ limit = 90, priority = "medium" }]
"#;
    let mut bench = Bench::new(rule);
    for (second, value) in [
        (0, 100.0),
        (1, 85.0),
        (2, 80.0),
        (3, 80.0),
        (4, 99.0),
        (17, 99.0),
    ] {
        bench.at(second, &[(Sign::Spo2, value)]);
    }
    let told = bench.told();
    assert_eq!(told.len(), 1, "at 17 (80 + 80 + 99 + 99) / 4 is below 90");
    let alerts = bench.run.all_alerts(|_| true);
    let evidence = &alerts[0].condition.as_ref().unwrap().evidence[0];
    assert_eq!(
        (evidence.value, evidence.reference, evidence.window_us),
        (88.333333, None, 16 * SECOND)
    );
    assert_eq!(
        (told[0].0, told[0].3.as_str()),
        (2, "88.33"),
        "(100 + 85 + 80) / 3"
    );
    bench.at(18, &[(Sign::Spo2, 99.0)]);
    assert_eq!(bench.phases(), [(2, 1), (18, 3)]);
}
