//! What rules of each kind are made of.

use crate::sign::Sign;

use super::model::{Direction, Urgency};

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
    /// What is compared is the mean of this long; 0 = each value.
    pub average_us: i64,
    /// Least urgent first.
    pub steps: Vec<LimitStep>,
}

/// Which way a trend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Reference minus value, from the highest value of the window.
    Fall,
    /// Value minus reference, from the lowest value of the window.
    Rise,
}

/// How much a value must have changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// In the sign's canonical unit.
    Absolute(f64),
    /// In per cent of the reference.
    Percent(f64),
}

impl Change {
    /// In its unit.
    pub const fn amount(self) -> f64 {
        match self {
            Self::Absolute(amount) | Self::Percent(amount) => amount,
        }
    }
}

/// One priority of a trend rule.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendStep {
    /// At least this much.
    pub change: Change,
    /// The change from which on it is met, as changes are compared ([`super::window::clean`]).
    pub met_at: f64,
    /// The change down to which it holds once it was met: less the rule's hysteresis.
    pub held_at: f64,
    /// How long the condition must hold.
    pub delay_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// A sign that changes over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendRule {
    /// The sign, or its alternate where it is not measured.
    pub sign: Sign,
    /// Which way.
    pub trend: Trend,
    /// How far back the reference is looked for.
    pub window_us: i64,
    /// In the unit of the step's change.
    pub hysteresis: f64,
    /// Least urgent first.
    pub steps: Vec<TrendStep>,
}

impl TrendRule {
    /// Whether its steps ask for a percentage: all of them do, or none.
    pub fn in_percent(&self) -> bool {
        let first = self.steps.first();
        first.is_some_and(|step| matches!(step.change, Change::Percent(_)))
    }
}

/// The early-warning scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ScoreKind {
    /// In the pipeline at every observation.
    News2 = 0,
    /// The others only when a rule asks for them.
    Mews = 1,
    /// Quick sepsis-related organ failure assessment.
    Qsofa = 2,
    /// Systemic inflammatory response syndrome: the known part.
    Sirs = 3,
    /// Heart rate over systolic pressure.
    ShockIndex = 4,
    /// Paediatric.
    Pews = 5,
}

impl ScoreKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::News2,
        Self::Mews,
        Self::Qsofa,
        Self::Sirs,
        Self::ShockIndex,
        Self::Pews,
    ];

    /// The name in rule files and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::News2 => "news2",
            Self::Mews => "mews",
            Self::Qsofa => "qsofa",
            Self::Sirs => "sirs",
            Self::ShockIndex => "shock_index",
            Self::Pews => "pews",
        }
    }

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::News2 => "NEWS2",
            Self::Mews => "MEWS",
            Self::Qsofa => "qSOFA",
            Self::Sirs => "SIRS",
            Self::ShockIndex => "shock index",
            Self::Pews => "PEWS",
        }
    }

    /// The highest total there is; that of the shock index has no bound that means anything.
    pub const fn total_max(self) -> f64 {
        match self {
            Self::News2 => 20.0,
            Self::Mews => 14.0,
            Self::Qsofa => 3.0,
            Self::Sirs => 4.0,
            Self::ShockIndex => 10.0,
            Self::Pews => 26.0,
        }
    }

    /// Whether totals are whole points.
    pub const fn whole(self) -> bool {
        !matches!(self, Self::ShockIndex)
    }
}

/// What a score must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// The total.
    AtLeast(f64),
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

/// An early-warning score that reaches a total.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRule {
    /// Which score.
    pub score: ScoreKind,
    /// Points below the total at which it still holds.
    pub hysteresis: f64,
    /// Least urgent first.
    pub steps: Vec<ScoreStep>,
}

/// Evidence and slots of one combination.
pub const CONDITIONS_MAX: usize = 8;

/// One condition of a combination.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A value beyond a limit.
    Sign {
        /// The sign, or its alternate where it is not measured.
        sign: Sign,
        /// Which side.
        direction: Direction,
        /// Canonical unit.
        limit: f64,
        /// Whether the limit itself is beyond.
        inclusive: bool,
    },
    /// A rule (its id and key) further up that is alarming.
    Rule(String, u64),
    /// A score that reaches a total.
    Score(ScoreKind, f64),
}

/// Several conditions close together in time.
#[derive(Debug, Clone, PartialEq)]
pub struct CombinationRule {
    /// How many conditions must count.
    pub at_least: usize,
    /// How long a condition counts after it was last true.
    pub within_us: i64,
    /// 2 to [`CONDITIONS_MAX`].
    pub conditions: Vec<Condition>,
    /// Hash of the conditions: what is remembered of them is worth nothing once they change.
    pub key: u64,
    /// How long the combination must hold.
    pub delay_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// One priority of an anomaly rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AnomalyStep {
    /// 0 to 1.
    pub at_least: f64,
    /// How long the score must hold.
    pub delay_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// A column of the model's answer that stays high.
#[derive(Debug, Clone, PartialEq)]
pub struct AnomalyRule {
    /// Index of the column.
    pub column: usize,
    /// The column's sign; `None` for the overall ones.
    pub sign: Option<Sign>,
    /// Below the step's score at which it still holds.
    pub hysteresis: f64,
    /// Least urgent first.
    pub steps: Vec<AnomalyStep>,
}

/// A sign that is missing: its sensor is off the patient, or nothing is heard of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TechnicalRule {
    /// The sign that is missing.
    pub sign: Sign,
    /// Whether a sensor that is off the patient raises it.
    pub lead_off: bool,
    /// How long the sensor must be off.
    pub delay_us: i64,
    /// How long nothing is heard of the sign (processing time) until it is raised; 0 = silence does not raise it.
    pub silent_after_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}

/// A device of which nothing is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRule {
    /// How long (processing time).
    pub silent_after_us: i64,
    /// Of the alarm.
    pub urgency: Urgency,
}
