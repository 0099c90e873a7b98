//! kind = "trend"

use super::field::{
    check_ends, check_order, delay, hysteresis, rule, sign, steps, urgency, Around, DURATION_S_MAX,
};
use super::fields::Fields;
use crate::error::Error;
use crate::rules::model::{Change, Rule, Test, Trend, TrendRule, TrendStep};
use crate::rules::window::clean;

/// Beside those of every rule.
pub const KEYS: [&str; 6] = [
    "sign",
    "direction",
    "window_s",
    "delay_s",
    "hysteresis",
    "steps",
];
/// Of a step.
pub const STEP_KEYS: [&str; 5] = [
    "change",
    "percent",
    "delay_s",
    "priority",
    "life_threatening",
];
/// Words of `direction`.
pub const DIRECTIONS: [&str; 2] = ["fall", "rise"];
/// Shorter windows show noise.
pub const WINDOW_S_MIN: f64 = 10.0;

/// The rule of a table of kind "trend".
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Rule, Error> {
    let sign = sign(fields, "sign")?;
    let direction = fields.required_word("direction", &DIRECTIONS)?;
    let window_us = fields.seconds("window_s", WINDOW_S_MIN, DURATION_S_MAX)?;
    let window_us = window_us.ok_or_else(|| fields.missing("window_s"))?;
    let hysteresis = hysteresis(fields)?;
    let test = TrendRule {
        sign,
        trend: if direction == 0 {
            Trend::Fall
        } else {
            Trend::Rise
        },
        window_us,
        hysteresis,
        steps: trend_steps(fields, hysteresis)?,
    };
    let least = test.steps.first().map(|step| step.change.amount());
    check_ends(fields, test.hysteresis, least)?;
    let word = DIRECTIONS.get(direction).copied().unwrap_or_default();
    let alert_type = format!("{}_{word}", sign.field());
    rule(fields, around, &alert_type, Test::Trend(test))
}

fn trend_steps(rule: &Fields<'_>, hysteresis: f64) -> Result<Vec<TrendStep>, Error> {
    let delay_us = delay(rule, 0)?;
    let mut made: Vec<TrendStep> = Vec::new();
    for fields in steps(rule, &STEP_KEYS)? {
        let positive = |key: &str| match fields.number(key)? {
            Some(number) if number <= 0.0 => Err(fields.refuse(key, "must be more than 0")),
            number => Ok(number),
        };
        let change = match (positive("change")?, positive("percent")?) {
            (Some(change), None) => Change::Absolute(change),
            (None, Some(percent)) => Change::Percent(percent),
            (None, None) => {
                return Err(fields.refuse("change", "missing: a step has a change or a percent"))
            }
            _ => return Err(fields.refuse("percent", "a step has a change or a percent, not both")),
        };
        let (key, further) = match (made.last().map(|step| step.change), change) {
            (Some(Change::Absolute(last)), Change::Absolute(change)) => ("change", change > last),
            (Some(Change::Percent(last)), Change::Percent(percent)) => ("percent", percent > last),
            (None, _) => ("", true),
            (Some(_), Change::Absolute(_)) => ("change", false),
            (Some(_), Change::Percent(_)) => ("percent", false),
        };
        if !further {
            return Err(fields.refuse(
                key,
                "must be more than that of the step before, and in the same unit (change or percent)",
            ));
        }
        let urgency = urgency(&fields)?;
        check_order(&fields, made.last().map(|s| s.urgency), urgency)?;
        made.push(TrendStep {
            change,
            met_at: clean(change.amount()),
            held_at: clean(change.amount() - hysteresis),
            delay_us: delay(&fields, delay_us)?,
            urgency,
        });
    }
    Ok(made)
}
