//! The kinds of rules that look at scores and at other rules: score, combination.

use serde_json::{json, Value};

use super::common::{delay, priority, rule, rule_id, seconds, sign, steps};
use super::node::{
    any_number, bounds, flag, given, list, not_negative, number, or_else, positive, set, table,
    whole_in, word,
};
use crate::rules::model::{ScoreKind, CONDITIONS_MAX};
use crate::rules::parse::{combination, limit, score};

/// kind = "score"
pub fn of_score() -> Value {
    let step = |key: &str| {
        match key {
        "at_least" => positive("The total from which the step is met; points, of the shock index a ratio. More than that \
             of the step before."),
        "single_three" => or_else(
            flag("In place of `at_least`: a single parameter has 3 points. Only of news2. Default: false."),
            false,
        ),
        _ => json!({}),
    }
    };
    let property = |key: &str| {
        match key {
        "score" => word(&score::names(), "The early-warning score (docs/scores.md)."),
        "delay_s" => delay(),
        "hysteresis" => or_else(
            not_negative("In points, of the shock index a ratio: a step is held from its total less this. Default: 0."),
            0,
        ),
        "steps" => steps(&score::STEP_KEYS, step, |step| {
            set(step, "if", given("single_three", true));
            set(step, "then", bounds([("at_least", json!(false))]));
            set(step, "else", json!({ "required": ["at_least"] }));
        }),
        _ => json!({}),
    }
    };
    let mut node = rule(
        "score",
        &score::KEYS,
        &["score", "steps"],
        "the score's name",
        property,
        "An early-warning score that reaches a total.",
    );
    let of_one = |kind: ScoreKind| {
        let mut hysteresis = json!({ "maximum": number(kind.total_max()) });
        if kind.whole() {
            set(&mut hysteresis, "type", "integer");
        }
        let mut step = bounds([("at_least", total(kind))]);
        if kind != ScoreKind::News2 {
            step = bounds([
                ("at_least", total(kind)),
                ("single_three", json!({ "const": false })),
            ]);
        }
        bounds([
            ("hysteresis", hysteresis),
            ("steps", json!({ "items": step })),
        ])
    };
    by_score(&mut node, of_one);
    node
}

/// A total that the score can have.
fn total(kind: ScoreKind) -> Value {
    let max = number(kind.total_max());
    if kind.whole() {
        json!({ "type": "integer", "minimum": 1, "maximum": max })
    } else {
        json!({ "exclusiveMinimum": 0, "maximum": max })
    }
}

/// What else holds for each score: if it is the first …, else if it is the second …
fn by_score(node: &mut Value, of_one: impl Fn(ScoreKind) -> Value) {
    let mut chain = json!(true);
    for kind in ScoreKind::ALL.into_iter().rev() {
        chain = json!({ "if": given("score", kind.name()), "then": of_one(kind), "else": chain });
    }
    for keyword in ["if", "then", "else"] {
        let part = chain.get(keyword).cloned();
        set(node, keyword, part.unwrap_or(json!(true)));
    }
}

/// kind = "combination"
pub fn of_combination() -> Value {
    let property = |key: &str| match key {
        "mode" => word(
            &combination::MODES,
            "How many conditions must count: all, any, or at_least as many as `at_least` says.",
        ),
        "at_least" => whole_in(
            1,
            CONDITIONS_MAX as u32,
            "With mode = \"at_least\": this many conditions, at most as many as there are.",
        ),
        "within_s" => {
            seconds("Seconds of event time that a condition counts after it was last true.")
        }
        "conditions" => list(
            json!({ "oneOf": [condition_sign(), condition_rule(), condition_score()] }),
            combination::CONDITIONS_MIN,
            Some(CONDITIONS_MAX),
            "Each about one sign, one rule or one score.",
        ),
        "priority" => priority(),
        "delay_s" => delay(),
        _ => json!({}),
    };
    let mut node = rule(
        "combination",
        &combination::KEYS,
        &["mode", "within_s", "conditions", "priority"],
        "`combination`",
        property,
        "Several conditions close together in time.",
    );
    // at_least <= the number of conditions.
    let fits: Vec<Value> = (combination::CONDITIONS_MIN..=CONDITIONS_MAX)
        .map(|count| {
            bounds([
                ("conditions", json!({ "minItems": count })),
                ("at_least", json!({ "maximum": count })),
            ])
        })
        .collect();
    set(&mut node, "if", given("mode", "at_least"));
    set(
        &mut node,
        "then",
        json!({ "required": ["at_least"], "anyOf": fits }),
    );
    set(&mut node, "else", bounds([("at_least", json!(false))]));
    node
}

fn condition_sign() -> Value {
    let property = |key: &str| match key {
        "sign" => sign("The vital sign, or its alternate. The patient's own limits do not apply."),
        "direction" => word(
            &limit::DIRECTIONS,
            "low: values below the limit; high: values above.",
        ),
        "limit" => any_number("In the sign's canonical unit."),
        "inclusive" => or_else(
            flag("Whether the limit itself is beyond. Default: false."),
            false,
        ),
        _ => json!({}),
    };
    let text = "A vital sign beyond a limit.";
    table(
        &combination::SIGN_KEYS,
        &["sign", "direction", "limit"],
        property,
        text,
    )
}

fn condition_rule() -> Value {
    let property = |_: &str| rule_id("The id of a rule further up.");
    table(
        &["rule"],
        &["rule"],
        property,
        "A rule further up that alarms.",
    )
}

fn condition_score() -> Value {
    let property = |key: &str| match key {
        "score" => word(&score::names(), "The early-warning score (docs/scores.md)."),
        "at_least" => {
            positive("The total from which it is true; points, of the shock index a ratio.")
        }
        _ => json!({}),
    };
    let text = "A score that reaches a total.";
    let mut node = table(
        &combination::SCORE_KEYS,
        &combination::SCORE_KEYS,
        property,
        text,
    );
    by_score(&mut node, |kind| bounds([("at_least", total(kind))]));
    node
}
