//! Fields that several kinds of rules have.

use std::sync::Arc;

use super::fields::{refuse, unknown, Fields};
use crate::error::Error;
use crate::rules::message::Message;
use crate::rules::model::{key_of, Ladder, Priority, Rule, Test, Urgency, STEPS_MAX};
use crate::rules::population::Population;
use crate::sign::Sign;

/// A day: no delay and no window is longer.
pub const DURATION_S_MAX: f64 = 86_400.0;
/// What every rule may have.
pub const COMMON_KEYS: [&str; 9] = [
    "id",
    "kind",
    "message",
    "alert_type",
    "suppressed_by",
    "population",
    "latching",
    "ladder",
    "re_alarm_s",
];
/// Whom a rule is for.
pub const POPULATION_KEYS: [&str; 8] = [
    "age_min",
    "age_max",
    "sex",
    "wards",
    "conditions",
    "device_types",
    "pregnant",
    "only_known",
];
/// Words of `sex`.
pub const SEXES: [&str; 3] = ["female", "male", "other"];
/// Words of `priority`.
pub const PRIORITIES: [&str; 3] = ["low", "medium", "high"];
/// No patient is older.
pub const AGE_MAX: u32 = 150;
/// Of an id and of an alert type.
pub const TEXT_LENGTH_MAX: usize = 64;

/// What the rules before this one and the file give.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Rules further up.
    pub earlier: &'a [Rule],
    /// Ladders of the file.
    pub ladders: &'a [Arc<Ladder>],
}

/// The rule's id.
pub fn id<'t>(fields: &Fields<'t>) -> Result<&'t str, Error> {
    let id = fields.required_text("id")?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > TEXT_LENGTH_MAX || !id.chars().all(allowed) {
        return Err(fields.refuse(
            "id",
            format!("must be 1 to {TEXT_LENGTH_MAX} of a-z, 0-9 and -"),
        ));
    }
    Ok(id)
}

/// A rule with all that rules of every kind have; `alert_type` is the default.
pub fn rule(
    fields: &Fields<'_>,
    around: Around<'_>,
    alert_type: &str,
    test: Test,
) -> Result<Rule, Error> {
    let message = Message::parse(fields.required_text("message")?)
        .map_err(|wrong| fields.refuse("message", wrong))?;
    let alert_type = alert_type_of(fields)?.unwrap_or(alert_type);
    let mut rule = Rule::new(id(fields)?, alert_type, message, test);
    rule.suppressed_by = suppressors(fields, around.earlier)?;
    rule.latching = fields.flag("latching")?;
    rule.ladder = ladder(fields, around.ladders)?;
    rule.re_alarm_us = fields.seconds("re_alarm_s", 0.0, DURATION_S_MAX)?;
    rule.population = population(fields)?;
    Ok(rule)
}

fn alert_type_of<'t>(fields: &Fields<'t>) -> Result<Option<&'t str>, Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match fields.text("alert_type")? {
        Some(text)
            if text.is_empty() || text.len() > TEXT_LENGTH_MAX || !text.chars().all(allowed) =>
        {
            Err(fields.refuse(
                "alert_type",
                format!("must be 1 to {TEXT_LENGTH_MAX} of a-z, 0-9 and _"),
            ))
        }
        text => Ok(text),
    }
}

/// The keys of rules further up: they are evaluated first, or were at the observation before.
fn suppressors(fields: &Fields<'_>, earlier: &[Rule]) -> Result<Vec<u64>, Error> {
    let mut keys = Vec::new();
    for (i, id) in fields.texts("suppressed_by")?.into_iter().enumerate() {
        let field = format!("{}[{i}]", fields.path("suppressed_by"));
        keys.push(earlier_rule(&field, id, earlier)?);
    }
    Ok(keys)
}

/// The key of the rule `id` further up.
pub fn earlier_rule(field: &str, id: &str, earlier: &[Rule]) -> Result<u64, Error> {
    let key = key_of(id);
    if earlier.iter().any(|rule| rule.key == key) {
        return Ok(key);
    }
    let ids: Vec<&str> = earlier.iter().map(|rule| rule.id.as_str()).collect();
    let hint = unknown("id of an earlier rule", id, &ids);
    Err(refuse(field, hint))
}

fn ladder(fields: &Fields<'_>, ladders: &[Arc<Ladder>]) -> Result<Option<Arc<Ladder>>, Error> {
    let Some(id) = fields.text("ladder")? else {
        return Ok(None);
    };
    let found = ladders.iter().find(|ladder| ladder.id == id);
    found.cloned().map(Some).ok_or_else(|| {
        let ids: Vec<&str> = ladders.iter().map(|ladder| ladder.id.as_str()).collect();
        fields.refuse("ladder", unknown("ladder", id, &ids))
    })
}

fn population(rule: &Fields<'_>) -> Result<Option<Population>, Error> {
    let Some(fields) = rule.table("population", &POPULATION_KEYS)? else {
        return Ok(None);
    };
    let texts = |key: &str| -> Result<Vec<String>, Error> {
        let texts = fields.texts(key)?;
        if texts.is_empty() && fields.has(key) {
            return Err(fields.refuse(key, "must have at least one entry"));
        }
        Ok(texts.into_iter().map(str::to_owned).collect())
    };
    let population = Population {
        age_min: fields.whole_in("age_min", 0, AGE_MAX)?,
        age_max: fields.whole_in("age_max", 0, AGE_MAX)?,
        sex: fields
            .word("sex", &SEXES)?
            .and_then(|i| SEXES.get(i))
            .map(|sex| (*sex).to_owned()),
        wards: texts("wards")?,
        conditions: texts("conditions")?,
        device_types: texts("device_types")?,
        pregnant: fields.optional_flag("pregnant")?,
        only_known: fields.flag("only_known")?,
    };
    if let (Some(min), Some(max)) = (population.age_min, population.age_max) {
        if min > max {
            return Err(fields.refuse("age_max", format!("must be {min} (age_min) or more")));
        }
    }
    let only = Population {
        only_known: population.only_known,
        ..Population::default()
    };
    if population == only {
        return Err(rule.refuse(
            "population",
            "must name something; without a population a rule is for everybody",
        ));
    }
    Ok(Some(population))
}

/// A sign by its field.
pub fn sign(fields: &Fields<'_>, key: &str) -> Result<Sign, Error> {
    named_sign(&fields.path(key), fields.required_text(key)?)
}

/// The sign `name`, given at `field`.
pub fn named_sign(field: &str, name: &str) -> Result<Sign, Error> {
    Sign::from_field(name).ok_or_else(|| {
        let names: Vec<&str> = Sign::ALL.iter().map(|sign| sign.field()).collect();
        refuse(field, unknown("sign", name, &names))
    })
}

/// `delay_s`, else that of the rule.
pub fn delay(fields: &Fields<'_>, default_us: i64) -> Result<i64, Error> {
    Ok(fields
        .seconds("delay_s", 0.0, DURATION_S_MAX)?
        .unwrap_or(default_us))
}

/// A number that is not negative; 0 when not given.
pub fn hysteresis(fields: &Fields<'_>) -> Result<f64, Error> {
    match fields.number("hysteresis")? {
        Some(number) if number < 0.0 => Err(fields.refuse("hysteresis", "must be 0 or more")),
        number => Ok(number.unwrap_or(0.0)),
    }
}

/// Refuses a hysteresis by which an alarm would never end: what is compared with `least` is never below 0.
pub fn check_ends(fields: &Fields<'_>, hysteresis: f64, least: Option<f64>) -> Result<(), Error> {
    match least {
        Some(least) if hysteresis >= least => {
            let hint =
                format!("must be less than {least}, the mildest step, or its alarm never ends");
            Err(fields.refuse("hysteresis", hint))
        }
        _ => Ok(()),
    }
}

/// The priority, with `life_threatening` where the step has it.
pub fn urgency(fields: &Fields<'_>) -> Result<Urgency, Error> {
    let priority = match fields.required_word("priority", &PRIORITIES)? {
        0 => Priority::Low,
        1 => Priority::Medium,
        _ => Priority::High,
    };
    let life_threatening = fields.flag("life_threatening")?;
    if life_threatening && priority != Priority::High {
        return Err(fields.refuse(
            "life_threatening",
            "must go with priority = \"high\"; nothing less is life-threatening",
        ));
    }
    Ok(Urgency::new(priority, life_threatening))
}

/// The tables of `steps`, each with its keys among `keys`.
pub fn steps<'t>(fields: &Fields<'t>, keys: &[&str]) -> Result<Vec<Fields<'t>>, Error> {
    let tables = fields.tables("steps")?;
    if tables.is_empty() || tables.len() > STEPS_MAX {
        return Err(fields.refuse("steps", format!("must be 1 to {STEPS_MAX} steps")));
    }
    tables
        .into_iter()
        .map(|(at, table)| Fields::new(&at, table, keys))
        .collect()
}

/// Refuses a step that is less urgent than the one before.
pub fn check_order(
    fields: &Fields<'_>,
    before: Option<Urgency>,
    urgency: Urgency,
) -> Result<(), Error> {
    if before.is_some_and(|before| before.severity > urgency.severity) {
        return Err(fields.refuse(
            "priority",
            "must not be less than that of the step before: steps go from the least to the most urgent",
        ));
    }
    Ok(())
}
