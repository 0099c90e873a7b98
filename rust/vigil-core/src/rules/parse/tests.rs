//! What a rule file may say, and how it is refused.

use super::{parse, parse_named};
use crate::error::ErrorCode;
use crate::rules::model::{PatientLimitKind, Priority, Settings, Test};
use crate::rules::order::{Hold, Order};
use crate::sign::Sign;

const RULE: &str = r#"
version = 1
[[rule]]
id = "heart-rate-low"
kind = "limit"
sign = "heart_rate"
direction = "low"
message = "{sign} {value}"
steps = [{ limit = 50, priority = "medium", patient_limit = "low" }, { limit = 40.0, priority = "high" }]
"#;

fn refused(text: &str) -> (String, String) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.code, ErrorCode::InvalidRule);
    (error.field.clone(), error.message.clone())
}

#[test]
fn the_default_rules_are_a_rule_set() {
    let set = parse(include_str!("../../../../../rules/default.toml")).unwrap();
    assert!(set.rules().len() > 20);
    assert!(set.limit_rules(Sign::PulseRate).count() >= 3);
    assert!(set.technical_rule(Sign::Spo2).is_some());
    assert_eq!(set.score_rules().count(), 1);
}

#[test]
fn every_sign_takes_a_patients_own_limits() {
    let set = parse(include_str!("../../../../../rules/default.toml")).unwrap();
    for sign in Sign::ALL {
        let kinds: Vec<PatientLimitKind> = set
            .limit_rules(*sign)
            .filter_map(|rule| match &rule.test {
                Test::Limit(test) => Some(test.steps.iter().filter_map(|s| s.patient_limit)),
                _ => None,
            })
            .flatten()
            .collect();
        let expected = [
            PatientLimitKind::Low,
            PatientLimitKind::High,
            PatientLimitKind::CriticalLow,
            PatientLimitKind::CriticalHigh,
        ];
        for kind in expected {
            assert!(kinds.contains(&kind), "{} lacks {kind:?}", sign.field());
        }
    }
}

#[test]
fn the_version_is_that_of_the_content() {
    let version = parse(RULE).unwrap().version;
    assert_eq!(version.len(), 16);
    let commented = format!("# a comment\n{RULE}\n# another\n");
    assert_eq!(parse(&commented).unwrap().version, version);
    assert_ne!(
        parse(&RULE.replace("40.0", "41.0")).unwrap().version,
        version
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, field) in [
        ("version = 1", "version = 2", "version"),
        ("version = 1", "version = 1\nnonsense = 1", "nonsense"),
        ("version = 1", "", "version"),
        (
            "version = 1",
            "version = 1\nspot_check_after_s = -1",
            "spot_check_after_s",
        ),
        ("kind = \"limit\"", "kind = \"magic\"", "rule[0].kind"),
        (
            "kind = \"limit\"",
            "kind = \"limit\"\nlimt = 3",
            "rule[0].limt",
        ),
        ("\"heart_rate\"", "\"hart_rate\"", "rule[0].sign"),
        ("\"heart-rate-low\"", "\"Heart rate\"", "rule[0].id"),
        ("\"low\"\nmessage", "\"down\"\nmessage", "rule[0].direction"),
        ("{sign} {value}", "{sing}", "rule[0].message"),
        ("limit = 50", "limit = nan", "rule[0].steps[0].limit"),
        ("limit = 50", "limit = inf", "rule[0].steps[0].limit"),
        ("limit = 50", "limit = 30", "rule[0].steps[1].limit"),
        ("limit = 50", "limit = true", "rule[0].steps[0].limit"),
        ("limit = 40.0, ", "", "rule[0].steps[1].limit"),
        ("\"medium\"", "\"urgent\"", "rule[0].steps[0].priority"),
        (
            "priority = \"high\"",
            "priority = \"low\"",
            "rule[0].steps[1].priority",
        ),
        ("\"low\" }", "\"high\" }", "rule[0].steps[0].patient_limit"),
        ("steps =", "delay_s = -1\nsteps =", "rule[0].delay_s"),
        ("steps =", "hysteresis = nan\nsteps =", "rule[0].hysteresis"),
        (
            "steps =",
            "suppressed_by = [\"x\"]\nsteps =",
            "rule[0].suppressed_by[0]",
        ),
        (
            "priority = \"medium\"",
            "priority = \"medium\", life_threatening = true",
            "rule[0].steps[0].life_threatening",
        ),
    ] {
        let text = RULE.replace(from, to);
        assert_ne!(text, RULE, "{from}");
        let (named, message) = refused(&text);
        assert_eq!(named, field, "{to}: {message}");
        assert!(!message.is_empty());
    }
    assert_eq!(
        refused(&format!("{RULE}{}", RULE.replace("version = 1", ""))).0,
        "rule[1].id"
    );
    assert_eq!(refused("version = 1").0, "rule");
    assert_eq!(refused("version = ").0, "");
}

#[test]
fn scores_and_technical_rules_are_checked() {
    let score = |steps: &str| {
        format!("version = 1\n[[rule]]\nid = \"n\"\nkind = \"score\"\nscore = \"news2\"\nmessage = \"NEWS2 {{total}}\"\nsteps = [{steps}]\n")
    };
    assert!(parse(&score(
        r#"{ single_three = true, priority = "low" }, { at_least = 5, priority = "medium" }"#
    ))
    .is_ok());
    for (steps, field) in [
        ("", "rule[0].steps"),
        (r#"{ priority = "low" }"#, "rule[0].steps[0].at_least"),
        (
            r#"{ at_least = 0, priority = "low" }"#,
            "rule[0].steps[0].at_least",
        ),
        (
            r#"{ at_least = 7, priority = "low" }, { at_least = 5, priority = "low" }"#,
            "rule[0].steps[1].at_least",
        ),
    ] {
        assert_eq!(refused(&score(steps)).0, field);
    }
    let technical = |signs: &str| {
        format!("version = 1\n[[rule]]\nid = \"t\"\nkind = \"technical\"\ncondition = \"disconnected\"\nmessage = \"off\"\npriority = \"low\"\nsigns = [{signs}]\n")
    };
    assert_eq!(
        parse(&technical("\"spo2\", \"heart_rate\""))
            .unwrap()
            .rules()
            .len(),
        2
    );
    assert_eq!(refused(&technical("")).0, "rule[0].signs");
    assert_eq!(refused(&technical("\"x\"")).0, "rule[0].signs[0]");
    assert_eq!(
        refused(&technical("\"spo2\", \"spo2\"")).0,
        "rule[0].signs[1]"
    );
}

#[test]
fn a_refusal_names_file_line_and_what_was_meant() {
    let message = |from: &str, to: &str| {
        let text = RULE.replacen(from, to, 1);
        parse_named(&text, "ward.toml").unwrap_err().message.clone()
    };
    for (from, to, expected) in [
        ("version = 1", "version = ", "ward.toml:2: "),
        (
            "\"heart_rate\"",
            "\"hart_rate\"",
            "ward.toml:6: unknown sign 'hart_rate'; did you mean 'heart_rate'?",
        ),
        (
            "kind = \"limit\"",
            "kind = \"limits\"",
            "ward.toml:5: unknown value 'limits'; did you mean 'limit'?",
        ),
        (
            "direction",
            "directon",
            "ward.toml:7: unknown key 'directon'; did you mean 'direction'?",
        ),
        (
            "limit = 50",
            "limt = 50",
            "ward.toml:9: unknown key 'limt'; did you mean 'limit'?",
        ),
        (
            "sign = \"heart_rate\"",
            "",
            "ward.toml:3: missing: `sign` must be given",
        ),
        (
            "limit = 40.0",
            "\nlimit = 60",
            "ward.toml:10: must lie further out",
        ),
    ] {
        let said = message(from, to);
        assert!(said.starts_with(expected), "{said} / {expected}");
    }
}

#[test]
fn settings_have_defaults_and_are_read() {
    let set = parse(RULE).unwrap();
    assert_eq!(set.settings, Settings::default());
    let text = RULE.replace("version = 1", r#"version = 1
late_after_s = 60
[order]
window_s = 5
hold = "always"
[alarm]
pause_max_s = 600
re_alarm_s = { high = 60 }
[[ladder]]
id = "ward"
steps = [{ after_s = 0, to = "nurse" }, { after_s = 90, to = "physician" }]
"#).replace("kind = \"limit\"", "kind = \"limit\"\nladder = \"ward\"\nlatching = true\npopulation = { age_min = 16, only_known = true }");
    let set = parse(&text).unwrap();
    let rule = &set.rules()[0];
    let order = Order {
        window_us: 5_000_000,
        hold: Hold::Always,
        late_after_us: 60_000_000,
    };
    assert_eq!(set.order, order);
    assert_eq!(set.settings.re_alarm_us, [0, 600_000_000, 60_000_000]);
    assert_eq!(set.re_alarm_us(rule, Priority::High), 60_000_000);
    assert!(rule.latching);
    assert_eq!(rule.ladder.as_ref().unwrap().steps[1].to, "physician");
    assert_eq!((rule.population_bit, set.populations().len()), (1, 1));
}
