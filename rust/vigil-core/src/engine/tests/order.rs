//! Late and out of order: what is repaired, what is late, and what a spool must not do.

use std::sync::Arc;

use super::*;
use crate::engine::order::held::{HELD_BYTES_MAX, HELD_MAX};
use crate::observation::flag;
use crate::rules::order::{Hold, Order};
use crate::rules::parse::parse;

/// The test's own log: a record an observation or a control.
struct Log {
    engine: Engine,
    run: Run,
    offset: i64,
}

impl Log {
    fn new(hold: Hold) -> Self {
        let mut rules = parse(RULES).unwrap();
        rules.order = Order {
            hold,
            ..Order::default()
        };
        let mut engine = engine();
        engine.rules = Arc::new(rules);
        Self {
            engine,
            run: Run::default(),
            offset: 100,
        }
    }

    fn send(&mut self, one: &v1::Observation) {
        self.record(&batch(std::slice::from_ref(one)));
    }

    fn tick(&mut self, second: i64) {
        let control = v1::Control {
            event_id: vec![second as u8; 16],
            action: v1::ControlAction::Tick.into(),
            time_us: T0 + second * SECOND,
            ..v1::Control::default()
        };
        let value = v1::TelemetryBatch {
            controls: vec![control],
            ..v1::TelemetryBatch::default()
        };
        self.record(&value.encode_to_vec());
    }

    fn record(&mut self, value: &[u8]) {
        self.run.feed(&mut self.engine, self.offset, &[value]);
        self.offset += 1;
    }

    fn held(&self) -> Option<i64> {
        self.engine.held_offset(0).map(|offset| offset - 100)
    }

    /// Seconds of what was written, with the flags of this stage.
    fn written(&self) -> Vec<(i64, u32)> {
        let flags = |o: &v1::Observation| o.scores.as_ref().unwrap().flags;
        let time = |o: &v1::Observation| o.header.as_ref().unwrap().event_time_us;
        let scored = self.run.scored.iter();
        scored
            .map(|o| ((time(o) - T0) / SECOND, flags(o)))
            .collect()
    }

    /// What was evaluated, the offsets left out: they say where it was let go.
    fn evaluated(&self) -> (Vec<v1::Observation>, Vec<u32>, Vec<AlertRecord>) {
        let mut scored = self.run.scored.clone();
        for one in &mut scored {
            one.scores.as_mut().unwrap().source_offset = 0;
        }
        (scored, self.run.features.clone(), self.run.alerts.clone())
    }
}

/// A heart rate of `device` at `second`, numbered `sequence`, taken by the gateway `lag` seconds later.
fn beat(device: &str, second: i64, sequence: u64, value: f64, lag: i64) -> v1::Observation {
    let number = sequence.wrapping_mul(256) + u64::from(device.as_bytes()[1]);
    let values = [(Sign::HeartRate, value, 0), (Sign::Spo2, 97.0, 0)];
    let mut one = observation(number, "p1", device, second, &values);
    one.vitals.as_mut().unwrap().sequence = Some(sequence);
    one.header.as_mut().unwrap().ingest_time_us += lag * SECOND;
    one
}

fn seconds(written: &[(i64, u32)]) -> Vec<i64> {
    written.iter().map(|(second, _)| *second).collect()
}

#[test]
fn an_observation_waits_for_the_one_before_it_and_is_evaluated_as_if_in_order() {
    let all: Vec<_> = (0..8)
        .map(|n| {
            beat(
                "d1",
                n,
                n as u64,
                if n == 4 { 0.0 } else { 60.0 + n as f64 },
                0,
            )
        })
        .collect();
    let mut expected = Log::new(Hold::OnGap);
    for one in &all {
        expected.send(one);
    }
    assert!(!expected.run.alerts.is_empty());
    for hold in [Hold::OnGap, Hold::Always] {
        let mut log = Log::new(hold);
        for i in [0, 2, 1, 4, 5, 3, 6, 7] {
            log.send(&all[i]);
            if hold == Hold::OnGap && i == 2 {
                assert_eq!(log.held(), Some(1), "not to be committed");
            }
        }
        log.tick(10);
        assert_eq!(log.held(), None);
        assert_eq!(log.evaluated(), expected.evaluated(), "{hold:?}");
    }
    let mut log = Log::new(Hold::Never);
    for i in [0, 2, 1] {
        log.send(&all[i]);
    }
    assert_eq!(log.written(), [(0, 0), (2, 0), (1, flag::LATE)]);
}

#[test]
fn what_never_comes_is_waited_for_no_longer_than_the_window() {
    let mut log = Log::new(Hold::OnGap);
    log.send(&beat("d1", 0, 0, 70.0, 0));
    log.send(&beat("d1", 2, 2, 70.0, 0));
    log.send(&beat("d1", 3, 3, 70.0, 0));
    assert_eq!(seconds(&log.written()), [0]);
    log.send(&beat("d1", 4, 4, 70.0, 0));
    assert_eq!(seconds(&log.written()), [0, 2, 3, 4], "two seconds later");
    log.send(&beat("d1", 1, 1, 0.0, 0));
    assert_eq!(log.written()[4], (1, flag::LATE));
    log.send(&beat("d1", 9, 9, 0.0, 0));
    log.tick(10);
    assert_eq!((log.held(), log.written().len()), (Some(5), 5));
    assert_eq!(log.engine.due_us(0), Some(T0 + 11 * SECOND + 5));
    log.tick(12);
    assert_eq!(log.held(), None);
    assert_eq!(log.run.said(), [("asystole".to_owned(), 1, 3)]);
}

#[test]
fn a_device_that_counts_anew_is_not_held() {
    let mut log = Log::new(Hold::OnGap);
    for (second, sequence) in [(0, 900), (1, 0), (2, 1), (3, u64::MAX), (4, 2), (4, 1)] {
        log.send(&beat("d1", second, sequence, 70.0, 0));
        assert_eq!(log.held(), None, "{sequence}");
    }
    log.send(&beat("d1", 5, 500, 70.0, 0));
    log.send(&beat("d1", 6, 501, 70.0, 0));
    assert_eq!(log.held(), Some(6), "a number far ahead may be a gap");
    log.send(&beat("d1", 7, 502, 70.0, 0));
    assert_eq!(log.held(), None);
}

#[test]
fn after_a_long_silence_nothing_is_waited_for() {
    let mut log = Log::new(Hold::OnGap);
    log.send(&beat("d1", 0, 0, 70.0, 0));
    log.send(&beat("d1", 301, 300, 0.0, 0));
    assert_eq!(log.held(), None);
    assert_eq!(log.run.said(), [("asystole".to_owned(), 1, 3)]);
}

#[test]
fn what_waits_is_bounded_and_nothing_of_it_is_lost() {
    let mut log = Log::new(Hold::Always);
    // At the same time: nothing passes by itself.
    for n in 0..100 {
        log.send(&beat("d1", 0, n, 70.0, 0));
    }
    assert_eq!(log.run.scored.len(), 100 - HELD_MAX);
    for device in 0..40 {
        log.send(&beat(
            &format!("{}", (b'A' + device) as char).repeat(2),
            1,
            0,
            70.0,
            0,
        ));
    }
    log.tick(9);
    assert_eq!(log.run.scored.len(), 140);
    let mut large = beat("d1", 3, 0, 70.0, 0);
    large.vitals.as_mut().unwrap().firmware = "x".repeat(HELD_BYTES_MAX / 4);
    for n in 0..8u64 {
        large.header.as_mut().unwrap().event_id = vec![n as u8 + 1; 16];
        log.send(&large);
        assert!(log.engine.state_bytes() < HELD_BYTES_MAX + 20_000);
    }
    assert_eq!(log.run.scored.len(), 145, "three of a quarter fit");
}

#[test]
fn a_duplicate_of_what_waits_is_a_duplicate() {
    let mut log = Log::new(Hold::OnGap);
    log.send(&beat("d1", 0, 0, 70.0, 0));
    log.send(&beat("d1", 2, 2, 70.0, 0));
    log.send(&beat("d1", 2, 2, 70.0, 0));
    assert_eq!(log.written(), [(0, 0), (2, flag::DUPLICATE)]);
}

#[test]
fn a_days_spool_alarms_nobody_and_leaves_live_alarms_as_they_are() {
    let live: Vec<_> = (0..120)
        .map(|n| {
            let value = if n % 40 > 30 { 0.0 } else { 70.0 };
            beat("d1", n, 90_000 + n as u64, value, 0)
        })
        .collect();
    let mut alone = Log::new(Hold::OnGap);
    for one in &live {
        alone.send(one);
    }
    assert_eq!(alone.run.said().len(), 5);
    // A day of asystole, from before, sent at once between live data.
    let spool: Vec<_> = (0..86_400)
        .map(|n| beat("d1", n - 86_500, n as u64, 0.0, 86_500 - n + 60))
        .collect();
    let mut log = Log::new(Hold::OnGap);
    let mut rest = spool.chunks(2000);
    for (n, one) in live.iter().enumerate() {
        log.send(one);
        if n > 30 {
            rest.next()
                .into_iter()
                .for_each(|part| log.record(&batch(part)));
        }
    }
    assert_eq!(log.run.scored.len(), 86_400 + 120);
    assert_eq!(log.run.alerts, alone.run.alerts, "byte by byte");
    let late = log
        .written()
        .iter()
        .filter(|(_, f)| *f == flag::LATE)
        .count();
    assert_eq!(late, 86_400);
    assert_eq!(log.run.features, alone.run.features);
}

#[test]
fn what_a_device_remembers_of_its_outage_is_late_and_what_it_says_now_is_not_held() {
    let mut log = Log::new(Hold::OnGap);
    log.send(&beat("d1", 0, 0, 70.0, 0));
    for n in 1..=1000 {
        // Sent at second 1401 and later; the last 300 seconds are recent enough.
        log.send(&beat("d1", n, n as u64, 0.0, 1401 - n));
    }
    assert_eq!(log.run.said(), []);
    log.send(&beat("d1", 1402, 1001, 0.0, 0));
    assert_eq!(log.run.said(), [("asystole".to_owned(), 1, 3)]);
}

#[test]
fn a_clock_that_jumps_back_does_not_silence_its_device() {
    let mut log = Log::new(Hold::OnGap);
    log.send(&beat("d1", 0, 0, 70.0, 0));
    for n in 1..=20 {
        let value = if n < 15 { 70.0 } else { 0.0 };
        log.send(&beat("d1", n - 3600, n as u64, value, 3600));
    }
    assert_eq!(log.run.said(), [("asystole".to_owned(), 1, 3)]);
    let flags: Vec<u32> = log.written().iter().map(|(_, flags)| *flags).collect();
    assert_eq!(flags[1..11], [flag::LATE; 10]);
    assert_eq!(flags[11..], [flag::CLOCK_SKEW; 10]);
    assert_ne!(log.run.alerts()[0].flags & flag::CLOCK_SKEW, 0);
}
