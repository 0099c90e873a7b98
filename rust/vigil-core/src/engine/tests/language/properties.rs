//! All kinds together: how the input is cut and where it crashes changes nothing.

use proptest::prelude::*;

use super::*;

const ALL: &str = r#"
version = 1
spot_check_after_s = 60
[[rule]]
id = "rise"
kind = "trend"
sign = "heart_rate"
direction = "rise"
window_s = 60
message = "{change}"
steps = [{ percent = 30, priority = "low" }, { percent = 60, priority = "high", delay_s = 5 }]
[[rule]]
id = "mean"
kind = "limit"
sign = "spo2"
direction = "low"
average_s = 30
hysteresis = 1
population = { age_max = 60, device_types = ["m"] }
message = "{value}"
steps = [{ limit = 92, priority = "low" }]
[[rule]]
id = "mews"
kind = "score"
score = "mews"
hysteresis = 1
message = "{total}"
steps = [{ at_least = 3, priority = "medium" }]
[[rule]]
id = "mixed"
kind = "combination"
mode = "at_least"
at_least = 2
within_s = 20
delay_s = 3
priority = "high"
message = "{reason}"
conditions = [
  { sign = "systolic", direction = "low", limit = 100 },
  { rule = "mean" },
  { score = "shock_index", at_least = 0.8 },
  { sign = "heart_rate", direction = "high", limit = 110, inclusive = true },
]
[[rule]]
id = "odd"
kind = "anomaly"
column = "anomaly"
message = "{value}"
delay_s = 4
steps = [{ at_least = 0.3, priority = "low" }]
"#;

fn streams() -> impl Strategy<Value = Vec<v1::Observation>> {
    let sign = prop::sample::select(vec![
        (Sign::HeartRate, vec![60.0, 85.0, 110.0, 140.0]),
        (Sign::PulseRate, vec![60.0, 130.0]),
        (Sign::Spo2, vec![85.0, 91.0, 93.0, 99.0]),
        (Sign::Systolic, vec![80.0, 99.0, 130.0]),
        (Sign::RespiratoryRate, vec![9.0, 16.0, 31.0]),
    ]);
    let value =
        sign.prop_flat_map(|(sign, values)| (Just(sign), prop::sample::select(values), Just(0)));
    let one = (
        prop::sample::select(vec![("p1", "d1"), ("p1", "d2"), ("", "d4")]),
        prop_oneof![6 => 1i64..9, 1 => Just(90i64)],
        prop::collection::vec(value, 0..4),
        prop::sample::select(vec![(60, ""), (60, "m"), (61, "m"), (60, "other")]),
    );
    prop::collection::vec(one, 1..50).prop_map(|steps| {
        let mut second = 0;
        let mut all = Vec::new();
        for (n, ((patient, device), step, values, (age, device_type))) in (0..).zip(steps) {
            second += step;
            let mut one = observation(n, patient, device, second, &values);
            if let Some(context) = &mut one.context {
                context.age_years = Some(age);
            }
            if let Some(vitals) = &mut one.vitals {
                vitals.device_type = device_type.into();
            }
            all.push(one);
        }
        all
    })
}

/// Alerts in the order of the log; `cut` observations a batch, a crash after each that `crash` names.
fn alerts(all: &[v1::Observation], cut: usize, crash: usize) -> Vec<AlertRecord> {
    let mut engine = Engine::new(ALL, 1000).unwrap();
    let mut run = Run::default();
    for (n, part) in all.chunks(cut).enumerate() {
        run.feed(&mut engine, n as i64, &[&batch(part)]);
        if n % crash == 0 {
            let segment = engine.checkpoint(0, n as i64 + 1, true);
            engine = Engine::new(ALL, 1000).unwrap();
            engine.restore(0, &[&segment]).unwrap();
        }
    }
    run.alerts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cuts_and_crashes_change_nothing(all in streams(), cut in 1usize..20, crash in 1usize..4) {
        let expected = alerts(&all, 1, usize::MAX);
        prop_assert_eq!(&alerts(&all, cut, usize::MAX), &expected);
        prop_assert_eq!(&alerts(&all, 1, crash), &expected);
    }
}
