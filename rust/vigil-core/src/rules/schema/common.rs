//! Properties that rules of every kind have, and their steps.

use serde_json::{json, Value};

use super::node::{bounds, flag, list, number_in, or_else, pattern, set, table, whole_in, word};
use crate::rules::message::PLACEHOLDERS;
use crate::rules::model::STEPS_MAX;
use crate::rules::parse::field::{
    AGE_MAX, COMMON_KEYS, DURATION_S_MAX, POPULATION_KEYS, PRIORITIES, SEXES, TEXT_LENGTH_MAX,
};
use crate::sign::Sign;

/// A rule of `kind`: its own keys with those of every rule; `own` are its own properties.
pub fn rule(
    kind: &str,
    keys: &[&str],
    required: &[&str],
    alert_type: &str,
    own: impl Fn(&str) -> Value,
    text: &str,
) -> Value {
    let keys: Vec<&str> = COMMON_KEYS.iter().chain(keys).copied().collect();
    let required: Vec<&str> = ["id", "kind", "message"]
        .iter()
        .chain(required)
        .copied()
        .collect();
    table(
        &keys,
        &required,
        |key| common(key, kind, alert_type).unwrap_or_else(|| own(key)),
        text,
    )
}

fn common(key: &str, kind: &str, alert_type: &str) -> Option<Value> {
    Some(match key {
        "id" => id("Names the rule, unique in the file. Stable: episode ids derive from it, so a rule with another id \
             is another rule."),
        "kind" => json!({ "const": kind, "description": "What the rule tests." }),
        "message" => message(),
        "alert_type" => pattern(
            &format!("^[a-z0-9_]{{1,{TEXT_LENGTH_MAX}}}$"),
            &format!("The alerts' type. Default: {alert_type}."),
        ),
        "suppressed_by" => or_else(
            list(
                rule_id("The id of a rule further up; of a rule about missing signs `id/sign`."),
                0,
                None,
                "Rules further up; while one of them alarms, this one starts nothing. Default: none.",
            ),
            json!([]),
        ),
        "population" => population(),
        "latching" => or_else(
            flag("Whether the signal stays when the condition is over, until somebody acknowledges it. Default: false."),
            false,
        ),
        "ladder" => id("The [[ladder]] that says who is told when nobody acknowledges. Default: nobody further."),
        "re_alarm_s" => seconds(
            "Seconds after an acknowledgement until it sounds again; 0 is never. Default: as [alarm] says for its \
             priority.",
        ),
        _ => return None,
    })
}

/// An id of a rule or a ladder.
pub fn id(text: &str) -> Value {
    pattern(&format!("^[a-z0-9-]{{1,{TEXT_LENGTH_MAX}}}$"), text)
}

/// The id of a rule as others name it: a rule a sign has the sign behind a slash.
pub fn rule_id(text: &str) -> Value {
    let id = format!("^[a-z0-9-]{{1,{TEXT_LENGTH_MAX}}}(/[a-z0-9_]+)?$");
    pattern(&id, text)
}

/// A template, as [`crate::rules::message::Message::parse`] reads it.
fn message() -> Value {
    let names = PLACEHOLDERS.join("|");
    let text = format!(
        "What people read. In braces: {}. What a kind of rule does not have is empty.",
        PLACEHOLDERS.join(", ")
    );
    let template = format!("^(?:[^{{}}]*\\{{(?:{names})\\}})*[^{{}}]*$");
    let mut node = pattern(&template, &text);
    set(&mut node, "minLength", 1);
    node
}

/// A sign of the vocabulary.
pub fn sign(text: &str) -> Value {
    word(
        &Sign::ALL
            .iter()
            .map(|sign| sign.field())
            .collect::<Vec<_>>(),
        text,
    )
}

/// Seconds up to a day.
pub fn seconds(text: &str) -> Value {
    number_in(0.0, DURATION_S_MAX, text)
}

/// `delay_s` of a rule.
pub fn delay() -> Value {
    let text =
        "Seconds that the condition must hold before it is an alarm, in event time. Default: 0.";
    or_else(seconds(text), 0)
}

/// `priority`.
pub fn priority() -> Value {
    word(
        &PRIORITIES,
        "Of the alarm (IEC 60601-1-8): low is for awareness, medium asks for a prompt response, high for an immediate one.",
    )
}

/// `steps`, each with these keys and what else `own` says of them.
pub fn steps(keys: &[&str], own: impl Fn(&str) -> Value, more: impl Fn(&mut Value)) -> Value {
    let property = |key: &str| {
        match key {
        "priority" => priority(),
        "life_threatening" => or_else(
            flag("Whether the condition threatens life at once: severity critical. Only with priority = \"high\". \
                 Default: false."),
            false,
        ),
        "delay_s" => seconds("Seconds that this step must hold before it alarms, in event time. Default: that of the rule."),
        other => own(other),
    }
    };
    let mut step = table(keys, &["priority"], property, "One priority of the rule.");
    let high = [("priority", json!({ "const": "high" }))];
    let calm = [("life_threatening", json!({ "const": false }))];
    set(&mut step, "anyOf", json!([bounds(high), bounds(calm)]));
    more(&mut step);
    let text = format!("1 to {STEPS_MAX} steps, from the least to the most urgent.");
    list(step, 1, Some(STEPS_MAX), &text)
}

fn population() -> Value {
    let names = |what: &str| {
        let name =
            json!({ "type": "string", "minLength": 1, "description": "As the registry has it." });
        list(name, 1, None, what)
    };
    let property = |key: &str| {
        match key {
        "age_min" => whole_in(0, AGE_MAX, "Least age, full years; the age itself belongs to it."),
        "age_max" => whole_in(0, AGE_MAX, "Greatest age, full years; the age itself belongs to it."),
        "sex" => word(&SEXES, "The patient's recorded sex."),
        "wards" => names("The patient is in one of these wards."),
        "conditions" => names("The patient has any of these conditions."),
        "device_types" => names("The observation is from one of these types of devices."),
        "pregnant" => flag("Whether the patient is pregnant."),
        "only_known" => or_else(
            flag("What is not known of a patient excludes. Default: false, a rule is also for patients of whom it is \
                 not known."),
            false,
        ),
        _ => json!({}),
    }
    };
    let text = "Whom the rule is for: all that is named must fit. Default: everybody.";
    let mut node = table(&POPULATION_KEYS, &[], property, text);
    let naming: Vec<Value> = POPULATION_KEYS
        .iter()
        .filter(|key| **key != "only_known")
        .map(|key| json!({ "required": [key] }))
        .collect();
    set(&mut node, "anyOf", naming);
    node
}
