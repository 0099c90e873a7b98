//! kind = "combination"

use super::field::{delay, earlier_rule, rule, sign, urgency, Around, DURATION_S_MAX};
use super::fields::Fields;
use super::limit::direction;
use super::score::{score, total};
use crate::error::Error;
use crate::rules::model::{key_of, CombinationRule, Condition, Rule, Test, CONDITIONS_MAX};

/// Beside those of every rule.
pub const KEYS: [&str; 6] = [
    "mode",
    "at_least",
    "within_s",
    "conditions",
    "priority",
    "delay_s",
];
/// Of a condition.
pub const CONDITION_KEYS: [&str; 7] = [
    "sign",
    "direction",
    "limit",
    "inclusive",
    "rule",
    "score",
    "at_least",
];
/// Of a condition about a sign.
pub const SIGN_KEYS: [&str; 4] = ["sign", "direction", "limit", "inclusive"];
/// Of a condition about a score.
pub const SCORE_KEYS: [&str; 2] = ["score", "at_least"];
/// Words of `mode`.
pub const MODES: [&str; 3] = ["all", "any", "at_least"];
/// One condition is a rule of its own.
pub const CONDITIONS_MIN: usize = 2;

/// The rule of a table of kind "combination".
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Rule, Error> {
    let tables = fields.tables("conditions")?;
    if !(CONDITIONS_MIN..=CONDITIONS_MAX).contains(&tables.len()) {
        let count = format!("must be {CONDITIONS_MIN} to {CONDITIONS_MAX} conditions");
        return Err(fields.refuse("conditions", count));
    }
    let mut conditions = Vec::new();
    for (at, table) in tables {
        let fields = Fields::new(&at, table, &CONDITION_KEYS)?;
        conditions.push(condition(&fields, around)?);
    }
    let within_us = fields.seconds("within_s", 0.0, DURATION_S_MAX)?;
    let test = CombinationRule {
        at_least: at_least(fields, conditions.len())?,
        within_us: within_us.ok_or_else(|| fields.missing("within_s"))?,
        key: key_of(&format!("{conditions:?}")),
        conditions,
        delay_us: delay(fields, 0)?,
        urgency: urgency(fields)?,
    };
    rule(fields, around, "combination", Test::Combination(test))
}

fn at_least(fields: &Fields<'_>, conditions: usize) -> Result<usize, Error> {
    let given = fields.whole_in("at_least", 1, conditions as u32)?;
    match (fields.required_word("mode", &MODES)?, given) {
        (2, Some(count)) => Ok(count as usize),
        (2, None) => Err(fields.missing("at_least")),
        (_, Some(_)) => Err(fields.refuse("at_least", "only goes with mode = \"at_least\"")),
        (0, None) => Ok(conditions),
        (_, None) => Ok(1),
    }
}

fn condition(fields: &Fields<'_>, around: Around<'_>) -> Result<Condition, Error> {
    let only = |keys: &[&str]| match CONDITION_KEYS
        .iter()
        .find(|key| fields.has(key) && !keys.contains(key))
    {
        Some(other) => Err(fields.refuse(
            other,
            format!(
                "does not go with `{}`: a condition is about one sign, one rule or one score",
                keys.first().copied().unwrap_or_default()
            ),
        )),
        None => Ok(()),
    };
    if fields.has("sign") {
        only(&SIGN_KEYS)?;
        return Ok(Condition::Sign {
            sign: sign(fields, "sign")?,
            direction: direction(fields)?,
            limit: fields.required_number("limit")?,
            inclusive: fields.flag("inclusive")?,
        });
    }
    if fields.has("rule") {
        only(&["rule"])?;
        let id = fields.required_text("rule")?;
        let key = earlier_rule(&fields.path("rule"), id, around.earlier)?;
        return Ok(Condition::Rule(id.to_owned(), key));
    }
    if fields.has("score") {
        only(&SCORE_KEYS)?;
        let score = score(fields)?;
        let total = total(fields, score)?.ok_or_else(|| fields.missing("at_least"))?;
        return Ok(Condition::Score(score, total));
    }
    Err(fields.refuse("sign", "missing: a condition has a sign, a rule or a score"))
}
