//! What was kept back is said once nothing keeps it back; what is paused sounds again.

use crate::rules::{Phase, RuleState};

use super::pause::{self, Pause};
use super::said::{By, Cause, Presence};
use super::signal::{say, speaking, suppressor, turn_on, Facts, Scene, Sink};

/// The first that people hear of it.
pub fn start(
    scene: &Scene<'_>,
    state: &mut RuleState,
    cause: Cause,
    mut facts: Facts<'_>,
    sink: Sink<'_>,
) {
    let mut evidence_us = scene.evidence_us;
    if cause == Cause::Resumed {
        state.raised_us = scene.now_us;
        if let (None, Some((evidence, time_us))) = (facts.evidence, state.last()) {
            facts.evidence = Some(evidence);
            evidence_us = time_us;
        }
    }
    let scene = &Scene {
        evidence_us,
        ..*scene
    };
    turn_on(scene, state);
    state.signal.paused = false;
    say(scene, state, Phase::Start, cause, facts, sink);
}

/// Says that a pause applies from now on to what sounds.
pub fn pause_begins(
    scene: &Scene<'_>,
    state: &mut RuleState,
    paused: Option<&Pause>,
    sink: Sink<'_>,
) {
    let Some(pause) = paused.filter(|_| !state.signal.paused) else {
        return;
    };
    state.signal.paused = true;
    if state.signal.presence.sounds() {
        let facts = Facts {
            by: Some(By::pause(pause)),
            ..Facts::default()
        };
        say(scene, state, Phase::Update, Cause::Paused, facts, sink);
    }
}

/// Looks at every alarm again after pauses have begun or ended, or suppressors are gone: says what was kept back and
/// is kept back no more, and that what sounds is paused, or no longer.
pub fn settle(scene: &Scene<'_>, states: &mut [RuleState], sink: Sink<'_>) {
    let mut speaking = speaking(states);
    for i in scene.in_order(states) {
        let Some(state) = states.get_mut(i) else {
            continue;
        };
        let rule = scene.rule(state);
        let paused = pause::of(scene.pauses, state);
        if state.signal.presence == Presence::None {
            let suppressor = rule.and_then(|rule| suppressor(scene.set, rule, &speaking));
            if state.active > 0 && paused.is_none() && suppressor.is_none() {
                start(scene, state, Cause::Resumed, Facts::default(), sink);
                speaking.push(state.rule);
            }
            continue;
        }
        pause_begins(scene, state, paused, sink);
        let was = std::mem::replace(&mut state.signal.paused, paused.is_some());
        if was && paused.is_none() && state.signal.presence.sounds() {
            if state.signal.presence == Presence::On {
                turn_on(scene, state);
            }
            say(
                scene,
                state,
                Phase::Update,
                Cause::ReAlarm,
                Facts::default(),
                sink,
            );
        }
    }
}
