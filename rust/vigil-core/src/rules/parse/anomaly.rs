//! kind = "anomaly"

use super::field::{check_ends, check_order, delay, rule, steps, urgency, Around};
use super::fields::Fields;
use crate::error::Error;
use crate::features::{score_names, MODEL_FAMILIES};
use crate::rules::model::{AnomalyRule, AnomalyStep, Rule, Test};

/// Beside those of every rule.
pub const KEYS: [&str; 4] = ["column", "delay_s", "hysteresis", "steps"];
/// Of a step.
pub const STEP_KEYS: [&str; 4] = ["at_least", "delay_s", "priority", "life_threatening"];
/// Scores of the model are not higher.
pub const SCORE_MAX: f64 = 1.0;
/// Columns before those of the signs.
const OVERALL: usize = 2;

/// Names of the columns.
pub fn columns() -> Vec<&'static str> {
    score_names().iter().map(String::as_str).collect()
}

/// The rule of a table of kind "anomaly".
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Rule, Error> {
    let columns = columns();
    let column = fields.required_word("column", &columns)?;
    let family = column
        .checked_sub(OVERALL)
        .and_then(|i| MODEL_FAMILIES.get(i));
    let test = AnomalyRule {
        column,
        sign: family.map(|family| family.sign),
        hysteresis: fields
            .number_in("hysteresis", 0.0, SCORE_MAX)?
            .unwrap_or(0.0),
        steps: anomaly_steps(fields)?,
    };
    let least = test.steps.first().map(|step| step.at_least);
    check_ends(fields, test.hysteresis, least)?;
    let alert_type = match columns.get(column).copied() {
        Some("risk") => "risk_high",
        Some("anomaly") | None => "anomaly_high",
        Some(of_sign) => of_sign,
    };
    rule(fields, around, alert_type, Test::Anomaly(test))
}

fn anomaly_steps(rule: &Fields<'_>) -> Result<Vec<AnomalyStep>, Error> {
    let delay_us = delay(rule, 0)?;
    let mut made: Vec<AnomalyStep> = Vec::new();
    for fields in steps(rule, &STEP_KEYS)? {
        let at_least = fields.number_in("at_least", 0.0, SCORE_MAX)?;
        let at_least = at_least.ok_or_else(|| fields.missing("at_least"))?;
        if at_least <= made.last().map_or(0.0, |step| step.at_least) {
            return Err(fields.refuse(
                "at_least",
                "must be more than 0 and more than that of the step before",
            ));
        }
        let urgency = urgency(&fields)?;
        check_order(&fields, made.last().map(|s| s.urgency), urgency)?;
        made.push(AnomalyStep {
            at_least,
            delay_us: delay(&fields, delay_us)?,
            urgency,
        });
    }
    Ok(made)
}
