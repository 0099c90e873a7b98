//! What holds for all rules of a file: `[order]`, `[alarm]`, `[[ladder]]`.

use std::sync::Arc;

use super::field::DURATION_S_MAX;
use super::fields::Fields;
use crate::error::Error;
use crate::rules::model::{Ladder, LadderStep, Settings};
use crate::rules::order::{Hold, Order};

/// Of the file.
pub const KEYS: [&str; 7] = [
    "version",
    "spot_check_after_s",
    "late_after_s",
    "order",
    "alarm",
    "ladder",
    "rule",
];
/// Of `[order]`.
pub const ORDER_KEYS: [&str; 2] = ["window_s", "hold"];
/// Words of `hold`.
pub const HOLDS: [&str; 3] = ["on_gap", "always", "never"];
const HOLD: [Hold; HOLDS.len()] = [Hold::OnGap, Hold::Always, Hold::Never];
/// Longer would delay alarms.
pub const ORDER_WINDOW_S_MAX: f64 = 30.0;
/// What is only this late is not.
pub const LATE_AFTER_S_MIN: f64 = 1.0;
/// A shorter longest pause is none.
pub const PAUSE_S_MIN: f64 = 1.0;
/// Of `[alarm]`.
pub const ALARM_KEYS: [&str; 2] = ["pause_max_s", "re_alarm_s"];
/// Of `re_alarm_s`.
pub const RE_ALARM_KEYS: [&str; 3] = ["low", "medium", "high"];
/// Of a ladder.
pub const LADDER_KEYS: [&str; 2] = ["id", "steps"];
/// Of a ladder's step.
pub const LADDER_STEP_KEYS: [&str; 2] = ["after_s", "to"];
/// Of `to`.
pub const TO_LENGTH_MAX: usize = 64;
/// Steps of a ladder.
pub const LADDER_STEPS_MAX: usize = 8;
/// Ladders of a file.
pub const LADDERS_MAX: usize = 64;

/// What the file says of alarms, else the defaults.
pub fn settings(file: &Fields<'_>) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    let spot_check = file.seconds("spot_check_after_s", 0.0, DURATION_S_MAX)?;
    settings.spot_check_after_us = spot_check.unwrap_or(settings.spot_check_after_us);
    if let Some(alarm) = file.table("alarm", &ALARM_KEYS)? {
        let pause = alarm.seconds("pause_max_s", PAUSE_S_MIN, DURATION_S_MAX)?;
        settings.pause_max_us = pause.unwrap_or(settings.pause_max_us);
        if let Some(times) = alarm.table("re_alarm_s", &RE_ALARM_KEYS)? {
            for (key, slot) in RE_ALARM_KEYS.iter().zip(&mut settings.re_alarm_us) {
                *slot = times.seconds(key, 0.0, DURATION_S_MAX)?.unwrap_or(*slot);
            }
        }
    }
    Ok(settings)
}

/// What the file says of order, else the defaults.
pub fn order(file: &Fields<'_>) -> Result<Order, Error> {
    let mut order = Order::default();
    let late = file.seconds("late_after_s", LATE_AFTER_S_MIN, DURATION_S_MAX)?;
    order.late_after_us = late.unwrap_or(order.late_after_us);
    if let Some(fields) = file.table("order", &ORDER_KEYS)? {
        let window = fields.seconds("window_s", 0.0, ORDER_WINDOW_S_MAX)?;
        order.window_us = window.unwrap_or(order.window_us);
        let hold = fields.word("hold", &HOLDS)?;
        order.hold = hold
            .and_then(|i| HOLD.get(i).copied())
            .unwrap_or(order.hold);
    }
    Ok(order)
}

/// The word of `hold`.
pub fn hold_word(hold: Hold) -> &'static str {
    let words = HOLD.iter().zip(HOLDS);
    let mut found = words.filter(|(known, _)| **known == hold);
    found.next().map_or("", |(_, word)| word)
}

/// The ladders of the file.
pub fn ladders(file: &Fields<'_>) -> Result<Vec<Arc<Ladder>>, Error> {
    let mut ladders: Vec<Arc<Ladder>> = Vec::new();
    for (at, table) in file.tables("ladder")? {
        let fields = Fields::new(&at, table, &LADDER_KEYS)?;
        if ladders.len() == LADDERS_MAX {
            return Err(file.refuse("ladder", format!("must be at most {LADDERS_MAX} ladders")));
        }
        let id = super::field::id(&fields)?;
        if ladders.iter().any(|other| other.id == id) {
            return Err(fields.refuse("id", format!("'{id}' is taken by another ladder")));
        }
        ladders.push(Arc::new(Ladder {
            id: id.to_owned(),
            steps: ladder_steps(&fields)?,
        }));
    }
    Ok(ladders)
}

fn ladder_steps(ladder: &Fields<'_>) -> Result<Vec<LadderStep>, Error> {
    let tables = ladder.tables("steps")?;
    if tables.is_empty() || tables.len() > LADDER_STEPS_MAX {
        let count = format!("must be 1 to {LADDER_STEPS_MAX} steps");
        return Err(ladder.refuse("steps", count));
    }
    let mut steps: Vec<LadderStep> = Vec::new();
    for (at, table) in tables {
        let fields = Fields::new(&at, table, &LADDER_STEP_KEYS)?;
        let after_us = fields.seconds("after_s", 0.0, DURATION_S_MAX)?;
        let after_us = after_us.ok_or_else(|| fields.missing("after_s"))?;
        let fits = steps
            .last()
            .map_or(after_us == 0, |last| after_us > last.after_us);
        if !fits {
            let order =
                "must be 0 for the first step, and more than the step before for the others";
            return Err(fields.refuse("after_s", order));
        }
        let to = fields.required_text("to")?;
        if to.trim().is_empty() || to.len() > TO_LENGTH_MAX {
            let length = format!("must be 1 to {TO_LENGTH_MAX} characters");
            return Err(fields.refuse("to", length));
        }
        steps.push(LadderStep {
            after_us,
            to: to.to_owned(),
        });
    }
    Ok(steps)
}
