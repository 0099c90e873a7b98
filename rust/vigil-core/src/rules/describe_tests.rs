use crate::rules::parse::parse;

#[test]
fn every_default_rule_is_a_sentence() {
    let set = parse(include_str!("../../../../rules/default.toml")).unwrap();
    for rule in set.rules() {
        assert!(
            rule.text.ends_with('.') && !rule.text.contains("  "),
            "{}",
            rule.text
        );
    }
    let text = |id: &str| {
        let rule = set.rules().iter().find(|rule| rule.id == id).unwrap();
        rule.text.clone()
    };
    assert!(
        text("spo2-low").starts_with(
            "SpO2 < 90 % (or the patient's own low limit) for 10 s: medium priority; < 85 % (or the patient's own \
             critical low limit): high priority; it ends 2 % above the limit."
        ),
        "{}",
        text("spo2-low")
    );
    assert!(
        text("news2").ends_with(">= 7 for 30 s: high priority; it holds down to 1 less."),
        "{}",
        text("news2")
    );
}

#[test]
fn what_is_tested_of_every_kind_is_said() {
    let set = parse(include_str!("../../../../tests/support/language.toml")).unwrap();
    let says = |id: &str, words: &str| {
        let rule = set.rules().iter().find(|rule| rule.id == id).unwrap();
        assert!(rule.text.contains(words), "{}", rule.text);
    };
    says(
        "heart-rate-high",
        "the mean of heart rate over 10 s > 120 /min for 30 s: low priority",
    );
    says(
        "heart-rate-high",
        "Only for ages 16 to 90; female; not in pregnancy; wards icu",
    );
    says(
        "pressure-falls",
        "systolic falls by 20 mmHg or more for 1 min: medium priority",
    );
    says(
        "pressure-falls",
        "from its highest value in 10 min; it holds down to 5 mmHg less.",
    );
    says(
        "shock-index",
        "shock index >= 0.9: medium priority; it holds down to 0.1 less.",
    );
    says(
        "sepsis-suspected",
        "at least 2 of (heart rate >= 110 /min; the rule spo2-low alarms; qSOFA >= 2;",
    );
    says(
        "risk-high",
        ">= 0.9 for 30 s: medium priority; it holds down to 0.1 less.",
    );
    says(
        "leads/spo2",
        "its sensor is off the patient for 5 s or nothing is heard of it for 1 min",
    );
    says(
        "quiet/device",
        "nothing is heard of a monitoring device for 30 s: low priority.",
    );
    says("sensor/etco2", "Kept back while leads/spo2 alarms.");
}
