//! Whom rules are for.

use super::*;

fn low(population: &str) -> String {
    format!(
        "[[rule]]\nid = \"low\"\nkind = \"limit\"\nsign = \"heart_rate\"\ndirection = \"low\"\nmessage = \"{{value}}\"\npopulation = {{ {population} }}\nsteps = [{{ limit = 50, priority = \"low\", patient_limit = \"low\" }}]\n"
    )
}

#[test]
fn a_population_that_no_longer_fits_ends_the_alarm() {
    let mut bench = Bench::new(&low("age_min = 16, wards = [\"icu\"]"));
    bench.context.age_years = None;
    bench.at(0, &[(Sign::HeartRate, 40.0)]);
    bench.at(1, &[(Sign::Spo2, 97.0)]);
    bench.context.age_years = Some(15);
    bench.at(2, &[(Sign::Spo2, 97.0)]);
    bench.at(3, &[(Sign::HeartRate, 40.0)]);
    assert_eq!(bench.phases(), [(0, 1), (2, 3)]);
    let ended = &bench.run.all_alerts(|_| true)[1];
    assert_eq!((ended.rule_id.as_str(), ended.cause), ("low", 1));
    bench.context.age_years = Some(16);
    bench.context.ward = "ward-3".into();
    bench.at(4, &[(Sign::HeartRate, 40.0)]);
    bench.context.ward = "icu".into();
    bench.at(5, &[(Sign::HeartRate, 40.0)]);
    assert_eq!(bench.phases(), [(0, 1), (2, 3), (5, 1)]);
}

#[test]
fn what_is_not_known_fits_unless_the_population_says_otherwise() {
    for (only_known, age, starts) in [
        ("", None, 1),
        ("", Some(15), 1),
        ("", Some(16), 0),
        (", only_known = true", None, 0),
        (", only_known = true", Some(15), 1),
    ] {
        let mut bench = Bench::new(&low(&format!("age_max = 15{only_known}")));
        bench.context.age_years = age;
        bench.at(0, &[(Sign::HeartRate, 40.0)]);
        assert_eq!(bench.told().len(), starts, "{age:?}{only_known}");
    }
}

#[test]
fn a_known_patient_has_the_recorded_conditions_and_no_others() {
    let mut bench = Bench::new(&low(
        "conditions = [\"copd\", \"asthma\"], pregnant = false",
    ));
    bench.at(0, &[(Sign::HeartRate, 40.0)]);
    bench.context.conditions = vec!["diabetes".into(), "asthma".into()];
    bench.at(1, &[(Sign::HeartRate, 40.0)]);
    bench.context.pregnant = true;
    bench.at(2, &[(Sign::HeartRate, 40.0)]);
    assert_eq!(bench.phases(), [(1, 1), (2, 3)]);
    let mut nobody = Bench::new(&low("conditions = [\"copd\"], sex = \"male\""));
    nobody.context = v1::Context::default();
    nobody.at(0, &[(Sign::HeartRate, 40.0)]);
    assert_eq!(nobody.phases(), [(0, 1)], "nothing is known of an orphan");
}

#[test]
fn another_type_of_device_is_not_looked_at_and_ends_nothing() {
    let mut bench = Bench::new(&low("device_types = [\"pulse_oximeter\"]"));
    bench.device_type = "multiparameter_monitor".into();
    bench.at(0, &[(Sign::HeartRate, 40.0)]);
    bench.device_type = String::new();
    bench.at(1, &[(Sign::HeartRate, 40.0)]);
    bench.device_type = "multiparameter_monitor".into();
    bench.at(2, &[(Sign::HeartRate, 70.0)]);
    bench.device_type = "pulse_oximeter".into();
    bench.at(3, &[(Sign::HeartRate, 70.0)]);
    assert_eq!(bench.phases(), [(1, 1), (3, 3)]);
}

#[test]
fn a_mean_is_of_the_values_that_its_rule_looks_at() {
    let mean = low("device_types = [\"pulse_oximeter\"]").replace("steps", "average_s = 16\nsteps");
    let mut bench = Bench::new(&mean);
    for (second, device_type, rate) in [
        (0, "multiparameter_monitor", 100.0),
        (1, "pulse_oximeter", 40.0),
        (2, "multiparameter_monitor", 100.0),
        (3, "", 56.0),
        (4, "pulse_oximeter", 70.0),
    ] {
        bench.device_type = device_type.into();
        bench.at(second, &[(Sign::HeartRate, rate)]);
    }
    assert_eq!(
        bench.phases(),
        [(1, 1), (4, 3)],
        "(40 + 56) / 2 is below 50"
    );
}

#[test]
fn alarms_that_are_not_for_the_patient_any_more_end_in_the_order_of_the_file() {
    let rule = |id: &str, limit: u32| {
        low("age_min = 16")
            .replace("id = \"low\"", &format!("id = \"{id}\""))
            .replace("limit = 50", &format!("limit = {limit}"))
    };
    let mut bench = Bench::new(&[rule("a", 40), rule("b", 50), rule("c", 60)].concat());
    for (second, rate) in [(0, 55.0), (1, 45.0), (2, 35.0)] {
        bench.at(second, &[(Sign::HeartRate, rate)]);
    }
    bench.context.age_years = Some(15);
    bench.at(3, &[]);
    let alerts = bench.run.all_alerts(|_| true);
    let said: Vec<_> = alerts.iter().map(|a| a.rule_id.as_str()).collect();
    assert_eq!(said, ["c", "b", "a", "a", "b", "c"]);
}

#[test]
fn the_scores_of_a_combination_that_is_for_few_are_made() {
    let rule = "[[rule]]\nid = \"few\"\nkind = \"combination\"\nmode = \"any\"\nwithin_s = 20\npriority = \"low\"\nmessage = \"m\"\nconditions = [{ score = \"mews\", at_least = 3 }, { sign = \"spo2\", direction = \"low\", limit = 50 }]\npopulation = { age_max = 16, only_known = true }\n";
    let mut bench = Bench::new(rule);
    bench.at(0, &[(Sign::HeartRate, 131.0)]);
    assert_eq!(bench.phases(), []);
    bench.context.age_years = Some(16);
    bench.at(1, &[(Sign::HeartRate, 131.0)]);
    assert_eq!(bench.phases(), [(1, 1)]);
}

#[test]
fn a_context_that_changes_within_a_batch_counts_from_its_observation_on() {
    let rules = file(&low("age_min = 16"));
    let all: Vec<v1::Observation> = [(60, 50.0), (60, 40.0), (60, 50.0), (10, 50.0)]
        .into_iter()
        .zip(0..)
        .map(|((age, low), n)| {
            let values = [(Sign::HeartRate, 45.0, 0)];
            let mut one = observation(n, "p1", "d1", n as i64, &values);
            let context = one.context.as_mut().unwrap();
            context.age_years = Some(age);
            context.limits = vec![v1::Limit {
                sign: v1::Sign::HeartRate.into(),
                low: Some(low),
                ..v1::Limit::default()
            }];
            one
        })
        .collect();
    let (mut whole, mut single) = (Run::default(), Run::default());
    let mut engine = Engine::new(&rules, 1000).unwrap();
    whole.feed(&mut engine, 0, &[&batch(&all)]);
    let said: Vec<i32> = whole.all_alerts(|_| true).iter().map(|a| a.phase).collect();
    assert_eq!(said, [1, 3, 1, 3]);
    let mut engine = Engine::new(&rules, 1000).unwrap();
    for one in &all {
        single.feed(&mut engine, 0, &[&batch(std::slice::from_ref(one))]);
    }
    assert_eq!(single.alerts, whole.alerts);
}
