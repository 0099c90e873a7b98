//! Fields that several kinds of rules have, and how they are refused.

use crate::error::{Error, ErrorCode};
use crate::rules::message::Message;
use crate::rules::model::{key_of, Priority, Rule, Urgency, STEPS_MAX};
use crate::sign::Sign;

const ID_LENGTH_MAX: usize = 64;
const DURATION_S_MAX: f64 = 86_400.0;

pub fn refuse(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidRule, field, message)
}

/// serde names the field in its sentence, in backticks.
pub fn from_serde(at: &str, error: &toml::de::Error) -> Error {
    let message = error.message().trim().replace('\n', " ");
    let name = message.split('`').nth(1).unwrap_or("");
    let is_field = ["missing field", "unknown field"]
        .iter()
        .any(|start| message.starts_with(start));
    let field = match (at.is_empty(), is_field) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{at}.{name}"),
        _ => at.to_owned(),
    };
    refuse(&field, message)
}

pub fn check_id(at: &str, id: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > ID_LENGTH_MAX || !id.chars().all(allowed) {
        return Err(refuse(
            &format!("{at}.id"),
            format!("1 to {ID_LENGTH_MAX} of a-z, 0-9 and -"),
        ));
    }
    Ok(())
}

pub fn alert_type(
    at: &str,
    given: Option<String>,
    default: impl FnOnce() -> String,
) -> Result<String, Error> {
    let text = given.unwrap_or_else(default);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.is_empty() || text.len() > ID_LENGTH_MAX || !text.chars().all(allowed) {
        return Err(refuse(
            &format!("{at}.alert_type"),
            format!("1 to {ID_LENGTH_MAX} of a-z, 0-9 and _"),
        ));
    }
    Ok(text)
}

pub fn message(at: &str, template: &str) -> Result<Message, Error> {
    Message::parse(template).map_err(|wrong| refuse(&format!("{at}.message"), wrong))
}

pub fn sign(field: &str, name: &str) -> Result<Sign, Error> {
    Sign::from_field(name).ok_or_else(|| {
        let names: Vec<&str> = Sign::ALL.iter().map(|sign| sign.field()).collect();
        refuse(
            field,
            format!("'{name}' is not a sign; there are {}", names.join(", ")),
        )
    })
}

/// Seconds as microseconds.
pub fn duration(field: &str, seconds: f64) -> Result<i64, Error> {
    if (0.0..=DURATION_S_MAX).contains(&seconds) {
        Ok((seconds * 1e6).round() as i64)
    } else {
        Err(refuse(field, format!("seconds, 0 to {DURATION_S_MAX}")))
    }
}

pub fn urgency(at: &str, priority: &str, life_threatening: bool) -> Result<Urgency, Error> {
    let priority = [Priority::Low, Priority::Medium, Priority::High]
        .into_iter()
        .find(|p| p.text() == priority)
        .ok_or_else(|| refuse(&format!("{at}.priority"), "one of low, medium, high"))?;
    if life_threatening && priority != Priority::High {
        return Err(refuse(
            &format!("{at}.life_threatening"),
            "only a high priority can be life-threatening",
        ));
    }
    Ok(Urgency::new(priority, life_threatening))
}

pub fn check_count(at: &str, steps: usize) -> Result<(), Error> {
    if steps == 0 || steps > STEPS_MAX {
        return Err(refuse(
            &format!("{at}.steps"),
            format!("a rule has 1 to {STEPS_MAX} steps"),
        ));
    }
    Ok(())
}

pub fn check_order(at: &str, before: Option<Urgency>, urgency: Urgency) -> Result<(), Error> {
    if before.is_some_and(|before| before.severity > urgency.severity) {
        return Err(refuse(
            &format!("{at}.priority"),
            "steps go from the least to the most urgent",
        ));
    }
    Ok(())
}

/// The keys of `ids`, which must be rules further up: they are evaluated first.
pub fn suppressors(at: &str, ids: &[String], earlier: &[Rule]) -> Result<Vec<u64>, Error> {
    let mut keys = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let key = key_of(id);
        if !earlier.iter().any(|rule| rule.key == key) {
            return Err(refuse(
                &format!("{at}.suppressed_by[{i}]"),
                format!("'{id}' is not the id of an earlier rule"),
            ));
        }
        keys.push(key);
    }
    Ok(keys)
}
