//! kind = "missing" (and its older name "technical")

use super::field::{delay, id, named_sign, rule, urgency, Around, DURATION_S_MAX};
use super::fields::{refuse, Fields};
use crate::error::Error;
use crate::rules::model::{key_of, DeviceRule, Rule, TechnicalRule, Test};

/// Beside those of every rule.
pub const KEYS: [&str; 6] = [
    "signs",
    "lead_off",
    "delay_s",
    "device",
    "silent_after_s",
    "priority",
];
/// Those of the older name.
pub const TECHNICAL_KEYS: [&str; 4] = ["condition", "signs", "delay_s", "priority"];
/// The condition of the older name.
pub const CONDITIONS: [&str; 1] = ["disconnected"];
/// Shorter silences are between two values.
pub const SILENT_AFTER_S_MIN: f64 = 1.0;

/// kind = "missing": a rule per sign, `id/sign`, or one about devices, `id/device`.
pub fn build(fields: &Fields<'_>, around: Around<'_>) -> Result<Vec<Rule>, Error> {
    let silent_after_us = fields.seconds("silent_after_s", SILENT_AFTER_S_MIN, DURATION_S_MAX)?;
    if !fields.flag("device")? {
        let lead_off = fields.flag("lead_off")?;
        if !lead_off && silent_after_us.is_none() {
            return Err(fields.refuse(
                "lead_off",
                "missing: what is missing shows by lead_off = true, silent_after_s or both",
            ));
        }
        return signs(fields, around, lead_off, silent_after_us.unwrap_or(0));
    }
    for key in ["signs", "lead_off", "delay_s"] {
        if fields.has(key) {
            return Err(fields.refuse(key, "does not go with device = true"));
        }
    }
    let test = Test::Device(DeviceRule {
        silent_after_us: silent_after_us.ok_or_else(|| fields.missing("silent_after_s"))?,
        urgency: urgency(fields)?,
    });
    let device = rule(fields, around, "device_silent", test)?;
    Ok(vec![part(device, "device")])
}

/// kind = "technical": a sensor is off the patient.
pub fn build_technical(fields: &Fields<'_>, around: Around<'_>) -> Result<Vec<Rule>, Error> {
    fields.required_word("condition", &CONDITIONS)?;
    signs(fields, around, true, 0)
}

fn signs(
    fields: &Fields<'_>,
    around: Around<'_>,
    lead_off: bool,
    silent_after_us: i64,
) -> Result<Vec<Rule>, Error> {
    id(fields)?;
    let names = fields.texts("signs")?;
    if names.is_empty() {
        return Err(fields.refuse("signs", "must be at least one sign"));
    }
    let delay_us = delay(fields, 0)?;
    let urgency = urgency(fields)?;
    let mut rules: Vec<Rule> = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let at = format!("{}[{i}]", fields.path("signs"));
        let sign = named_sign(&at, name)?;
        let test = Test::Technical(TechnicalRule {
            sign,
            lead_off,
            delay_us,
            silent_after_us,
            urgency,
        });
        let alert_type = format!("{name}_missing");
        let made = part(rule(fields, around, &alert_type, test)?, name);
        if rules.iter().any(|other| other.key == made.key) {
            return Err(refuse(&at, format!("'{name}' stands here twice")));
        }
        rules.push(made);
    }
    Ok(rules)
}

/// The part of a rule: `id/part`.
fn part(mut rule: Rule, part: &str) -> Rule {
    rule.id = format!("{}/{part}", rule.id);
    rule.key = key_of(&rule.id);
    rule
}
