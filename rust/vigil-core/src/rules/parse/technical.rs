//! kind = "technical"

use serde::Deserialize;

use super::field::{check_id, duration, message, refuse, sign, urgency};
use crate::error::Error;
use crate::rules::model::{key_of, Rule, TechnicalRule, Test};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTechnical {
    id: String,
    condition: String,
    signs: Vec<String>,
    message: String,
    #[serde(default)]
    delay_s: f64,
    priority: String,
}

/// One rule a sign: `id/sign`.
pub fn build(at: &str, raw: &RawTechnical) -> Result<Vec<Rule>, Error> {
    check_id(at, &raw.id)?;
    if raw.condition != "disconnected" {
        return Err(refuse(
            &format!("{at}.condition"),
            "the condition is disconnected",
        ));
    }
    if raw.signs.is_empty() {
        return Err(refuse(&format!("{at}.signs"), "at least one sign"));
    }
    let message = message(at, &raw.message)?;
    let delay_us = duration(&format!("{at}.delay_s"), raw.delay_s)?;
    let urgency = urgency(at, &raw.priority, false)?;
    let mut rules = Vec::new();
    for (i, name) in raw.signs.iter().enumerate() {
        let sign = sign(&format!("{at}.signs[{i}]"), name)?;
        let id = format!("{}/{name}", raw.id);
        rules.push(Rule {
            key: key_of(&id),
            id,
            alert_type: format!("{name}_missing"),
            message: message.clone(),
            suppressed_by: Vec::new(),
            latching: false,
            ladder: None,
            re_alarm_us: None,
            text: String::new(),
            test: Test::Technical(TechnicalRule {
                sign,
                lead_off: true,
                delay_us,
                silent_after_us: 0,
                urgency,
            }),
        });
    }
    Ok(rules)
}
