//! Alarms whose sign is missing: they hold, and say so.

use crate::rules::model::Test;
use crate::rules::{Moment, Phase, RuleState};
use crate::sign::Sign;

use super::said::{Cause, Presence};
use super::signal::{say, Facts, Scene, Sink};

/// The sign that makes an alarm stale when it is missing: of limit and trend rules.
fn sign_of(scene: &Scene<'_>, state: &RuleState) -> Option<Sign> {
    if state.technical {
        return None;
    }
    match scene.rule(state)?.test {
        Test::Limit(_) | Test::Trend(_) => Sign::from_number(u64::from(state.sign)),
        _ => None,
    }
}

/// Marks the alarms about the signs `missing` (bits), which are missing from now on.
pub fn mark(scene: &Scene<'_>, states: &mut [RuleState], missing: u32, sink: Sink<'_>) {
    if missing != 0 {
        each(
            scene,
            states,
            |state| state.active > 0 && !state.signal.stale,
            |sign| missing & (1 << sign.index()) != 0,
            sink,
        );
    }
}

/// Clears the mark of the alarms whose sign the observation brings, also of what is only latched by now.
pub fn refresh(scene: &Scene<'_>, states: &mut [RuleState], moment: &Moment<'_>, sink: Sink<'_>) {
    if states.iter().any(|state| state.signal.stale) {
        each(
            scene,
            states,
            |state| state.signal.stale,
            |sign| moment.has(sign),
            sink,
        );
    }
}

fn each(
    scene: &Scene<'_>,
    states: &mut [RuleState],
    concerns: impl Fn(&RuleState) -> bool,
    changes: impl Fn(Sign) -> bool,
    sink: Sink<'_>,
) {
    let concerned: Vec<usize> = scene
        .in_order(states)
        .into_iter()
        .filter(|i| {
            states
                .get(*i)
                .is_some_and(|state| concerns(state) && sign_of(scene, state).is_some_and(&changes))
        })
        .collect();
    for i in concerned {
        if let Some(state) = states.get_mut(i) {
            state.signal.stale = !state.signal.stale;
            let cause = if state.signal.stale {
                Cause::Stale
            } else {
                Cause::Fresh
            };
            if state.signal.presence != Presence::None {
                say(scene, state, Phase::Update, cause, Facts::default(), sink);
            }
        }
    }
}
