//! What a rule sees of one observation, and what it says.

use crate::features::{ALTERNATE_AFTER_US, NEVER, SCORES};
use crate::ids::Id;
use crate::scores::news2::News2;
use crate::sign::Sign;

use super::episode::{Phase, RuleState};
use super::model::Rule;
use super::other_scores::Total;
use super::subject::Subject;

/// A value of the observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The sign that was measured.
    pub sign: Sign,
    /// Canonical unit.
    pub value: f64,
    /// False: the sensor is off the patient and `value` means nothing.
    pub connected: bool,
    /// Event time of the usable value of this sign before it; [`NEVER`] when there was none.
    pub previous_us: i64,
}

/// NEWS2 as of one observation, with the ages of what it was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warning {
    /// `None`: NEWS2 must not be used for this patient.
    pub news2: Option<News2>,
    /// Ages of the inputs, µs, in the order of the sub-scores; meaningless where points are missing.
    pub ages_us: [i64; 7],
    /// Whether the observation brought an input.
    pub updated: bool,
    /// Event time of the score before it; [`NEVER`] when there was none.
    pub previous_us: i64,
}

impl Warning {
    /// Of something that no observation says.
    pub const NONE: Self = Self {
        news2: None,
        ages_us: [0; 7],
        updated: false,
        previous_us: NEVER,
    };
}

/// What a rule's numbers are made from, where it is not one value.
#[derive(Debug, Clone, Copy)]
pub enum Basis<'a> {
    /// NEWS2.
    News2(&'a Warning),
    /// Another score.
    Score(&'a Total),
    /// A column of the model's answer.
    Column(&'a str),
    /// What a trend has gone from.
    Trend(f64),
    /// The conditions of a combination that count.
    Conditions(&'a [Counting<'a>]),
}

/// A condition of a combination that counts, with the observation at which it was last true.
#[derive(Debug, Clone, Copy)]
pub struct Counting<'a> {
    /// The numbers; without a comparison it is not about a number.
    pub evidence: Evidence,
    /// A score's name or a rule's id; empty for a sign.
    pub about: &'a str,
    /// Event time of the observation.
    pub time_us: i64,
    /// The observation.
    pub event_id: Id,
    /// A total that is a lower bound.
    pub partial: bool,
}

/// One observation.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The time rules count with: event time, never ahead of ingest.
    pub now_us: i64,
    /// The observation.
    pub event_id: Id,
    /// Whose it is.
    pub subject: Subject<'a>,
    /// Its values: usable ones and disconnected ones, in its order.
    pub values: &'a [Value],
    /// Its early-warning score.
    pub warning: &'a Warning,
    /// Other scores of which it brought an input, those that a rule asks for.
    pub totals: &'a [Total],
    /// The model's answer by column; `None` = unavailable.
    pub model: Option<&'a [Option<f32>; SCORES]>,
    /// Bits of the populations that the patient does not belong to.
    pub left_out: u128,
    /// Bits of the populations that the device's type does not belong to.
    pub unseen: u128,
}

impl<'a> Moment<'a> {
    /// Without values.
    pub const fn bare(now_us: i64, event_id: Id, subject: Subject<'a>) -> Self {
        Self {
            now_us,
            event_id,
            subject,
            values: &[],
            warning: &Warning::NONE,
            totals: &[],
            model: None,
            left_out: 0,
            unseen: 0,
        }
    }
}

impl Moment<'_> {
    /// Whether the observation has a usable value of `sign`.
    #[inline]
    pub fn has(&self, sign: Sign) -> bool {
        self.values.iter().any(|v| v.connected && v.sign == sign)
    }

    /// Whether the rule is not for this patient.
    #[inline]
    pub fn leaves_out(&self, rule: &Rule) -> bool {
        self.left_out & rule.population_bit != 0
    }

    /// Whether the rule does not look at this observation: it is not for the patient, or not for the device.
    #[inline]
    pub fn excludes(&self, rule: &Rule) -> bool {
        (self.left_out | self.unseen) & rule.population_bit != 0
    }

    /// Whether something last seen at `previous_us` is spot-checked rather than monitored: then the next
    /// value may be hours away, and a delay would silence the alarm. `after_us` 0 = never.
    #[inline]
    pub fn spot_check(&self, previous_us: i64, after_us: i64) -> bool {
        after_us > 0 && (previous_us == NEVER || self.now_us.saturating_sub(previous_us) > after_us)
    }

    /// Whether the sign that raised `state` still speaks for itself.
    #[inline]
    pub fn heard(&self, state: &RuleState) -> bool {
        self.now_us.saturating_sub(state.sign_time_us) <= ALTERNATE_AFTER_US
    }
}

/// The numbers that made a rule speak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// The sign that was measured; `None` for a score's total.
    pub sign: Option<Sign>,
    /// Canonical unit, or points.
    pub value: f64,
    /// What it was compared with.
    pub limit: f64,
    /// `<`, `<=`, `>`, `>=`; empty for a technical alarm.
    pub comparison: &'static str,
    /// Whether the limit is the patient's own.
    pub patient_limit: bool,
}

/// What a rule says: its condition has changed. What people are told of it is the signal's business
/// ([`crate::alarms::signal`]).
#[derive(Debug)]
pub struct Alert<'a> {
    /// The rule.
    pub rule: Option<&'a Rule>,
    /// The episode, after the change.
    pub state: &'a mut RuleState,
    /// START: the condition is there; UPDATE: another step; END: it has cleared.
    pub phase: Phase,
    /// Configured delay of the step.
    pub delay_us: i64,
    /// The numbers.
    pub evidence: Option<Evidence>,
    /// What the numbers are made from, where it is not one value.
    pub warning: Option<Basis<'a>>,
}
