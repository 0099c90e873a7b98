//! What happens by the clock to the alarms of one subject.

use crate::engine::patient::PatientState;
use crate::rules::{Phase, RuleSet, RuleState};

use super::pause;
use super::said::{Cause, Presence};
use super::settle::settle;
use super::signal::{ladder, say, speaking, turn_on, Facts, Scene, Sink};
use super::silence::{self, Silences};
use super::special::Special;
use super::{component, forget, silence::orphan_ends_us};

/// Does everything whose time has come at `scene.clock_us`. Returns whether anything has changed.
pub fn tick(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    special: &mut Special,
    silences: Option<&Silences>,
    sink: Sink<'_>,
) -> bool {
    let time_us = scene.clock_us;
    let mut said = false;
    let sink: Sink<'_> = &mut |alert| {
        said = true;
        sink(alert);
    };
    let before = (special.pauses.len(), special.reporters.len(), states.len());
    special
        .pauses
        .retain(|p| p.until_us == 0 || p.until_us > time_us);
    let scene = Scene {
        pauses: &special.pauses,
        ..*scene
    };
    let mut speaking = speaking(states);
    if special.component {
        component::forget(&mut special.reporters, time_us);
        if special.reporters.is_empty() && !states.is_empty() {
            silence::end(&scene, states, 0, &mut speaking, sink);
        }
    }
    if let Some(silences) = silences {
        silence::raise(&scene, states, silences, &mut speaking, sink);
    }
    settle(&scene, states, sink);
    for i in scene.in_order(states) {
        if let Some(state) = states.get_mut(i) {
            re_alarm(&scene, state, sink);
            escalate(&scene, state, sink);
        }
    }
    if silences.is_some_and(|silences| silences.orphan_ends) {
        end_all(&scene, states, Facts::default(), sink);
    }
    said || before != (special.pauses.len(), special.reporters.len(), states.len())
}

fn re_alarm(scene: &Scene<'_>, state: &mut RuleState, sink: Sink<'_>) {
    if re_alarm_us(scene.set, scene, state).is_some_and(|us| us <= scene.clock_us) {
        turn_on(scene, state);
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

/// Every step of the ladder whose time has come is told.
fn escalate(scene: &Scene<'_>, state: &mut RuleState, sink: Sink<'_>) {
    while escalates_us(scene, state).is_some_and(|us| us <= scene.clock_us) {
        state.signal.level += 1;
        say(
            scene,
            state,
            Phase::Update,
            Cause::Escalated,
            Facts::default(),
            sink,
        );
    }
}

/// When an acknowledged alarm sounds again.
fn re_alarm_us(set: &RuleSet, scene: &Scene<'_>, state: &RuleState) -> Option<i64> {
    if state.active == 0
        || state.signal.presence != Presence::Acknowledged
        || pause::of(scene.pauses, state).is_some()
    {
        return None;
    }
    match set.re_alarm_us(scene.rule(state)?, state.urgency.priority) {
        0 => None,
        after_us => Some(state.signal.acknowledged_us.saturating_add(after_us)),
    }
}

/// When an alarm that nobody acknowledges is told to the next step of its ladder.
fn escalates_us(scene: &Scene<'_>, state: &RuleState) -> Option<i64> {
    if state.active == 0
        || state.signal.presence != Presence::On
        || state.signal.level == 0
        || pause::of(scene.pauses, state).is_some()
    {
        return None;
    }
    let next = ladder(scene.rule(state))?
        .steps
        .get(usize::from(state.signal.level))?;
    Some(state.signal.on_us.saturating_add(next.after_us))
}

/// Ends everything: the subject is one no more.
pub(super) fn end_all(
    scene: &Scene<'_>,
    states: &mut Vec<RuleState>,
    facts: Facts<'_>,
    sink: Sink<'_>,
) {
    for i in scene.in_order(states) {
        if let Some(state) = states.get_mut(i) {
            if state.signal.presence != Presence::None {
                say(scene, state, Phase::End, Cause::Condition, facts, sink);
            }
        }
    }
    states.clear();
}

/// When the clock has something to do for the alarms of a subject.
pub fn due_us(scene: &Scene<'_>, states: &[RuleState], special: Option<&Special>) -> Option<i64> {
    let of_states = states.iter().flat_map(|state| {
        [
            re_alarm_us(scene.set, scene, state),
            escalates_us(scene, state),
        ]
    });
    let pauses = special.into_iter().flat_map(|s| &s.pauses);
    let pauses = pauses.map(|p| p.until_us).filter(|us| *us != 0);
    let reporters = special.into_iter().flat_map(|s| &s.reporters);
    let reporters = reporters.map(component::forgotten_us);
    of_states.flatten().chain(pauses).chain(reporters).min()
}

/// When the clock has something to do for a subject; `i64::MAX` = never.
pub fn next_us(scene: &Scene<'_>, state: &PatientState) -> i64 {
    let alarms = due_us(scene, &state.rules, state.special.as_deref());
    let watchdog = silence::due_us(scene.set, state);
    let orphan = (state.orphan && !state.rules.is_empty())
        .then(|| orphan_ends_us(scene.set, state))
        .flatten();
    let all = [alarms, watchdog, orphan, forget::due_us(state)];
    all.into_iter().flatten().min().unwrap_or(i64::MAX)
}
