//! What comes out depends on the order of the input alone.

use proptest::prelude::*;

use super::*;

/// Streams of three patients and an orphan with all kinds of trouble.
fn streams() -> impl Strategy<Value = Vec<v1::Observation>> {
    let sign = prop::sample::select(vec![
        (
            Sign::HeartRate,
            vec![0.0, 38.0, 45.0, 70.0, 118.0, 125.0, 155.0],
        ),
        (Sign::PulseRate, vec![0.0, 39.0, 70.0, 130.0]),
        (Sign::Spo2, vec![80.0, 86.0, 89.0, 91.0, 97.0]),
        (Sign::RespiratoryRate, vec![6.0, 9.0, 16.0, 26.0, 34.0]),
        (Sign::Temperature, vec![34.0, 37.0, 38.6, 39.8]),
        (Sign::Systolic, vec![70.0, 85.0, 120.0, 190.0]),
        (Sign::ArtSystolic, vec![75.0, 118.0]),
        (Sign::Consciousness, vec![0.0, 1.0, 4.0]),
    ]);
    let value = sign.prop_flat_map(|(sign, values)| {
        let quality =
            prop_oneof![8 => Just(0u32), 1 => Just(1u32), 1 => Just(16u32), 1 => Just(32u32)];
        (Just(sign), prop::sample::select(values), quality)
    });
    let one = (
        prop::sample::select(vec![("p1", "d1"), ("p1", "d2"), ("p2", "d3"), ("", "d4")]),
        prop_oneof![6 => 1i64..8, 1 => -20i64..1, 1 => Just(90i64)],
        prop::collection::vec(value, 0..5),
        prop::bool::weighted(0.05),
    );
    prop::collection::vec(one, 1..60).prop_map(|steps| {
        let (mut second, mut all) = (0, Vec::<v1::Observation>::new());
        for (n, ((patient, device), step, values, repeat)) in steps.into_iter().enumerate() {
            let at = second + step;
            second = second.max(at);
            all.push(observation(n as u64, patient, device, at, &values));
            if repeat {
                all.push(all[all.len() / 2].clone());
            }
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn how_input_is_cut_changes_nothing(all in streams(), cuts in prop::collection::vec(1usize..9, 60)) {
        let (mut run, mut engine) = (Run::default(), engine_of_all_kinds());
        let expected = run_one_by_one_on(engine_of_all_kinds(), &all);
        let (mut rest, mut offset) = (all.as_slice(), 0);
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            let values: Vec<Vec<u8>> = head.iter().map(|one| batch(std::slice::from_ref(one))).collect();
            let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            run.feed(&mut engine, offset, &slices);
            offset += head.len() as i64;
            rest = tail;
        }
        while !rest.is_empty() {
            run.feed(&mut engine, offset, &[&batch(&rest[..1])]);
            (rest, offset) = (&rest[1..], offset + 1);
        }
        prop_assert_eq!(run, expected);
    }

    #[test]
    fn any_bytes_are_scored_or_dead_lettered(value: Vec<u8>) {
        let mut engine = engine();
        let mut pending = engine.begin("t", 0, &[0], &[&value], 1).unwrap();
        let made = engine.finish(&mut pending, None, "", 2).unwrap();
        let outcome = made.outcome;
        prop_assert_eq!(outcome.observations_in, outcome.observations_out + outcome.dead_lettered);
    }
}
