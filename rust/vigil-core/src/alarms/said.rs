//! What is written of an alarm: one alert of an episode.

use crate::rules::model::Rule;
use crate::rules::moment::{Basis, Evidence};
use crate::rules::{Phase, RuleState};

use super::pause::Pause;

/// Numbers equal `vigil.v1.AlarmPresence`; 0 = nothing was said of the condition yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Presence {
    /// There is no signal: waiting for its delay, or kept back.
    #[default]
    None = 0,
    /// People are told.
    On = 1,
    /// The condition is gone, the signal stays until someone acts.
    Latched = 2,
    /// The condition is there, a person has stopped the signal.
    Acknowledged = 3,
    /// There is none any more.
    Off = 4,
}

impl Presence {
    /// From a checkpoint.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::On,
            2 => Self::Latched,
            3 => Self::Acknowledged,
            _ => return None,
        })
    }

    /// Whether people perceive it.
    pub const fn sounds(self) -> bool {
        matches!(self, Self::On | Self::Latched)
    }
}

/// Numbers equal `vigil.v1.AlarmActivation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Activation {
    /// Signals are given.
    On = 1,
    /// Not until a time.
    Paused = 2,
    /// Not until a person says so.
    Off = 3,
}

/// Why an alert is written. Numbers equal `vigil.v1.AlertCause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// START: it held for its delay. END: it has cleared.
    Condition = 1,
    /// A more urgent step.
    Worse = 2,
    /// A less urgent step.
    Better = 3,
    /// The condition has cleared, the signal stays.
    Latched = 4,
    /// The condition of a latched alarm is there again.
    Returned = 5,
    /// By a person.
    Acknowledged = 6,
    /// Acknowledged or paused, and still there.
    ReAlarm = 7,
    /// Nobody has acknowledged it for long enough.
    Escalated = 8,
    /// The sign is missing, the alarm holds.
    Stale = 9,
    /// The sign is back.
    Fresh = 10,
    /// What was kept back is said.
    Resumed = 11,
    /// Kept back by a person.
    Paused = 12,
    /// Kept back by another rule.
    Suppressed = 13,
    /// The rule set no longer has the rule.
    RuleWithdrawn = 14,
}

/// One alert, after the state has changed.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The rule; `None` when it was withdrawn.
    pub rule: Option<&'a Rule>,
    /// The episode.
    pub state: &'a RuleState,
    /// What happened.
    pub phase: Phase,
    /// Why it is said.
    pub cause: Cause,
    /// How the signal stands.
    pub presence: Presence,
    /// Whether signals are given.
    pub activation: Activation,
    /// Who, why and until when (a pause), or who and why (an acknowledgement).
    pub by: Option<By<'a>>,
    /// The rule that says it all.
    pub suppressed_by: &'a str,
    /// Step of the ladder reached, from 1; 0 = it has none.
    pub level: u8,
    /// Whom that step names.
    pub escalate_to: &'a str,
    /// Event time of the evidence where it is not the observation's; 0 = it is.
    pub evidence_us: i64,
    /// Configured delay of the step.
    pub delay_us: i64,
    /// The numbers.
    pub evidence: Option<Evidence>,
    /// What the numbers are made from, where it is not one value.
    pub warning: Option<Basis<'a>>,
    /// When the condition cleared; [`crate::features::NEVER`] while it is there.
    pub end_us: i64,
}

/// A person's part in an alert.
#[derive(Debug, Clone, Copy, Default)]
pub struct By<'a> {
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Until when; 0 = it does not end by itself.
    pub until_us: i64,
}

impl<'a> By<'a> {
    /// Of a pause.
    pub fn pause(pause: &'a Pause) -> Self {
        Self {
            actor: &pause.actor,
            reason: &pause.reason,
            until_us: pause.until_us,
        }
    }
}
