//! What controls do to the alarms of one subject.

use crate::rules::model::key_of;
use crate::rules::{Phase, RuleState};

use super::control::{Action, Control};
use super::pause::{self, ALL};
use super::said::{By, Cause, Presence};
use super::settle::settle;
use super::signal::{say, Facts, Scene, Sink};
use super::special::Special;

/// A person stops the signal of one alarm, or of all. Returns whether there was one to stop.
pub fn acknowledge(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    control: &Control,
    sink: Sink<'_>,
) -> bool {
    let facts = Facts {
        by: Some(By {
            actor: &control.actor,
            reason: &control.reason,
            until_us: 0,
        }),
        ..Facts::default()
    };
    let mut stopped = false;
    for i in scene.in_order(states) {
        let Some(state) = states.get_mut(i) else {
            continue;
        };
        if control
            .episode
            .is_some_and(|episode| episode != state.episode)
        {
            continue;
        }
        match state.signal.presence {
            Presence::On => {
                state.signal.presence = Presence::Acknowledged;
                state.signal.acknowledged_us = scene.clock_us;
                say(
                    scene,
                    state,
                    Phase::Update,
                    Cause::Acknowledged,
                    facts,
                    sink,
                );
            }
            Presence::Latched => {
                say(scene, state, Phase::End, Cause::Acknowledged, facts, sink);
                state.end_signal();
                if let Some(rule) = scene.rule(state).filter(|_| !state.is_over()) {
                    state.begin_anew(rule, &scene.moment());
                }
            }
            _ => continue,
        }
        stopped = true;
    }
    states.retain(|state| !state.is_over());
    stopped
}

/// PAUSE, OFF or RESUME. `scene.pauses` is not looked at. Returns what is to be counted.
pub fn activation(
    scene: &Scene<'_>,
    states: &mut [RuleState],
    special: &mut Special,
    control: &Control,
    max_us: i64,
    sink: Sink<'_>,
) -> Option<&'static str> {
    let rule = if control.rule_id.is_empty() {
        ALL
    } else {
        key_of(&control.rule_id)
    };
    let mut notice = None;
    if control.action == Action::Resume {
        // Without a rule: whatever is paused.
        special.pauses.retain(|p| rule != ALL && p.rule != rule);
    } else {
        notice = pause::begin(&mut special.pauses, control, rule, max_us);
    }
    let scene = Scene {
        pauses: &special.pauses,
        ..*scene
    };
    settle(&scene, states, sink);
    notice
}
