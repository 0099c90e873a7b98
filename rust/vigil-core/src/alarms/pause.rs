//! Pauses: no signals of a subject, or of one of its rules, by a person's decision.

use std::sync::Arc;

use crate::rules::model::Severity;
use crate::rules::RuleState;

use super::control::{Action, Control};
use super::said::Activation;

/// Pauses of one subject at a time; what is beyond is refused, for then alarms sound.
pub const PAUSES_MAX: usize = 32;
/// `Pause::rule` of a pause of the whole subject.
pub const ALL: u64 = 0;

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The rule's key, or [`ALL`].
    pub rule: u64,
    /// When it ends; 0 = when a person says so.
    pub until_us: i64,
    /// Who.
    pub actor: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
}

impl Pause {
    /// Signals are off, or paused.
    pub const fn activation(&self) -> Activation {
        match self.until_us {
            0 => Activation::Off,
            _ => Activation::Paused,
        }
    }
}

/// The pause that keeps the signal of `state` back: one of its rule; else one of the whole subject, which
/// concerns neither technical alarms nor life-threatening ones.
pub fn of<'a>(pauses: &'a [Pause], state: &RuleState) -> Option<&'a Pause> {
    let find = |rule| pauses.iter().find(|pause| pause.rule == rule);
    let exempt = || state.technical || state.urgency.severity == Severity::Critical;
    find(state.rule).or_else(|| find(ALL).filter(|_| !exempt()))
}

/// Pauses as `control` says, in the place of an earlier pause of the same scope. Returns what is to be counted.
pub fn begin(
    pauses: &mut Vec<Pause>,
    control: &Control,
    rule: u64,
    max_us: i64,
) -> Option<&'static str> {
    let (mut until_us, mut notice) = (0, None);
    if control.action == Action::Pause {
        until_us = control.until_us;
        if until_us <= control.time_us {
            return Some("pause_over");
        }
        let limit_us = control.time_us.saturating_add(max_us);
        if until_us > limit_us {
            (until_us, notice) = (limit_us, Some("pause_too_long"));
        }
    }
    let new = Pause {
        rule,
        until_us,
        actor: (&*control.actor).into(),
        reason: (&*control.reason).into(),
    };
    if let Some(old) = pauses.iter_mut().find(|pause| pause.rule == rule) {
        *old = new;
    } else if pauses.len() < PAUSES_MAX {
        pauses.push(new);
    } else {
        return Some("pause_refused");
    }
    notice
}
