//! kind = "limit"

use super::field::{check_order, delay, hysteresis, rule, sign, steps, urgency, Around};
use super::fields::Fields;
use crate::error::Error;
use crate::rules::model::{Direction, LimitRule, LimitStep, PatientLimitKind, Rule, Test};

/// Beside those of every rule.
pub const KEYS: [&str; 7] = [
    "sign",
    "direction",
    "inclusive",
    "delay_s",
    "hysteresis",
    "average_s",
    "steps",
];
/// Of a step.
pub const STEP_KEYS: [&str; 6] = [
    "limit",
    "patient_limit",
    "inclusive",
    "delay_s",
    "priority",
    "life_threatening",
];
/// Words of `direction`.
pub const DIRECTIONS: [&str; 2] = ["low", "high"];
/// Longer means hide what they are to show.
pub const AVERAGE_S_MAX: f64 = 600.0;

/// Words of `patient_limit`, for a direction, the less urgent first.
pub const fn patient_limits(direction: Direction) -> [&'static str; 2] {
    match direction {
        Direction::Low => ["low", "critical_low"],
        Direction::High => ["high", "critical_high"],
    }
}

/// Which side of a limit.
pub fn direction(fields: &Fields<'_>) -> Result<Direction, Error> {
    Ok(match fields.required_word("direction", &DIRECTIONS)? {
        0 => Direction::Low,
        _ => Direction::High,
    })
}

/// The rule of a table of kind "limit".
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Rule, Error> {
    let sign = sign(fields, "sign")?;
    let direction = direction(fields)?;
    let test = LimitRule {
        sign,
        direction,
        hysteresis: hysteresis(fields)?,
        average_us: fields
            .seconds("average_s", 0.0, AVERAGE_S_MAX)?
            .unwrap_or(0),
        steps: limit_steps(fields, direction)?,
    };
    let side = match direction {
        Direction::Low => "low",
        Direction::High => "high",
    };
    let alert_type = format!("{}_{side}", sign.field());
    rule(fields, around, &alert_type, Test::Limit(test))
}

fn limit_steps(rule: &Fields<'_>, direction: Direction) -> Result<Vec<LimitStep>, Error> {
    let inclusive = rule.flag("inclusive")?;
    let delay_us = delay(rule, 0)?;
    let mut made: Vec<LimitStep> = Vec::new();
    let mut last: Option<f64> = None;
    for fields in steps(rule, &STEP_KEYS)? {
        let limit = fields.number("limit")?;
        let patient_limit = patient_limit(&fields, direction)?;
        if limit.is_none() && patient_limit.is_none() {
            return Err(fields.refuse(
                "limit",
                "missing: a step has a limit, a patient_limit or both",
            ));
        }
        if let Some(limit) = limit {
            let further = last.is_none_or(|last| match direction {
                Direction::Low => limit < last,
                Direction::High => limit > last,
            });
            if !further {
                return Err(fields.refuse(
                    "limit",
                    "must lie further out than that of the step before: steps go from the least to the most urgent",
                ));
            }
            last = Some(limit);
        }
        let urgency = urgency(&fields)?;
        check_order(&fields, made.last().map(|s| s.urgency), urgency)?;
        made.push(LimitStep {
            limit,
            inclusive: fields.optional_flag("inclusive")?.unwrap_or(inclusive),
            patient_limit,
            delay_us: delay(&fields, delay_us)?,
            urgency,
        });
    }
    Ok(made)
}

fn patient_limit(
    fields: &Fields<'_>,
    direction: Direction,
) -> Result<Option<PatientLimitKind>, Error> {
    use PatientLimitKind::{CriticalHigh, CriticalLow, High, Low};
    let kinds = match direction {
        Direction::Low => [Low, CriticalLow],
        Direction::High => [High, CriticalHigh],
    };
    let word = fields.word("patient_limit", &patient_limits(direction))?;
    Ok(word.and_then(|i| kinds.get(i).copied()))
}
