//! A rule set as types. [`super::parse`] makes it, nothing changes it.

use std::sync::Arc;

pub use crate::alarms::settings::{Ladder, LadderStep, Settings};

pub use super::kinds::*;
use super::message::Message;
use super::population::Population;

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

    /// Whether the condition is immediately life-threatening.
    pub const fn is_life_threatening(self) -> bool {
        matches!(self.severity, Severity::Critical)
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

/// What a rule tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// kind = "limit"
    Limit(LimitRule),
    /// kind = "trend"
    Trend(TrendRule),
    /// kind = "score"
    Score(ScoreRule),
    /// kind = "combination"
    Combination(CombinationRule),
    /// kind = "missing" of a sign
    Technical(TechnicalRule),
    /// kind = "missing" of a device
    Device(DeviceRule),
    /// kind = "anomaly"
    Anomaly(AnomalyRule),
}

impl Test {
    /// The kind's name in rule files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Limit(_) => "limit",
            Self::Trend(_) => "trend",
            Self::Score(_) => "score",
            Self::Combination(_) => "combination",
            Self::Technical(_) | Self::Device(_) => "missing",
            Self::Anomaly(_) => "anomaly",
        }
    }

    /// Whether its alarms are technical.
    pub const fn technical(&self) -> bool {
        matches!(self, Self::Technical(_) | Self::Device(_))
    }

    /// Delay and urgency of its step `i`, the least urgent first; `None` beyond the last.
    #[inline]
    pub fn step(&self, i: usize) -> Option<(i64, Urgency)> {
        match self {
            Self::Limit(t) => t.steps.get(i).map(|s| (s.delay_us, s.urgency)),
            Self::Trend(t) => t.steps.get(i).map(|s| (s.delay_us, s.urgency)),
            Self::Score(t) => t.steps.get(i).map(|s| (s.delay_us, s.urgency)),
            Self::Anomaly(t) => t.steps.get(i).map(|s| (s.delay_us, s.urgency)),
            Self::Combination(t) => (i == 0).then_some((t.delay_us, t.urgency)),
            Self::Technical(t) => (i == 0).then_some((t.delay_us, t.urgency)),
            Self::Device(t) => (i == 0).then_some((t.silent_after_us, t.urgency)),
        }
    }
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
    /// Whom it is for; `None` = everybody.
    pub population: Option<Population>,
    /// Its population's bit in a patient's exclusions; 0 = it is for everybody. The rule set gives it.
    pub population_bit: u128,
    /// Key of the types of devices that it is about; 0 = all. The rule set gives it.
    pub devices: u64,
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
            population: None,
            population_bit: 0,
            devices: 0,
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
