//! A rule set as types. [`super::parse`] makes it, nothing changes it.

use std::sync::Arc;

pub use crate::alarms::settings::{Ladder, LadderStep, Settings};
use crate::sign::Sign;

use super::message::Message;

/// Priority steps of one rule.
pub const STEPS_MAX: usize = 4;

/// Alarm priority (IEC 60601-1-8). Numbers equal `vigil.v1.Priority`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Awareness.
    Low = 1,
    /// Prompt response.
    Medium = 2,
    /// Immediate response.
    High = 3,
}

impl Priority {
    /// The word in messages.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Numbers equal `vigil.v1.Severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// Low priority.
    Low = 1,
    /// Medium priority.
    Medium = 2,
    /// High priority.
    High = 3,
    /// High priority with an immediately life-threatening condition.
    Critical = 4,
}

/// Priority with the severity that follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Urgency {
    /// Of the alarm.
    pub priority: Priority,
    /// Of the event.
    pub severity: Severity,
}

impl Urgency {
    /// The severity of a priority; `life_threatening` makes it critical.
    pub const fn new(priority: Priority, life_threatening: bool) -> Self {
        let severity = match priority {
            _ if life_threatening => Severity::Critical,
            Priority::Low => Severity::Low,
            Priority::Medium => Severity::Medium,
            Priority::High => Severity::High,
        };
        Self { priority, severity }
    }
}

/// Which side of the limit is the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Values below.
    Low,
    /// Values above.
    High,
}

impl Direction {
    /// Whether `value` lies beyond `limit`, which itself counts when `inclusive`.
    #[inline]
    pub fn beyond(self, inclusive: bool, value: f64, limit: f64) -> bool {
        match self {
            Self::Low => value < limit || (inclusive && value == limit),
            Self::High => value > limit || (inclusive && value == limit),
        }
    }

    /// The limit at which the condition clears.
    #[inline]
    pub fn clear_limit(self, limit: f64, hysteresis: f64) -> f64 {
        match self {
            Self::Low => limit + hysteresis,
            Self::High => limit - hysteresis,
        }
    }

    /// How the condition is written; `cleared` gives its negation.
    pub const fn comparison(self, inclusive: bool, cleared: bool) -> &'static str {
        match (self, inclusive, cleared) {
            (Self::Low, false, false) | (Self::High, true, true) => "<",
            (Self::Low, true, false) | (Self::High, false, true) => "<=",
            (Self::High, false, false) | (Self::Low, true, true) => ">",
            (Self::High, true, false) | (Self::Low, false, true) => ">=",
        }
    }
}

/// The patient's own limit that replaces a step's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatientLimitKind {
    /// `Limit.low`.
    Low,
    /// `Limit.high`.
    High,
    /// `Limit.critical_low`.
    CriticalLow,
    /// `Limit.critical_high`.
    CriticalHigh,
}

/// One priority of a limit rule.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitStep {
    /// Canonical unit; `None`: only patients with a limit of their own have this step.
    pub limit: Option<f64>,
    /// Whether the limit itself is beyond.
    pub inclusive: bool,
    /// What replaces `limit`.
    pub patient_limit: Option<PatientLimitKind>,
    /// How long the condition must hold.
    pub delay_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// A sign beyond a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRule {
    /// The sign, or its alternate where it is not measured.
    pub sign: Sign,
    /// Which side.
    pub direction: Direction,
    /// Distance of the clear limit from the limit, canonical unit.
    pub hysteresis: f64,
    /// Least urgent first.
    pub steps: Vec<LimitStep>,
}

/// What a score must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The total.
    AtLeast(u32),
    /// A single parameter with 3 points.
    SingleThree,
}

/// One priority of a score rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreStep {
    /// What must be reached.
    pub trigger: Trigger,
    /// How long the condition must hold.
    pub delay_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// An early-warning score (NEWS2) that reaches a total.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRule {
    /// Points below the total at which it still holds.
    pub hysteresis: u32,
    /// Least urgent first.
    pub steps: Vec<ScoreStep>,
}

/// A sign that is missing: its sensor is off the patient, or it is not sent any more.
#[derive(Debug, Clone, PartialEq)]
pub struct TechnicalRule {
    /// The sign that is missing.
    pub sign: Sign,
    /// Whether a sensor that is off the patient is the condition.
    pub lead_off: bool,
    /// How long the sensor must be off.
    pub delay_us: i64,
    /// Silence (processing time) that is the condition; 0 = none is.
    pub silent_after_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// A device of which nothing is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRule {
    /// Silence (processing time) that is the condition.
    pub silent_after_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// What a rule tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// kind = "limit"
    Limit(LimitRule),
    /// kind = "score"
    Score(ScoreRule),
    /// kind = "missing" about signs, and "technical"
    Technical(TechnicalRule),
    /// kind = "missing" about devices
    Device(DeviceRule),
}

/// A rule. A rule over several signs is one rule a sign by now.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique and stable: episodes derive from it.
    pub id: String,
    /// Hash of `id`.
    pub key: u64,
    /// `heart_rate_high`.
    pub alert_type: String,
    /// What a person reads.
    pub message: Message,
    /// Rules (their keys) that say it all while they are active: this one then starts nothing.
    pub suppressed_by: Vec<u64>,
    /// Whether the signal stays when the condition has cleared, until somebody acknowledges it.
    pub latching: bool,
    /// Who is told when nobody acknowledges.
    pub ladder: Option<Arc<Ladder>>,
    /// When it sounds again after it was acknowledged; 0 = never, `None` = as the rule set says for its priority.
    pub re_alarm_us: Option<i64>,
    /// The rule in words.
    pub text: String,
    /// What it tests.
    pub test: Test,
}

impl Rule {
    /// A rule with nothing but what every rule must have.
    pub fn new(id: &str, alert_type: &str, message: Message, test: Test) -> Self {
        Self {
            id: id.to_owned(),
            key: key_of(id),
            alert_type: alert_type.to_owned(),
            message,
            suppressed_by: Vec::new(),
            latching: false,
            ladder: None,
            re_alarm_us: None,
            text: String::new(),
            test,
        }
    }
}

/// The key of a rule's id.
pub fn key_of(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_says_what_is_tested() {
        for direction in [Direction::Low, Direction::High] {
            for inclusive in [false, true] {
                for value in [9.0, 10.0, 11.0] {
                    let says = |text: &str| match text {
                        "<" => value < 10.0,
                        "<=" => value <= 10.0,
                        ">" => value > 10.0,
                        _ => value >= 10.0,
                    };
                    let beyond = direction.beyond(inclusive, value, 10.0);
                    assert_eq!(says(direction.comparison(inclusive, false)), beyond);
                    assert_eq!(says(direction.comparison(inclusive, true)), !beyond);
                }
            }
        }
    }

    #[test]
    fn severity_follows_priority() {
        assert_eq!(
            Urgency::new(Priority::Medium, false).severity,
            Severity::Medium
        );
        assert_eq!(
            Urgency::new(Priority::High, true).severity,
            Severity::Critical
        );
    }
}
