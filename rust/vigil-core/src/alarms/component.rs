//! A part of Vigil that is away: a technical alarm about itself, as long as one process says so.

use crate::rules::message::Message;
use crate::rules::model::{DeviceRule, Priority, Rule, Test, Urgency};

use super::settings::{REPORTERS_MAX, REPORTER_FORGOTTEN_AFTER_US};
use super::special::Reporter;

/// Of its alarm.
pub const URGENCY: Urgency = Urgency::new(Priority::Medium, false);

/// The rule of a component, which stands in no file. `None`: no component is called so.
pub fn rule(component: &str) -> Option<Rule> {
    let message = Message::parse(&format!("{component} is unavailable")).ok()?;
    let test = Test::Device(DeviceRule {
        silent_after_us: 0,
        urgency: URGENCY,
    });
    let alert_type = format!("{}_unavailable", component.replace('-', "_"));
    Some(Rule::new(
        &format!("component/{component}"),
        &alert_type,
        message,
        test,
    ))
}

/// `reporter` says that the component is away. Returns whether it is remembered.
pub fn down(reporters: &mut Vec<Reporter>, reporter: &str, time_us: i64) -> bool {
    let key = key_of(reporter);
    if let Some(known) = reporters.iter_mut().find(|r| r.key == key) {
        known.down_us = known.down_us.max(time_us);
        return true;
    }
    if reporters.len() >= REPORTERS_MAX {
        return false;
    }
    reporters.push(Reporter {
        key,
        down_us: time_us,
    });
    true
}

/// `reporter` says that the component is back.
pub fn up(reporters: &mut Vec<Reporter>, reporter: &str) {
    let key = key_of(reporter);
    reporters.retain(|r| r.key != key);
}

/// Forgets the reporters that have not repeated themselves.
pub fn forget(reporters: &mut Vec<Reporter>, time_us: i64) {
    reporters.retain(|r| time_us < forgotten_us(r));
}

/// When a reporter is forgotten.
pub fn forgotten_us(reporter: &Reporter) -> i64 {
    reporter.down_us.saturating_add(REPORTER_FORGOTTEN_AFTER_US)
}

fn key_of(reporter: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(reporter.as_bytes())
}
