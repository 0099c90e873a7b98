//! Combination, anomaly and score rules, from an observation to what people are told.

use super::*;

/// Rules of these kinds, to be added to those of other tests.
pub const KINDS: &str = include_str!("kinds.toml");

const ONE: &str = r#"
version = 1
spot_check_after_s = 0
[order]
window_s = 0
[[rule]]
id = "spo2-low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "SpO2 {value}"
hysteresis = 2
steps = [{ limit = 90, priority = "medium" }]
"#;

struct Bed {
    engine: Engine,
    n: i64,
}

impl Bed {
    fn new() -> Self {
        Self {
            engine: Engine::new(&format!("{ONE}{KINDS}"), 1000).unwrap(),
            n: 0,
        }
    }

    /// What the rule `id` says: phase, message, evidence.
    fn says(
        &mut self,
        id: &str,
        second: i64,
        values: &[(Sign, f64)],
        risk: Option<f32>,
    ) -> Vec<v1::AlertEvent> {
        let values: Vec<_> = values.iter().map(|(s, v)| (*s, *v, 0)).collect();
        let one = batch(&[observation(self.n as u64, "p1", "d1", second, &values)]);
        let mut pending = self.engine.begin("t", 0, &[self.n], &[&one], 3).unwrap();
        let scores = risk.map(|risk| {
            let columns = [risk, f32::NAN, 0.25].into_iter();
            let columns = columns.chain(std::iter::repeat(f32::NAN)).take(SCORES);
            columns.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()
        });
        let made = self
            .engine
            .finish(&mut pending, scores.as_deref(), "m", 4)
            .unwrap();
        self.n += 1;
        // Every state survives a checkpoint.
        let segment = self.engine.checkpoint(0, self.n, true);
        let mut restored = Engine::new(&format!("{ONE}{KINDS}"), 1000).unwrap();
        restored.restore(0, &[&segment]).unwrap();
        self.engine = restored;
        let alerts = made.alerts.iter();
        let alerts = alerts.map(|a| v1::AlertEvent::decode(a.value.as_slice()).unwrap());
        alerts
            .filter(|alert| alert.rule_id == format!("k-{id}"))
            .collect()
    }

    fn phases(
        &mut self,
        id: &str,
        second: i64,
        values: &[(Sign, f64)],
        risk: Option<f32>,
    ) -> Vec<String> {
        let said = self.says(id, second, values, risk);
        let phases = said.iter().map(|alert| alert.phase().as_str_name());
        phases
            .map(|phase| phase.trim_start_matches("ALERT_PHASE_").to_owned())
            .collect()
    }
}

#[test]
fn a_combination_starts_when_enough_was_true_close_together() {
    let mut bed = Bed::new();
    assert!(bed
        .says("sepsis", 0, &[(Sign::HeartRate, 121.0)], None)
        .is_empty());
    let start = bed.says("sepsis", 60, &[(Sign::RespiratoryRate, 22.0)], None);
    assert_eq!(start.len(), 1);
    assert_eq!(
        start[0].message,
        "Sepsis? 2 signs: heart rate 121 > 110, respiratory rate 22 >= 22"
    );
    let evidence = &start[0].condition.as_ref().unwrap().evidence;
    assert_eq!(evidence.len(), 2);
    assert_eq!(evidence[0].event_time_us, T0);
    assert_eq!(evidence[1].event_time_us, T0 + 60 * SECOND);
    assert_ne!(evidence[0].event_id, evidence[1].event_id);
    assert_eq!(start[0].alert_type, "combination");
    assert_eq!(
        start[0].condition.as_ref().unwrap().onset_time_us,
        T0 + 60 * SECOND
    );
}

#[test]
fn what_is_too_old_does_not_count() {
    let mut bed = Bed::new();
    bed.says("sepsis", 0, &[(Sign::HeartRate, 121.0)], None);
    assert!(bed
        .says("sepsis", 61, &[(Sign::RespiratoryRate, 30.0)], None)
        .is_empty());
}

#[test]
fn a_gap_is_no_recovery_of_a_combination() {
    let mut bed = Bed::new();
    let ill = [(Sign::HeartRate, 121.0), (Sign::RespiratoryRate, 30.0)];
    assert_eq!(bed.phases("sepsis", 0, &ill, None), ["START"]);
    // Only the temperature is heard, for long.
    assert!(bed
        .phases("sepsis", 500, &[(Sign::Temperature, 37.0)], None)
        .is_empty());
    // The heart is well; the breath has not been heard since.
    let well = bed.says("sepsis", 501, &[(Sign::HeartRate, 80.0)], None);
    assert_eq!(
        well.len(),
        1,
        "one of two is refuted, and its minute is over"
    );
    assert_eq!(well[0].phase(), v1::AlertPhase::End);
    assert_eq!(well[0].message, "Ended: combination");
    assert!(well[0].condition.as_ref().unwrap().evidence.is_empty());
}

#[test]
fn a_condition_counts_for_a_while_after_it_was_refuted() {
    let mut bed = Bed::new();
    let ill = [(Sign::HeartRate, 121.0), (Sign::RespiratoryRate, 30.0)];
    assert_eq!(bed.phases("sepsis", 0, &ill, None), ["START"]);
    let well = [(Sign::HeartRate, 80.0), (Sign::RespiratoryRate, 14.0)];
    assert!(bed.phases("sepsis", 60, &well, None).is_empty());
    assert_eq!(bed.phases("sepsis", 61, &[], None), ["END"]);
    assert!(bed.phases("sepsis", 62, &ill[..1], None).is_empty());
    assert_eq!(bed.phases("sepsis", 63, &ill, None), ["START"]);
}

#[test]
fn another_measurement_of_a_sign_refutes_it_only_after_a_minute() {
    let mut bed = Bed::new();
    let ill = [(Sign::HeartRate, 121.0), (Sign::RespiratoryRate, 30.0)];
    assert_eq!(bed.phases("sepsis", 0, &ill, None), ["START"]);
    assert!(bed
        .phases("sepsis", 60, &[(Sign::PulseRate, 80.0)], None)
        .is_empty());
    assert!(
        bed.phases("sepsis", 61, &[], None).is_empty(),
        "not refuted"
    );
    assert_eq!(
        bed.phases("sepsis", 62, &[(Sign::PulseRate, 80.0)], None),
        ["END"]
    );
}

#[test]
fn rules_and_scores_are_conditions() {
    let mut bed = Bed::new();
    let values = [
        (Sign::Spo2, 85.0),
        (Sign::HeartRate, 100.0),
        (Sign::Systolic, 80.0),
    ];
    let start = bed.says("sepsis", 0, &values, None);
    assert_eq!(
        start[0].message,
        "Sepsis? 2 signs: rule spo2-low, shock index 1.25 >= 1"
    );
    let evidence = &start[0].condition.as_ref().unwrap().evidence;
    let about: Vec<&str> = evidence.iter().map(|one| one.about.as_str()).collect();
    assert_eq!(about, ["spo2-low", "shock_index"]);
    // The combination is a condition of the one after it.
    assert!(bed.says("later", 4, &values, None).is_empty());
    let later = bed.says("later", 5, &values, None);
    assert_eq!(later[0].message, "rule k-sepsis, NEWS2 at least 7 >= 3");
}

#[test]
fn the_model_s_score_raises_and_its_absence_holds() {
    let mut bed = Bed::new();
    let values = [(Sign::HeartRate, 80.0)];
    let start = bed.says("risk", 0, &values, Some(0.7));
    assert_eq!(start[0].message, "Risk 0.7 (>= 0.7)");
    let evidence = &start[0].condition.as_ref().unwrap().evidence[0];
    assert_eq!(
        (evidence.value, evidence.limit, evidence.sign),
        (0.7, 0.7, 0)
    );
    assert_eq!(evidence.about, "risk");
    assert!(bed.phases("risk", 1, &values, None).is_empty(), "no answer");
    assert!(
        bed.phases("risk", 2, &values, Some(f32::NAN)).is_empty(),
        "not scorable"
    );
    assert!(bed.phases("risk", 3, &values, Some(0.6)).is_empty(), "held");
    assert!(
        bed.phases("risk", 4, &values, Some(0.95)).is_empty(),
        "waits"
    );
    assert!(bed.phases("risk", 6, &values, None).is_empty(), "no answer");
    assert_eq!(bed.phases("risk", 7, &values, Some(0.9)), ["UPDATE"]);
    let end = bed.says("risk", 8, &values, Some(0.5999));
    assert_eq!(end[0].message, "Ended: Risk 0.6 (< 0.6)");
}

#[test]
fn a_column_of_a_sign_names_it() {
    let mut bed = Bed::new();
    let odd = bed.says("odd", 0, &[(Sign::HeartRate, 80.0)], Some(0.0));
    assert_eq!(odd[0].message, "Unusual heart rate: 0.25");
    assert_eq!(odd[0].alert_type, "anomaly_heart_rate");
}

#[test]
fn other_scores_alarm_and_hold_what_has_gone_missing() {
    let mut bed = Bed::new();
    let ill = [(Sign::HeartRate, 115.0), (Sign::Systolic, 95.0)];
    let start = bed.says("mews", 0, &ill, None);
    assert_eq!(start[0].message, "MEWS at least 3");
    let warning = start[0]
        .condition
        .as_ref()
        .unwrap()
        .early_warning
        .clone()
        .unwrap();
    assert_eq!(
        (warning.name.as_str(), warning.total, warning.partial),
        ("mews", 3, true)
    );
    assert_eq!(warning.subscores.len(), 2);
    let day = 24 * 3600;
    assert!(
        bed.phases("mews", day + 1, &[(Sign::Temperature, 37.0)], None)
            .is_empty(),
        "held"
    );
    let well = [(Sign::HeartRate, 80.0), (Sign::Systolic, 120.0)];
    assert_eq!(bed.phases("mews", day + 2, &well, None), ["END"]);
}

#[test]
fn a_shock_index_is_a_ratio() {
    let mut bed = Bed::new();
    let at = |rate: f64| [(Sign::HeartRate, rate), (Sign::Systolic, 100.0)];
    assert!(bed.phases("shock", 0, &at(89.0), None).is_empty());
    let start = bed.says("shock", 1, &at(90.0), None);
    assert_eq!(start[0].message, "Shock index 0.9 (>= 0.9)");
    assert!(start[0].condition.as_ref().unwrap().early_warning.is_none());
    assert!(bed.phases("shock", 2, &at(80.0), None).is_empty(), "held");
    assert_eq!(bed.phases("shock", 3, &at(79.0), None), ["END"]);
}

#[test]
fn how_these_rules_stand_can_be_asked() {
    let mut bed = Bed::new();
    let ill = [(Sign::HeartRate, 121.0), (Sign::RespiratoryRate, 30.0)];
    bed.says("sepsis", 0, &ill, Some(0.75));
    let ask = |beside: &Beside| {
        let told = bed.engine.explain(0, "p1", "d1", T0 + SECOND, beside);
        serde_json::from_slice::<serde_json::Value>(&told.unwrap()).unwrap()
    };
    let told = ask(&Beside::default());
    let of = |id: &str| {
        let rules = told["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["id"] == id).unwrap()
    };
    assert_eq!(of("k-sepsis")["state"], "alarming");
    assert_eq!(of("k-sepsis")["inputs"].as_array().unwrap().len(), 2);
    assert_eq!(
        of("k-sepsis")["steps"][0]["what"],
        "2 of 4 conditions within 60 s"
    );
    assert_eq!(of("k-risk")["state"], "alarming");
    assert_eq!(of("k-risk")["steps"][1]["limit"], 0.9);
    assert_eq!(of("k-mews")["score"]["total"], 5.0);
    assert_eq!(of("k-mews")["steps"][1]["met"], true);
    assert_eq!(of("k-shock")["state"], "no_data");
}
