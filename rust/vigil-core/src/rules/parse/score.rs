//! kind = "score"

use super::field::{check_ends, check_order, delay, hysteresis, rule, steps, urgency, Around};
use super::fields::Fields;
use crate::error::Error;
use crate::rules::model::{Rule, ScoreKind, ScoreRule, ScoreStep, Test, Trigger};

/// Beside those of every rule.
pub const KEYS: [&str; 4] = ["score", "delay_s", "hysteresis", "steps"];
/// Of a step.
pub const STEP_KEYS: [&str; 5] = [
    "at_least",
    "single_three",
    "delay_s",
    "priority",
    "life_threatening",
];

/// Names of the scores.
pub fn names() -> [&'static str; ScoreKind::ALL.len()] {
    ScoreKind::ALL.map(ScoreKind::name)
}

/// The score that `score` names.
pub fn score(fields: &Fields<'_>) -> Result<ScoreKind, Error> {
    let word = fields.required_word("score", &names())?;
    ScoreKind::ALL
        .get(word)
        .copied()
        .ok_or_else(|| fields.missing("score"))
}

/// `at_least` as a total that the score can have.
pub fn total(fields: &Fields<'_>, score: ScoreKind) -> Result<Option<f64>, Error> {
    let max = score.total_max();
    match fields.number("at_least")? {
        Some(total) if score.whole() && (total.fract() != 0.0 || !(1.0..=max).contains(&total)) => {
            Err(fields.refuse("at_least", format!("must be whole points, 1 to {max}")))
        }
        Some(total) if !(total > 0.0 && total <= max) => {
            Err(fields.refuse("at_least", format!("must be more than 0, at most {max}")))
        }
        total => Ok(total),
    }
}

/// The rule of a table of kind "score".
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Rule, Error> {
    let score = score(fields)?;
    let hysteresis = hysteresis(fields)?;
    let max = score.total_max();
    if hysteresis > max || (score.whole() && hysteresis.fract() != 0.0) {
        let unit = if score.whole() { "whole points, " } else { "" };
        return Err(fields.refuse("hysteresis", format!("must be {unit}0 to {max}")));
    }
    let test = ScoreRule {
        score,
        hysteresis,
        steps: score_steps(fields, score)?,
    };
    let least = test.steps.iter().find_map(|step| match step.trigger {
        Trigger::AtLeast(total) => Some(total),
        Trigger::SingleThree => None,
    });
    check_ends(fields, test.hysteresis, least)?;
    rule(fields, around, score.name(), Test::Score(test))
}

fn score_steps(rule: &Fields<'_>, score: ScoreKind) -> Result<Vec<ScoreStep>, Error> {
    let delay_us = delay(rule, 0)?;
    let mut made: Vec<ScoreStep> = Vec::new();
    let mut last = 0.0;
    for fields in steps(rule, &STEP_KEYS)? {
        let trigger = match (total(&fields, score)?, fields.flag("single_three")?) {
            (Some(total), false) if total > last => {
                last = total;
                Trigger::AtLeast(total)
            }
            (Some(_), false) => {
                return Err(fields.refuse("at_least", "must be more than that of the step before"))
            }
            (None, true) if score == ScoreKind::News2 => Trigger::SingleThree,
            (None, true) => return Err(fields.refuse("single_three", "only news2 has it")),
            (Some(_), true) => {
                return Err(fields.refuse(
                    "single_three",
                    "a step has at_least or single_three, not both",
                ))
            }
            (None, false) => {
                return Err(fields.refuse(
                    "at_least",
                    "missing: a step has at_least or single_three = true",
                ))
            }
        };
        let urgency = urgency(&fields)?;
        check_order(&fields, made.last().map(|s| s.urgency), urgency)?;
        made.push(ScoreStep {
            trigger,
            delay_us: delay(&fields, delay_us)?,
            urgency,
        });
    }
    Ok(made)
}
