//! kind = "score"

use serde::Deserialize;

use super::field::{
    alert_type, check_count, check_id, check_order, duration, message, refuse, suppressors, urgency,
};
use crate::error::Error;
use crate::rules::model::{key_of, Rule, ScoreRule, ScoreStep, Test, Trigger};

const NEWS2: &str = "news2";
const NEWS2_TOTAL_MAX: u32 = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScore {
    id: String,
    score: String,
    alert_type: Option<String>,
    message: String,
    #[serde(default)]
    delay_s: f64,
    #[serde(default)]
    hysteresis: u32,
    #[serde(default)]
    suppressed_by: Vec<String>,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    at_least: Option<u32>,
    #[serde(default)]
    single_three: bool,
    delay_s: Option<f64>,
    priority: String,
}

pub fn build(at: &str, raw: RawScore, earlier: &[Rule]) -> Result<Rule, Error> {
    check_id(at, &raw.id)?;
    if raw.score != NEWS2 {
        return Err(refuse(&format!("{at}.score"), "the score is news2"));
    }
    if raw.hysteresis > NEWS2_TOTAL_MAX {
        return Err(refuse(&format!("{at}.hysteresis"), "points, 0 to 20"));
    }
    Ok(Rule {
        key: key_of(&raw.id),
        alert_type: alert_type(at, raw.alert_type.clone(), || NEWS2.to_owned())?,
        message: message(at, &raw.message)?,
        suppressed_by: suppressors(at, &raw.suppressed_by, earlier)?,
        latching: false,
        ladder: None,
        re_alarm_us: None,
        text: String::new(),
        test: Test::Score(ScoreRule {
            hysteresis: raw.hysteresis,
            steps: steps(at, &raw)?,
        }),
        id: raw.id,
    })
}

fn steps(at: &str, rule: &RawScore) -> Result<Vec<ScoreStep>, Error> {
    check_count(at, rule.steps.len())?;
    let mut steps: Vec<ScoreStep> = Vec::new();
    let mut last = 0;
    for (i, raw) in rule.steps.iter().enumerate() {
        let at = format!("{at}.steps[{i}]");
        let trigger = match (raw.at_least, raw.single_three) {
            (Some(total), false) if total > last && total <= NEWS2_TOTAL_MAX => {
                last = total;
                Trigger::AtLeast(total)
            }
            (Some(_), false) => {
                return Err(refuse(
                    &format!("{at}.at_least"),
                    "1 to 20, more than the step before",
                ))
            }
            (None, true) => Trigger::SingleThree,
            _ => {
                return Err(refuse(
                    &at,
                    "a step has either at_least or single_three = true",
                ))
            }
        };
        let urgency = urgency(&at, &raw.priority, false)?;
        check_order(&at, steps.last().map(|s| s.urgency), urgency)?;
        steps.push(ScoreStep {
            trigger,
            delay_us: duration(
                &format!("{at}.delay_s"),
                raw.delay_s.unwrap_or(rule.delay_s),
            )?,
            urgency,
        });
    }
    Ok(steps)
}
