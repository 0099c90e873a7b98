//! The kinds of rules that look at values: limit, trend, anomaly, and what is missing.

use serde_json::{json, Value};

use super::common::{delay, priority, rule, sign, steps};
use super::node::{
    any_number, bounds, constant, flag, list, not_negative, number, number_in, or_else, positive,
    set, when, word,
};
use crate::rules::model::Direction;
use crate::rules::parse::field::DURATION_S_MAX;
use crate::rules::parse::{anomaly, limit, missing, trend};

const ITS_SIGN: &str =
    "The vital sign (docs/vocabulary.md). Where it is not measured its alternate is evaluated: \
    pulse_rate for heart_rate, the arterial pressures for the others.";

/// kind = "limit"
pub fn of_limit() -> Value {
    let low_and_high = [Direction::Low, Direction::High].map(limit::patient_limits);
    let step = |key: &str| {
        match key {
        "limit" => any_number(
            "In the sign's canonical unit. Further out than that of the step before. Without it only patients who have \
             the `patient_limit` have the step.",
        ),
        "patient_limit" => word(
            &low_and_high.concat(),
            "The limit of the patient's threshold profile that replaces `limit`. It goes with the rule's direction.",
        ),
        "inclusive" => flag("Whether the limit itself is beyond. Default: that of the rule."),
        _ => json!({}),
    }
    };
    let property = |key: &str| {
        match key {
        "sign" => sign(ITS_SIGN),
        "direction" => word(&limit::DIRECTIONS, "low: values below the limit; high: values above."),
        "inclusive" => or_else(
            flag("Whether the limit itself is beyond: true is <= or >=, false is < or >. Default: false."),
            false,
        ),
        "delay_s" => delay(),
        "hysteresis" => or_else(
            not_negative("In the sign's unit: the alarm ends, or steps down, this far back from the limit. Default: 0."),
            0,
        ),
        "average_s" => or_else(
            number_in(
                0.0,
                limit::AVERAGE_S_MAX,
                "Seconds of values whose mean is compared with the limits. Default: 0, each value.",
            ),
            0,
        ),
        "steps" => steps(&limit::STEP_KEYS, step, |step| {
            set(step, "if", json!({ "required": ["limit"] }));
            set(step, "else", json!({ "required": ["patient_limit"] }));
        }),
        _ => json!({}),
    }
    };
    let own = |words: [&str; 2]| {
        let step = bounds([("patient_limit", json!({ "enum": words }))]);
        bounds([("steps", json!({ "items": step }))])
    };
    let [low, high] = low_and_high;
    let node = rule(
        "limit",
        &limit::KEYS,
        &["sign", "direction", "steps"],
        "sign and direction, `heart_rate_low`",
        property,
        "A vital sign beyond a limit.",
    );
    when(node, "direction", "low", own(low), own(high))
}

/// kind = "trend"
pub fn of_trend() -> Value {
    let step = |key: &str| {
        match key {
        "change" => positive("At least this change, in the sign's canonical unit. More than that of the step before."),
        "percent" => positive("At least this change, in per cent of the reference. More than that of the step before."),
        _ => json!({}),
    }
    };
    let property = |key: &str| {
        match key {
        "sign" => sign(ITS_SIGN),
        "direction" => word(
            &trend::DIRECTIONS,
            "fall: from the highest value of the window; rise: from the lowest.",
        ),
        "window_s" => number_in(
            trend::WINDOW_S_MIN,
            DURATION_S_MAX,
            "Seconds back, in event time, in which the reference is looked for.",
        ),
        "delay_s" => delay(),
        "hysteresis" => or_else(
            not_negative("In the unit of the steps: a step is held until the change is less by this much. Default: 0."),
            0,
        ),
        "steps" => steps(&trend::STEP_KEYS, step, |_| ()),
        _ => json!({}),
    }
    };
    let mut node = rule(
        "trend",
        &trend::KEYS,
        &["sign", "direction", "window_s", "steps"],
        "sign and direction, `systolic_fall`",
        property,
        "A vital sign that changes over a window.",
    );
    // All steps in the same unit.
    let all = |one: &str, other: &str| {
        let step = json!({ "required": [one], "properties": { other: false } });
        bounds([("steps", json!({ "items": step }))])
    };
    set(
        &mut node,
        "anyOf",
        json!([all("change", "percent"), all("percent", "change")]),
    );
    node
}

/// kind = "anomaly"
pub fn of_anomaly() -> Value {
    let step = |key: &str| match key {
        "at_least" => {
            let mut node = positive(
                "The score from which the step is met, to 1. More than that of the step before.",
            );
            set(&mut node, "maximum", number(anomaly::SCORE_MAX));
            node
        }
        _ => json!({}),
    };
    let property = |key: &str| {
        match key {
        "column" => word(
            &anomaly::columns(),
            "The column of the model's answer: the risk of deterioration, how unusual the patient is, or one sign is.",
        ),
        "delay_s" => delay(),
        "hysteresis" => or_else(
            number_in(0.0, anomaly::SCORE_MAX, "A step is held from its score less this. Default: 0."),
            0,
        ),
        "steps" => steps(&anomaly::STEP_KEYS, step, |step| {
            set(step, "required", json!(["at_least", "priority"]));
        }),
        _ => json!({}),
    }
    };
    rule(
        "anomaly",
        &anomaly::KEYS,
        &["column", "steps"],
        "the column; `risk_high` and `anomaly_high` of the first two",
        property,
        "A score of the model that stays high.",
    )
}

fn signs(text: &str) -> Value {
    let mut node = list(sign("A vital sign (docs/vocabulary.md)."), 1, None, text);
    set(&mut node, "uniqueItems", true);
    node
}

/// kind = "missing"
pub fn of_missing() -> Value {
    let property = |key: &str| {
        match key {
        "signs" => signs("The signs that are missed: a rule a sign, `id/sign`. Not with device = true."),
        "lead_off" => or_else(
            flag("Whether a sensor that is off the patient raises it. Not with device = true. Default: false."),
            false,
        ),
        "delay_s" => or_else(
            super::common::seconds("Seconds that the sensor must be off, in event time. Not with device = true. Default: 0."),
            0,
        ),
        "device" => or_else(
            flag("The rule is about silent devices, not about signs: `id/device`, one such rule a file. Default: false."),
            false,
        ),
        "silent_after_s" => number_in(
            missing::SILENT_AFTER_S_MIN,
            DURATION_S_MAX,
            "Seconds of processing time without a word of it until it is raised. Default: silence does not raise it.",
        ),
        "priority" => priority(),
        _ => json!({}),
    }
    };
    let node = rule(
        "missing",
        &missing::KEYS,
        &["priority"],
        "`<sign>_missing`, of devices `device_silent`",
        property,
        "A sign or a device of which nothing is heard, or a sensor that is off the patient. A technical alarm.",
    );
    let device = json!({
        "required": ["silent_after_s"],
        "properties": { "signs": false, "lead_off": false, "delay_s": false },
    });
    let of_signs = json!({
        "required": ["signs"],
        "if": super::node::given("lead_off", true),
        "else": { "required": ["silent_after_s"] },
    });
    when(node, "device", true, device, of_signs)
}

/// kind = "technical", the older name
pub fn of_technical() -> Value {
    let property = |key: &str| match key {
        "condition" => match missing::CONDITIONS {
            [one] => constant(one, "A sensor is off the patient."),
        },
        "signs" => signs("The signs whose sensors are watched: a rule a sign, `id/sign`."),
        "delay_s" => delay(),
        "priority" => priority(),
        _ => json!({}),
    };
    let mut node = rule(
        "technical",
        &missing::TECHNICAL_KEYS,
        &["condition", "signs", "priority"],
        "`<sign>_missing`",
        property,
        "A sensor that is off the patient. Older name: kind = \"missing\" with lead_off = true says the same.",
    );
    set(&mut node, "deprecated", true);
    node
}
