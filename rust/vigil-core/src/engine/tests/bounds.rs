//! What a patient's state takes at most, whatever comes in.

use super::*;
use crate::engine::order::held::{HELD_BYTES_MAX, HELD_MAX};
use crate::engine::patient::STATE_BYTES_MAX;

/// A patient's observation of all signs, as unwell as can be.
fn worst(n: u64, device: &str, second: i64) -> v1::Observation {
    let values: Vec<_> = Sign::ALL
        .iter()
        .map(|sign| (*sign, if n % 2 == 0 { 0.0 } else { 300.0 }, 0))
        .collect();
    let mut one = observation(n, "p1", device, second, &values);
    one.header.as_mut().unwrap().ingest_time_us += n as i64 % 7;
    one
}

#[test]
fn the_state_of_a_patient_is_bounded() {
    let (mut engine, mut run, mut offset) = (engine(), Run::default(), 0);
    let mut send = |one: &v1::Observation| {
        run.feed(&mut engine, offset, &[&batch(std::slice::from_ref(one))]);
        offset += 1;
        engine.state_bytes()
    };
    let mut largest = 0;
    for n in 0..4000u64 {
        let device = format!("d{}", if n % 2000 < 1500 { n % 16 } else { n % 40 });
        let mut one = worst(n, &device, n as i64 / 800);
        let vitals = one.vitals.as_mut().unwrap();
        // Gaps everywhere, so that as much waits as may; large ones among them.
        vitals.sequence = Some(n * 2);
        vitals.firmware = "x".repeat(if n % 50 == 0 {
            HELD_BYTES_MAX * 2
        } else {
            (n % 900) as usize
        });
        largest = largest.max(send(&one));
    }
    assert!(largest > HELD_MAX * 16 * 64, "it was filled: {largest}");
    assert!(largest <= STATE_BYTES_MAX, "{largest} bytes");
}

#[test]
fn a_monitored_patient_takes_little() {
    let (mut engine, mut run) = (engine(), Run::default());
    let all: Vec<_> = (0..100u64)
        .flat_map(|n| (0..30).map(move |second| (n, second)))
        .map(|(n, second)| {
            let values = [
                (Sign::HeartRate, 70.0, 0),
                (Sign::Spo2, 97.0, 0),
                (Sign::RespiratoryRate, 15.0, 0),
                (Sign::Temperature, 36.9, 0),
                (Sign::Systolic, 121.0, 0),
                (Sign::Diastolic, 76.0, 0),
            ];
            observation(
                n * 100 + second as u64,
                &format!("p{n}"),
                &format!("d{n}"),
                second,
                &values,
            )
        })
        .collect();
    run.feed(&mut engine, 0, &[&batch(&all)]);
    let each = engine.state_bytes() / 100;
    let written = engine.checkpoint(0, 1, true).len() / 100;
    assert!(each <= 4096, "{each} bytes in memory");
    assert!(written <= 1024, "{written} bytes in a checkpoint");
}
