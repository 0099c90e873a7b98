//! The file itself: settings, ladders and the list of rules.

use serde_json::{json, Value};

use super::common::{id, seconds};
use super::node::{constant, list, number, number_in, or_else, table, word};
use crate::rules::model::Settings;
use crate::rules::order::Order;
use crate::rules::parse::field::DURATION_S_MAX;
use crate::rules::parse::settings::{
    hold_word, ALARM_KEYS, HOLDS, KEYS, LADDERS_MAX, LADDER_KEYS, LADDER_STEPS_MAX,
    LADDER_STEP_KEYS, LATE_AFTER_S_MIN, ORDER_KEYS, ORDER_WINDOW_S_MAX, PAUSE_S_MIN, RE_ALARM_KEYS,
    TO_LENGTH_MAX,
};
use crate::rules::parse::{FILE_VERSION, RULES_MAX};

/// The schema of a file whose rules are each as `rule` says.
pub fn of_file(rule: Value) -> Value {
    let settings = Settings::default();
    let waits = Order::default();
    let property = |key: &str| {
        match key {
        "version" => constant(number(FILE_VERSION), "Of the rule language."),
        "spot_check_after_s" => or_else_s(
            0.0,
            DURATION_S_MAX,
            settings.spot_check_after_us,
            "Seconds: a value that comes after a longer silence is a spot check, to which delays do not apply; 0 turns \
             this off.",
        ),
        "late_after_s" => or_else_s(
            LATE_AFTER_S_MIN,
            DURATION_S_MAX,
            waits.late_after_us,
            "Seconds behind the gateway's time from which what a live device says is late: kept, not evaluated.",
        ),
        "order" => order(waits),
        "alarm" => alarm(&settings),
        "ladder" => ladders(),
        "rule" => list(
            rule.clone(),
            1,
            Some(RULES_MAX),
            &format!("The rules, in the order of evaluation: what is named elsewhere stands further up. At most {RULES_MAX}."),
        ),
        _ => json!({}),
    }
    };
    table(
        &KEYS,
        &["version", "rule"],
        property,
        "Alarm rules (docs/rules.md).",
    )
}

/// Seconds with a default in microseconds.
fn or_else_s(min: f64, max: f64, default_us: i64, text: &str) -> Value {
    let default = number(default_us as f64 / 1e6);
    let text = format!("{text} Default: {default}.");
    or_else(number_in(min, max, &text), default)
}

fn order(order: Order) -> Value {
    let property = |key: &str| match key {
        "window_s" => or_else_s(
            0.0,
            ORDER_WINDOW_S_MAX,
            order.window_us,
            "Seconds that an observation waits at most for the one before it; 0 is not at all.",
        ),
        "hold" => {
            let default = hold_word(order.hold);
            let text = format!(
                "When it waits: on_gap, when the device's sequence numbers have a gap before it; always, for the whole \
                 window; never. Default: {default}."
            );
            or_else(word(&HOLDS, &text), default)
        }
        _ => json!({}),
    };
    table(
        &ORDER_KEYS,
        &[],
        property,
        "How the order of a device's observations is repaired (docs/ordering.md).",
    )
}

fn alarm(settings: &Settings) -> Value {
    let times = |key: &str| {
        let i = RE_ALARM_KEYS.iter().position(|known| *known == key);
        let default = i.and_then(|i| settings.re_alarm_us.get(i)).copied();
        let text = format!("Seconds for alarms of {key} priority; 0 is never.");
        or_else_s(0.0, DURATION_S_MAX, default.unwrap_or_default(), &text)
    };
    let property = |key: &str| match key {
        "pause_max_s" => or_else_s(
            PAUSE_S_MIN,
            DURATION_S_MAX,
            settings.pause_max_us,
            "Seconds of the longest pause that a person may ask for.",
        ),
        "re_alarm_s" => table(
            &RE_ALARM_KEYS,
            &[],
            times,
            "When an acknowledged alarm that goes on sounds again. A rule may say otherwise.",
        ),
        _ => json!({}),
    };
    table(
        &ALARM_KEYS,
        &[],
        property,
        "What holds for the alarm signals of all rules (docs/alarms.md).",
    )
}

fn ladders() -> Value {
    let step = |key: &str| {
        match key {
        "after_s" => seconds("Seconds that the signal has been on unacknowledged. 0 for the first step, then ascending."),
        "to" => json!({
            "type": "string",
            "maxLength": TO_LENGTH_MAX,
            "pattern": "\\S",
            "description": "Whom it reaches: `charge-nurse`.",
        }),
        _ => json!({}),
    }
    };
    let property = |key: &str| match key {
        "id" => id("Names the ladder, unique in the file; rules name it."),
        "steps" => list(
            table(&LADDER_STEP_KEYS, &LADDER_STEP_KEYS, step, "A rung."),
            1,
            Some(LADDER_STEPS_MAX),
            &format!("1 to {LADDER_STEPS_MAX} rungs, the first at once."),
        ),
        _ => json!({}),
    };
    let ladder = table(
        &LADDER_KEYS,
        &LADDER_KEYS,
        property,
        "An escalation ladder.",
    );
    let text = "Who is told when nobody acknowledges an alarm. A rule names its ladder.";
    list(ladder, 0, Some(LADDERS_MAX), text)
}
