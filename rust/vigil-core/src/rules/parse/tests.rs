//! What a rule file may say, and how it is refused.

use super::parse;
use crate::error::ErrorCode;
use crate::rules::model::{PatientLimitKind, Test};
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
        ("kind = \"limit\"", "kind = \"magic\"", "rule[0]"),
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
        ("limit = 50", "limit = true", "rule[0]"),
        ("limit = 40.0, ", "", "rule[0].steps[1]"),
        ("\"medium\"", "\"urgent\"", "rule[0].steps[0].priority"),
        (
            "priority = \"high\"",
            "priority = \"low\"",
            "rule[0].steps[1].priority",
        ),
        ("\"low\" }", "\"high\" }", "rule[0].steps[0].patient_limit"),
        (
            "steps =",
            "delay_s = -1\nsteps =",
            "rule[0].steps[0].delay_s",
        ),
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
        (r#"{ priority = "low" }"#, "rule[0].steps[0]"),
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
    assert_eq!(refused(&technical("\"spo2\", \"spo2\"")).0, "rule[0].id");
}
