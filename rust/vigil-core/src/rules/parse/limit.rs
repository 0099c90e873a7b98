//! kind = "limit"

use serde::Deserialize;

use super::field::{
    alert_type, check_count, check_id, check_order, duration, message, refuse, sign, suppressors,
    urgency,
};
use crate::error::Error;
use crate::rules::model::{key_of, Direction, LimitRule, LimitStep, PatientLimitKind, Rule, Test};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimit {
    id: String,
    sign: String,
    direction: String,
    alert_type: Option<String>,
    message: String,
    #[serde(default)]
    inclusive: bool,
    #[serde(default)]
    delay_s: f64,
    #[serde(default)]
    hysteresis: f64,
    #[serde(default)]
    suppressed_by: Vec<String>,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    limit: Option<f64>,
    patient_limit: Option<String>,
    inclusive: Option<bool>,
    delay_s: Option<f64>,
    priority: String,
    #[serde(default)]
    life_threatening: bool,
}

pub fn build(at: &str, raw: RawLimit, earlier: &[Rule]) -> Result<Rule, Error> {
    check_id(at, &raw.id)?;
    let sign = sign(&format!("{at}.sign"), &raw.sign)?;
    let direction = match raw.direction.as_str() {
        "low" => Direction::Low,
        "high" => Direction::High,
        _ => return Err(refuse(&format!("{at}.direction"), "one of low, high")),
    };
    if !(raw.hysteresis.is_finite() && raw.hysteresis >= 0.0) {
        return Err(refuse(&format!("{at}.hysteresis"), "a number, 0 or more"));
    }
    let default_type = || format!("{}_{}", sign.field(), raw.direction);
    Ok(Rule {
        key: key_of(&raw.id),
        alert_type: alert_type(at, raw.alert_type.clone(), default_type)?,
        message: message(at, &raw.message)?,
        suppressed_by: suppressors(at, &raw.suppressed_by, earlier)?,
        latching: false,
        ladder: None,
        re_alarm_us: None,
        text: String::new(),
        test: Test::Limit(LimitRule {
            sign,
            direction,
            hysteresis: raw.hysteresis,
            steps: steps(at, direction, &raw)?,
        }),
        id: raw.id,
    })
}

fn steps(at: &str, direction: Direction, rule: &RawLimit) -> Result<Vec<LimitStep>, Error> {
    check_count(at, rule.steps.len())?;
    let mut steps: Vec<LimitStep> = Vec::new();
    let mut last: Option<f64> = None;
    for (i, raw) in rule.steps.iter().enumerate() {
        let at = format!("{at}.steps[{i}]");
        let kind = raw.patient_limit.as_deref();
        let patient_limit = kind
            .map(|kind| patient_limit(&at, direction, kind))
            .transpose()?;
        if raw.limit.is_none() && patient_limit.is_none() {
            return Err(refuse(&at, "a step has a limit, a patient_limit or both"));
        }
        if let Some(limit) = raw.limit {
            if !limit.is_finite() {
                return Err(refuse(&format!("{at}.limit"), "a finite number"));
            }
            let further = last.is_none_or(|last| match direction {
                Direction::Low => limit < last,
                Direction::High => limit > last,
            });
            if !further {
                return Err(refuse(
                    &format!("{at}.limit"),
                    "each step's limit lies further out than the one before",
                ));
            }
            last = Some(limit);
        }
        let urgency = urgency(&at, &raw.priority, raw.life_threatening)?;
        check_order(&at, steps.last().map(|s| s.urgency), urgency)?;
        steps.push(LimitStep {
            limit: raw.limit,
            inclusive: raw.inclusive.unwrap_or(rule.inclusive),
            patient_limit,
            delay_us: duration(
                &format!("{at}.delay_s"),
                raw.delay_s.unwrap_or(rule.delay_s),
            )?,
            urgency,
        });
    }
    Ok(steps)
}

fn patient_limit(at: &str, direction: Direction, kind: &str) -> Result<PatientLimitKind, Error> {
    let wrong = |hint: &str| refuse(&format!("{at}.patient_limit"), hint);
    match (direction, kind) {
        (Direction::Low, "low") => Ok(PatientLimitKind::Low),
        (Direction::Low, "critical_low") => Ok(PatientLimitKind::CriticalLow),
        (Direction::High, "high") => Ok(PatientLimitKind::High),
        (Direction::High, "critical_high") => Ok(PatientLimitKind::CriticalHigh),
        (Direction::Low, _) => Err(wrong("one of low, critical_low for direction low")),
        (Direction::High, _) => Err(wrong("one of high, critical_high for direction high")),
    }
}
