//! What the pipeline relies on: identity, order, dead letters, the model away.

use super::*;
use crate::error::ErrorCode;

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
        ["asystole", "heart_rate_low", "news2"],
        "what was begun twice was evaluated once"
    );
    assert!(engine.finish(&mut again, None, "", 2).is_err());
}

#[test]
fn a_batch_begun_before_its_partition_was_taken_back_cannot_be_finished() {
    let mut engine = engine();
    let value = batch(&rates(&[(0, 0.0)]));
    let segment = engine.checkpoint(0, 0, true);
    let mut before = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
    for forgotten in [true, false] {
        if forgotten {
            engine.forget(0);
        }
        engine.restore(0, &[&segment]).unwrap();
        let refused = engine.finish(&mut before, None, "", 2).unwrap_err();
        assert_eq!(refused.code, ErrorCode::OutOfOrder);
        let mut again = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
        let refused = engine.finish(&mut before, None, "", 2).unwrap_err();
        assert_eq!(refused.code, ErrorCode::OutOfOrder);
        let made = engine.finish(&mut again, None, "", 2).unwrap();
        assert_eq!(made.alerts.len(), 3);
    }
}

#[test]
fn rules_that_change_while_a_batch_is_scored_say_when_the_clock_is_next() {
    let sooner = RULES.replace("silent_after_s = 300", "silent_after_s = 20");
    let value = batch(&rates(&[(0, 70.0)]));
    let due_us = |changed: bool| {
        let mut engine = engine();
        if !changed {
            engine.reload(&sooner).unwrap();
        }
        let mut pending = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
        if changed {
            engine.reload(&sooner).unwrap();
        }
        engine.finish(&mut pending, None, "", 2).unwrap();
        engine.due_us(0).unwrap()
    };
    assert!(due_us(false) < T0 + 30 * SECOND);
    assert_eq!(due_us(true), due_us(false));
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
