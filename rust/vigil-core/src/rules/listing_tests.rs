use serde_json::{json, Value};

use super::describe_rules;
use crate::error::ErrorCode;

const FILE: &str = r#"
version = 1
spot_check_after_s = 60
[alarm]
re_alarm_s = { high = 90 }
[[ladder]]
id = "ward"
steps = [{ after_s = 0, to = "nurse" }, { after_s = 90.5, to = "physician" }]
[[ladder]]
id = "nobody-names-it"
steps = [{ after_s = 0, to = "nurse" }]
[[rule]]
id = "spo2-low"
kind = "limit"
sign = "spo2"
direction = "low"
message = "SpO2 {value}"
hysteresis = 2
delay_s = 10
latching = true
ladder = "ward"
population = { age_min = 16, wards = ["icu"], pregnant = false }
steps = [
  { limit = 90, priority = "medium", patient_limit = "low" },
  { patient_limit = "critical_low", priority = "high", life_threatening = true, delay_s = 0, inclusive = true },
]
[[rule]]
id = "pressure-falls"
kind = "trend"
sign = "systolic"
direction = "fall"
window_s = 300
message = "falls"
re_alarm_s = 0
suppressed_by = ["spo2-low"]
steps = [{ percent = 12.5, priority = "high" }]
[[rule]]
id = "quiet"
kind = "missing"
device = true
silent_after_s = 30
priority = "low"
message = "quiet"
[[rule]]
id = "gone"
kind = "missing"
signs = ["spo2", "heart_rate"]
lead_off = true
priority = "low"
message = "gone"
"#;

fn described(text: &str) -> Value {
    serde_json::from_slice(&describe_rules(text, "ward.toml").unwrap()).unwrap()
}

#[test]
fn a_limit_rule_is_data() {
    let made = described(FILE);
    let text = made["rules"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("SpO2 < 90 %") && text.contains("Only for ages from 16"),
        "{text}"
    );
    assert_eq!(
        made["rules"][0],
        json!({
            "id": "spo2-low",
            "kind": "limit",
            "alert_type": "spo2_low",
            "technical": false,
            "text": text,
            "signs": ["spo2"],
            "unit": "%",
            "direction": "low",
            "average_s": 0,
            "population": { "age_min": 16, "wards": ["icu"], "pregnant": false, "only_known": false },
            "suppressed_by": [],
            "latching": true,
            "ladder": "ward",
            "re_alarm_s": null,
            "steps": [
                {
                    "priority": "medium", "life_threatening": false, "delay_s": 10, "re_alarm_s": 600,
                    "limit": 90, "inclusive": false, "patient_limit": "low", "hysteresis": 2,
                },
                {
                    "priority": "high", "life_threatening": true, "delay_s": 0, "re_alarm_s": 90,
                    "limit": null, "inclusive": true, "patient_limit": "critical_low", "hysteresis": 2,
                },
            ],
        })
    );
}

#[test]
fn what_holds_for_all_rules_is_data() {
    let made = described(FILE);
    assert_eq!(
        made["settings"],
        json!({
            "spot_check_after_s": 60,
            "late_after_s": 300,
            "order": { "window_s": 2, "hold": "on_gap" },
            "alarm": { "pause_max_s": 3600, "re_alarm_s": { "low": 0, "medium": 600, "high": 90 } },
        })
    );
    assert_eq!(
        made["ladders"],
        json!([{ "id": "ward", "steps": [
            { "after_s": 0, "to": "nurse" }, { "after_s": 90.5, "to": "physician" },
        ]}])
    );
    let version = crate::rules::parse::parse(FILE).unwrap().version;
    assert_eq!(made["version"], json!(version));
}

#[test]
fn other_kinds_have_what_is_theirs() {
    let kinds = include_str!("../engine/tests/kinds.toml");
    let made = described(&format!("{FILE}{kinds}"));
    let rules = made["rules"].as_array().unwrap();
    let of = |id: &str, key: &str| {
        let rule = rules.iter().find(|rule| rule["id"] == id).unwrap();
        rule[key].clone()
    };
    assert_eq!(of("pressure-falls", "direction"), json!("fall"));
    assert_eq!(of("pressure-falls", "window_s"), json!(300));
    assert_eq!(of("pressure-falls", "re_alarm_s"), json!(0));
    assert_eq!(of("pressure-falls", "suppressed_by"), json!(["spo2-low"]));
    assert_eq!(of("pressure-falls", "steps")[0]["percent"], json!(12.5));
    assert_eq!(of("pressure-falls", "steps")[0]["re_alarm_s"], json!(0));
    assert_eq!(of("quiet/device", "silent_after_s"), json!(30));
    assert_eq!(of("gone/heart_rate", "signs"), json!(["heart_rate"]));
    assert_eq!(of("gone/heart_rate", "silent_after_s"), json!(null));
    assert_eq!(of("gone/heart_rate", "technical"), json!(true));
    assert_eq!(of("k-sepsis", "at_least"), json!(2));
    assert_eq!(
        of("k-sepsis", "signs"),
        json!(["heart_rate", "respiratory_rate"])
    );
    assert_eq!(
        of("k-sepsis", "conditions")[2],
        json!({ "rule": "spo2-low" })
    );
    assert_eq!(
        of("k-sepsis", "conditions")[3],
        json!({ "score": "shock_index", "at_least": 1 })
    );
    assert_eq!(of("k-shock", "score"), json!("shock_index"));
    assert_eq!(of("k-shock", "steps")[0]["hysteresis"], json!(0.1));
    assert_eq!(of("k-odd", "column"), json!("anomaly_heart_rate"));
    assert_eq!(of("k-odd", "signs"), json!(["heart_rate"]));
    assert_eq!(of("k-risk", "steps")[1]["at_least"], json!(0.9));
}

#[test]
fn a_sign_of_two_conditions_is_named_once() {
    let kinds = include_str!("../engine/tests/kinds.toml");
    let text = kinds.replace("sign = \"respiratory_rate\"", "sign = \"heart_rate\"");
    assert_ne!(text, kinds);
    let made = described(&format!("{FILE}{text}"));
    let rules = made["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "k-sepsis");
    assert_eq!(rule.unwrap()["signs"], json!(["heart_rate"]));
}

#[test]
fn a_wrong_file_is_refused_as_ever() {
    let error =
        describe_rules(&FILE.replace("\"spo2\"\ndir", "\"spo\"\ndir"), "ward.toml").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRule);
    assert_eq!(error.field, "rule[0].sign");
    assert!(
        error.message.starts_with("ward.toml:15: "),
        "{}",
        error.message
    );
}
